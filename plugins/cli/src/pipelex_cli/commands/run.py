"""`pipelex run`."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import CycloptsError, Parameter

from pipelex_cli.fetching import fetch_first
from pipelex_cli.output import note, print_json, result_as_json, write
from pipelex_cli.text_input import prompt_text
from pipelex_core.command_line import Context

if TYPE_CHECKING:
    from pipelex_core.client import Client
    from pipelex_core.results import RunResult


def run(
    prompt: Annotated[str, Parameter(allow_leading_hyphen=True)],
    *,
    tool: list[str] | None = None,
    model: Annotated[str | None, Parameter(name=["--model", "-m"])] = None,
    system: str | None = None,
    image: list[str] | None = None,
    pdf: list[str] | None = None,
    audio: list[str] | None = None,
    web_search: bool = False,
    max_turns: int = 8,
    tool_timeout: float = 60.0,
    budget: float | None = None,
    max_tokens: int | None = None,
    deadline: float | None = None,
    json: bool = False,
    context: Annotated[Context, Parameter(parse=False)],
) -> int:
    """Generate text with tools: those that the model asks for run, until it asks for none.

    Args:
        prompt: What to say; `-` reads it from stdin.
        tool: A Python function as module:function, the folder of the command first; or an address that a plugin knows,
            such as mcp:https://… or mcp:COMMAND. May be given several times.
        model: A preset, alias or model; the deck's default where it is left out.
        system: System prompt.
        image: An image to attach: path or URL. May be given several times.
        pdf: A PDF to attach: path or URL. May be given several times.
        audio: A recording to attach, for a model that hears: path or URL. May be given several times.
        web_search: Let the provider search the web, where it does; `--json` has the sources.
        max_turns: How often the model may answer.
        tool_timeout: Seconds one tool may take.
        budget: US$ that the run may cost.
        max_tokens: Most output tokens of a turn; wins over the preset's.
        deadline: Seconds the whole run may take.
        json: Print one JSON document.
    """
    if not tool:
        raise CycloptsError(msg="run needs a tool: pipelex run PROMPT --tool module:function")
    text = prompt_text(prompt)
    with context.client() as client:
        tools = [each for address in tool for each in _tools(client, address)]
        fetch_first(client, model)
        result = client.run(
            text,
            tools=tools,
            model=model,
            max_turns=max_turns,
            tool_timeout=tool_timeout,
            budget_usd=budget,
            system=system,
            images=image or [],
            documents=pdf or [],
            audio=audio or [],
            hosted_tools=["web_search"] if web_search else [],
            max_tokens=max_tokens,
            deadline=deadline,
        )
    if json:
        print_json(_as_json(result))
    else:
        write(result.text.rstrip("\n") + "\n")
        _tell(result)
    return 0


def _tools(client: Client, address: str) -> list[Any]:
    """What an address means: a plugin's, or a function or a list of them in a module."""
    module, colon, name = address.partition(":")
    if module in client.plugins.offered("pipelex_tools"):
        return [address]
    if not colon or not name:
        raise CycloptsError(msg=f"--tool takes module:function, or an address that a plugin knows, not {address!r}")
    if "" not in sys.path:
        sys.path.insert(0, "")  # as `python -m` does: the folder where the command is written
    try:
        found: Any = import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except ImportError as error:
        raise CycloptsError(msg=f"--tool {address}: {error}") from error
    except AttributeError as error:
        raise CycloptsError(msg=f"--tool {address}: {error}") from error
    return list(found) if isinstance(found, (list, tuple)) else [found]


def _as_json(result: RunResult) -> dict[str, Any]:
    turns = [{**result_as_json(turn), "finish_reason": turn.finish_reason} for turn in result.turns]
    messages = [message.to_dict() for message in result.messages]
    return {
        "text": result.text,
        **result_as_json(result),
        "finish_reason": result.finish_reason,
        "citations": [source.to_dict() for source in result.citations],
        "messages": messages,
        "turns": turns,
    }


def _tell(result: RunResult) -> None:
    """Say on stderr, on a terminal, who answered, after how many turns, and what it cost."""
    if sys.stderr.isatty():
        cost = f"{result.cost.amount:f} {result.cost.currency}" if result.cost else "of unknown cost"
        turns = f"{len(result.turns)} turn{'' if len(result.turns) == 1 else 's'}"
        note(f"({result.model} of {result.backend}, {turns}, {cost})")
    if result.finish_reason == "length":
        note("(the answer was cut short by max_tokens)")
