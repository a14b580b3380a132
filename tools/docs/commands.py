"""The reference of the command line, made from the commands themselves: their usage, options and meanings."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin, get_type_hints

from cyclopts import Parameter

from pipelex_cli import app
from pipelex_core.plugins import discover
from tools.docs.docstrings import attributes_of, sentence, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def command_functions() -> dict[str, Callable[..., Any]]:
    """Command -> its function: those of the command line, then those that plugins add."""
    own = {name: f"pipelex_cli.commands.{name.replace('-', '_')}:{name.replace('-', '_')}" for name in app._COMMANDS}
    added = {name: command.function for name, command in discover().commands().items()}
    return {name: _function(place) for name, place in (own | added).items()}


def _function(place: str) -> Callable[..., Any]:
    """What `package.module:function` names."""
    module, _, name = place.partition(":")
    function: Callable[..., Any] = getattr(import_module(module), name)
    return function


def commands() -> str:
    """Every command: what it does, what it takes."""
    return "\n\n".join(_command(name, function) for name, function in command_functions().items())


def global_options() -> str:
    """The options that stand before a command."""
    function = app.make_app().meta.default_command
    assert function is not None
    return _table(function, skip=("tokens",))


def _command(name: str, function: Callable[..., Any]) -> str:
    parameters = inspect.signature(function).parameters.values()
    words = [f"pipelex {name}"]
    for parameter in parameters:
        if parameter.kind is parameter.VAR_POSITIONAL:
            words.append(f"[{parameter.name.upper()}...]")
        elif parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
            shown = parameter.name.upper()
            words.append(shown if parameter.default is parameter.empty else f"[{shown}]")
    options = any(each.kind is each.KEYWORD_ONLY and each.name != "context" for each in parameters)
    usage = " ".join(words) + (" [OPTIONS]" if options else "")
    text = (inspect.getdoc(function) or "").partition("\n\nArgs:")[0]
    return f"### pipelex {name}\n\n```text\n{usage}\n```\n\n{text}\n\n{_table(function, skip=('context',))}"


def _table(function: Callable[..., Any], *, skip: tuple[str, ...]) -> str:
    hints = get_type_hints(function, include_extras=True)
    meanings = attributes_of(function, "Args")
    rows = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name not in skip:
            names = ", ".join(f"`{each}`" for each in _names(parameter, hints[parameter.name]))
            rows.append((names, _value(hints[parameter.name]), sentence(meanings[parameter.name])))
    return table(("name", "value", "meaning"), rows)


def _names(parameter: inspect.Parameter, hint: Any) -> Iterator[str]:
    """How it is written on a command line."""
    provided = next((each.name for each in _metadata(hint) if each.name), None)
    if provided:
        yield from (provided,) if isinstance(provided, str) else provided
    elif parameter.kind is parameter.KEYWORD_ONLY or parameter.name in {"config", "env_file", "profile", "debug"}:
        yield f"--{parameter.name.replace('_', '-')}"
    else:
        yield parameter.name.upper()
    for each in _metadata(hint):
        yield from [each.negative] if isinstance(each.negative, str) else each.negative or ()


def _metadata(hint: Any) -> list[Parameter]:
    return [each for each in getattr(hint, "__metadata__", ()) if isinstance(each, Parameter)]


def _value(hint: Any) -> str:
    """What it may be, in words."""
    if get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    choices = [part for part in (hint, *get_args(hint)) if get_origin(part) is Literal]
    if choices:
        return ", ".join(f"`{word}`" for word in get_args(choices[0]))
    parts = [part for part in get_args(hint) if part is not type(None)] or [hint]
    words = {"bool": "", "str": "text", "int": "whole number", "float": "number", "Path": "path"}
    return words.get(getattr(parts[0], "__name__", ""), "text")
