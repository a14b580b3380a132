"""`pipelex batch run`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from pipelex_batch.options import amount_of, arguments_of, read_json, run_and_report
from pipelex_batch.run_options import RunOptions
from pipelex_batch.settings import BatchSettings
from pipelex_core.command_line import Context


def run(
    *inputs: Annotated[str, Parameter(allow_leading_hyphen=True)],
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    model: Annotated[str | None, Parameter(name=["--model", "-m"])] = None,
    operation: str = "",
    prompt: str | None = None,
    system: str | None = None,
    schema: Path | None = None,
    tools: Path | None = None,
    attach: list[str] | None = None,
    temperature: float | None = None,
    max_tokens: int | None = None,
    set: list[str] | None = None,
    concurrency: int = 16,
    budget: str | None = None,
    via: Literal["calls", "provider", "auto"] = "calls",
    within: float | None = None,
    detach: bool = False,
    poll: float = 10.0,
    engine: Literal["local", "ray"] = "local",
    address: str | None = None,
    workers: int | None = None,
    skip_bad: bool = False,
    changed: Literal["refuse", "keep"] = "refuse",
    json: bool = False,
    context: Annotated[Context, Parameter(parse=False)],
) -> int:
    """Call a model for every row of a file, or for every file of a folder; the same command again goes on.

    Args:
        inputs: Files of rows (.jsonl, .csv, .tsv, .parquet), or files and folders each file of which is a row; `-` is JSONL
            from stdin.
        output: A file .jsonl, .csv or .parquet; a name without an ending is a folder of Parquet files.
        model: A preset, alias or model; the deck's default where it is left out.
        operation: What to call, such as generate_text, extract or generate_image; an object where there is a schema, else text.
        prompt: A template, such as "Translate {text}"; without it each row has a prompt, or messages.
        system: The system prompt, likewise a template.
        schema: A file with a JSON schema: each answer is an object that follows it.
        tools: A file with a list of tools that the model may ask for.
        attach: A column that names a file to attach. May be given several times.
        temperature: Wins over the preset's.
        max_tokens: Most output tokens of a call; wins over the preset's.
        set: A further setting or argument of every call, name=value. May be given several times.
        concurrency: Calls under way at most; on a cluster, of each worker.
        budget: US$ that the run may cost in all; it stops before it costs more.
        via: Make calls, or have the provider's batch API answer within a day at its batch price; `auto` chooses by size, price and
            `--within`.
        within: Hours within which the answers are wanted, for `--via auto`.
        detach: End when the batches are at the provider; the same command again collects them.
        poll: Seconds before the provider is first asked how far its batches are; then it is asked ever less often.
        engine: Make the calls in this process, or on the nodes of a Ray cluster.
        address: Of the cluster, such as `auto`; without it, `--engine ray` starts one on this machine.
        workers: Workers on the cluster; one for each node, and two at least, where it is left out.
        skip_bad: Write rows that cannot be called as failed, instead of refusing the run.
        changed: What to do where an answered row holds something else now.
        json: Print one JSON document.
    """
    settings = BatchSettings(
        inputs=inputs,
        output=str(output),
        operation=operation,
        model=model,
        prompt=prompt,
        system=system,
        schema=read_json(schema, "schema", dict),
        attach=tuple(attach or ()),
        arguments=arguments_of(
            set, temperature=temperature, max_tokens=max_tokens, tools=read_json(tools, "file of tools", list)
        ),
        skip_bad=skip_bad,
    )
    options = RunOptions(
        concurrency=concurrency,
        budget=amount_of(budget),
        changed=changed,
        via=via,
        within=within,
        detach=detach,
        poll_s=poll,
        engine=engine,
        address=address,
        workers=workers,
    )
    return run_and_report(settings, options, context, json=json)
