"""`pipelex call`."""

from __future__ import annotations

from json import JSONDecodeError, loads
from typing import Annotated, Any

from attrs import fields
from cyclopts import CycloptsError, Parameter

from pipelex_cli.completion import handles
from pipelex_cli.output import print_json, result_as_json, write
from pipelex_cli.text_input import prompt_text
from pipelex_core.command_line import Context


def call(
    capability: str,
    *inputs: Annotated[str, Parameter(allow_leading_hyphen=True)],
    model: Annotated[str | None, Parameter(name=["--model", "-m"], completer=handles)] = None,
    set: list[str] | None = None,
    deadline: float | None = None,
    json: bool = False,
    context: Annotated[Context, Parameter(parse=False)],
) -> int:
    """Call any capability, those of plugins too.

    Args:
        capability: Its name, such as llm or extract.
        inputs: What the call is about: a prompt, a file; several are passed as a list, and `-` is read from stdin.
        model: A preset, alias or model; the deck's default where it is left out.
        set: A setting as key=value; a value that is JSON is read as such. May be given several times.
        deadline: Seconds the call may take.
        json: Print one JSON document.
    """
    if not inputs:
        raise CycloptsError(msg="call needs an input: pipelex call CAPABILITY INPUT…")
    texts = [prompt_text(text) for text in inputs]
    settings = dict(map(_setting, set or ()))
    with context.client() as client:
        source = texts[0] if len(texts) == 1 else texts
        result = client.call(capability, source, model=model, deadline=deadline, **settings)
    if json:
        print_json({**_own(result), **result_as_json(result)})
    elif isinstance(text := getattr(result, "text", None), str):
        write(f"{text}\n")
    else:
        print_json(_own(result))
    return 0


def _setting(written: str) -> tuple[str, Any]:
    name, equals, value = written.partition("=")
    if not name or not equals:
        raise CycloptsError(msg=f"--set takes key=value, not {written!r}")
    if name in {"model", "deadline", "idle_timeout", "retries", "fallback_on", "capability", "source"}:
        raise CycloptsError(msg=f"--set is for settings of the capability, and '{name}' is not one")
    try:
        return name, loads(value)
    except JSONDecodeError:
        return name, value


def _own(result: Any) -> dict[str, Any]:
    """The fields of a result that not every result has."""
    from pipelex_core.results import Result

    plain: dict[str, Any] = result.to_dict()
    common = {field.name for field in fields(Result)}
    return {name: value for name, value in plain.items() if name not in common and name != "type"}
