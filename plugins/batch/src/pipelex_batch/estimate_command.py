"""`pipelex batch estimate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from pipelex_batch.estimating import estimate_rows
from pipelex_batch.options import arguments_of, client_of, read_json
from pipelex_batch.settings import BatchSettings
from pipelex_core.command_line import Context


def estimate(
    *inputs: str,
    model: Annotated[str | None, Parameter(name=["--model", "-m"])] = None,
    operation: str = "",
    prompt: str | None = None,
    system: str | None = None,
    schema: Path | None = None,
    attach: list[str] | None = None,
    max_tokens: int | None = None,
    set: list[str] | None = None,
    json: bool = False,
    context: Annotated[Context, Parameter(parse=False)],
) -> int:
    """Show what a run would cost, at least and at most; nothing is sent.

    Args:
        inputs: As for `batch run`.
        model: As for `batch run`.
        operation: As for `batch run`.
        prompt: As for `batch run`.
        system: As for `batch run`.
        schema: As for `batch run`.
        attach: As for `batch run`.
        max_tokens: As for `batch run`; it bounds the answers.
        set: As for `batch run`.
        json: Print one JSON document.
    """
    settings = BatchSettings(
        inputs=inputs,
        output="-.jsonl",
        operation=operation,
        model=model,
        prompt=prompt,
        system=system,
        schema=read_json(schema, "schema", dict),
        attach=tuple(attach or ()),
        arguments=arguments_of(set, max_tokens=max_tokens),
    )
    found = estimate_rows(settings, client_of(context).deck)
    if json:
        context.print_json(found.to_dict())
    else:
        for line in found.lines():
            context.note(line)
    return 0
