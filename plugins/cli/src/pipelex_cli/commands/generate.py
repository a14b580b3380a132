"""`pipelex generate`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from pipelex_cli.completion import handles, templates
from pipelex_cli.fetching import fetch_first
from pipelex_cli.output import note, print_json, result_as_json, write
from pipelex_cli.text_input import file_text, prompt_text
from pipelex_core.command_line import Context

if TYPE_CHECKING:
    from pipelex_core.client import Client
    from pipelex_core.results import ObjectResult, TextResult


def generate(
    prompt: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    *,
    model: Annotated[str | None, Parameter(name=["--model", "-m"], completer=handles)] = None,
    template: Annotated[str | None, Parameter(name=["--template", "-t"], completer=templates)] = None,
    set: Annotated[list[str] | None, Parameter(name=["--set", "-s"])] = None,
    system: str | None = None,
    image: list[str] | None = None,
    pdf: list[str] | None = None,
    audio: list[str] | None = None,
    web_search: bool = False,
    schema: Path | None = None,
    temperature: float | None = None,
    max_tokens: int | None = None,
    number: Annotated[int | None, Parameter(name=["--number", "-n"])] = None,
    logprobs: int | None = None,
    deadline: float | None = None,
    stream: Annotated[bool | None, Parameter(negative="--no-stream")] = None,
    json: bool = False,
    context: Annotated[Context, Parameter(parse=False)],
) -> int:
    """Generate text; it streams on a terminal.

    Args:
        prompt: What to say; `-` reads it from stdin. It may be left out where a template says everything.
        model: A preset, alias or model; the deck's default where it is left out.
        template: A prompt of `[llm.prompts]`; PROMPT is its `{input}`, or follows its text.
        set: The value of a placeholder of the template: `name=text`. May be given several times.
        system: System prompt.
        image: An image to attach: path or URL. May be given several times.
        pdf: A PDF to attach: path or URL. May be given several times.
        audio: A recording to attach, for a model that hears: path or URL. May be given several times.
        web_search: Let the provider search the web, where it does; `--json` has the sources.
        schema: A file with a JSON schema: the answer is an object that follows it.
        temperature: Wins over the preset's.
        max_tokens: Most output tokens; wins over the preset's.
        number: How many answers to request, from providers that can give several; they are printed whole, not streamed.
        logprobs: How many of the likeliest tokens to report for each place; `--json` shows them.
        deadline: Seconds the call may take.
        stream: Print the text as it comes; on by default on a terminal.
        json: Print one JSON document.
    """
    if prompt is None and template is None:
        note(
            "pipelex: PROMPT is missing\nRun `pipelex generate --help` for its options, `pipelex --help` for what there is."
        )
        return 2
    text = "" if prompt is None else prompt_text(prompt)
    provided: dict[str, Any] = {
        "model": model,
        "system": system,
        "images": image or [],
        "documents": pdf or [],
        "audio": audio or [],
        "hosted_tools": ["web_search"] if web_search else [],
        "temperature": temperature,
        "max_tokens": max_tokens,
        "n": number,
        "logprobs": logprobs,
        "deadline": deadline,
    }
    with context.client() as client:
        if template is not None:
            text = _from_template(client, template, text, set or [], provided)
        fetch_first(client, provided["model"])
        if schema is not None:
            _print_object(client.generate_object(text, _schema(schema), **provided), as_json=json)
        elif not json and number is None and (sys.stdout.isatty() if stream is None else stream):
            _print_stream(client, text, provided)
        else:
            _print_text(client.generate_text(text, **provided), as_json=json)
    return 0


def _from_template(client: Client, name: str, text: str, values: list[str], provided: dict[str, Any]) -> str:
    """The prompt that a template makes; its system prompt and its model hold where the command line names none."""
    found = client.deck.prompt(name)
    pairs = dict(value.partition("=")[::2] for value in values)
    system, prompt = found.fill(text, pairs)
    provided["system"] = provided["system"] or system
    provided["model"] = provided["model"] or found.model
    return prompt


def _schema(file: Path) -> dict[str, Any]:
    import json as json_module

    from pipelex_core.errors import UnsupportedInputError

    try:
        schema = json_module.loads(file_text(file))
    except (ValueError, RecursionError) as error:
        msg = f"the schema '{file}' is not JSON: {error}"
        raise UnsupportedInputError(msg) from error
    if not isinstance(schema, dict):
        msg = f"the schema '{file}' is not a JSON object"
        raise UnsupportedInputError(msg)
    return schema


def _print_stream(client: Client, text: str, provided: dict[str, Any]) -> None:
    with client.stream_text(text, **provided) as stream:
        try:
            for delta in stream:
                write(delta)
                sys.stdout.flush()
        finally:
            sys.stdout.write("\n")  # also where it broke off: what is wrong begins a line of its own
    _tell(stream.result)


def _print_text(result: TextResult, *, as_json: bool) -> None:
    if as_json:
        print_json({"text": result.text, **result_as_json(result), **_ended(result)})
    else:
        for place, text in enumerate((result.text, *result.alternatives), 1):
            write(f"--- {place}\n" if result.alternatives else "")
            write(text.rstrip("\n") + "\n")
        _tell(result)


def _ended(result: TextResult) -> dict[str, Any]:
    """Why the answer ended; and its sources, further answers and likelihoods, where it has some."""
    more: dict[str, Any] = {
        "citations": [source.to_dict() for source in result.citations],
        "alternatives": list(result.alternatives),
        "logprobs": [token.to_dict() for token in result.logprobs],
    }
    return {"finish_reason": result.finish_reason, **{name: value for name, value in more.items() if value}}


def _print_object(result: ObjectResult[Any], *, as_json: bool) -> None:
    if as_json:
        print_json({"object": result.value, **result_as_json(result), "finish_reason": result.finish_reason})
    else:
        print_json(result.value)
        _tell(result)


def _tell(result: TextResult | ObjectResult[Any]) -> None:
    """Say on stderr how the answer ended, and on a terminal who answered and what it cost."""
    if sys.stderr.isatty():
        cost = f"{result.cost.amount:f} {result.cost.currency}" if result.cost else "of unknown cost"
        note(f"({result.model} of {result.backend}, {cost})")
    if result.finish_reason == "length":
        note("(the answer was cut short by max_tokens)")
    elif result.finish_reason == "content_filter":
        note("(the provider withheld the rest because of its content)")
