"""Every public name with what its docstring says: made for docs/reference.md."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from typing import TYPE_CHECKING, Any

from attrs import fields_dict, has

from tools.docs.docstrings import attributes_of, sentence, summary, table

if TYPE_CHECKING:
    from collections.abc import Iterator

MODULES: dict[str, str] = {
    "pipelex_core": "For programs",
    "pipelex_core.backend": "For plugins: backends",
    "pipelex_core.hookspecs": "For plugins: hooks",
    "pipelex_core.requests": "For plugins: requests",
    "pipelex_core.results": "For plugins: answers",
    "pipelex_core.calls": "For plugins: calls",
    "pipelex_core.parts": "For plugins: messages",
    "pipelex_core.errors": "For plugins: errors",
    "pipelex_core.specs": "For plugins: what is configured",
    "pipelex_testing": "For the tests of plugins",
}
"""Module -> heading of its names."""


def public_names() -> str:
    """The whole reference."""
    shown: set[int] = set()
    parts = []
    for module, title in MODULES.items():
        names = [(name, thing) for name, thing in names_of(module) if id(thing) not in shown]
        shown |= {id(thing) for _, thing in names}
        entries = [_entry(name, thing) for name, thing in names]
        values = ", ".join(f"`{name}`" for name in constants_of(module))
        parts.append("\n\n".join([f"## {title}", f"`{module}`", *([f"Values: {values}"] if values else []), *entries]))
    return "\n\n".join(parts)


def names_of(module: str) -> Iterator[tuple[str, Any]]:
    """The public classes and functions of a module: those it lists, else those it defines."""
    loaded = import_module(module)
    for name in getattr(loaded, "__all__", None) or vars(loaded):
        thing = getattr(loaded, name)
        own = name in getattr(loaded, "__all__", ()) or getattr(thing, "__module__", None) == module
        if own and not name.startswith("_") and (inspect.isclass(thing) or inspect.isfunction(thing)):
            yield name, thing


def constants_of(module: str) -> list[str]:
    """What a module lists besides classes and functions."""
    reported = {name for name, _ in names_of(module)}
    return [name for name in getattr(import_module(module), "__all__", ()) if name not in reported]


def _entry(name: str, thing: Any) -> str:
    """One name: its heading, first paragraph, and tables of what it has or takes."""
    parts = [f"### {name}", summary(thing)]
    if inspect.isfunction(thing):
        word = "async " if inspect.iscoroutinefunction(thing) else ""
        parts += [f"```text\n{word}{name}{_signature(thing)}\n```", _named("argument", attributes_of(thing, "Args"))]
    else:
        parts += [_named("attribute", _attributes(thing)), _methods(thing)]
    return "\n\n".join(part for part in parts if part)


def _attributes(cls: type) -> dict[str, str]:
    """What is documented of a class and its bases; a field without documentation has no text."""
    reported: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        reported |= (
            attributes_of(base)
            if base.__module__.startswith(("pipelex_core", "pipelex_testing")) and "__doc__" in vars(base)
            else {}
        )
    fields = {name: "" for name in fields_dict(cls) if not name.startswith("_")} if has(cls) else {}
    return {**fields, **reported}


def _methods(cls: type) -> str:
    rows = []
    for name, member in inspect.getmembers(cls):
        function = getattr(member, "__func__", member)
        if name.startswith("_") or not str(getattr(function, "__module__", "")).startswith(
            ("pipelex_core", "pipelex_testing")
        ):
            continue
        if inspect.isfunction(function):
            word = "async " if inspect.iscoroutinefunction(function) else ""
            rows.append((f"`{word}{name}{_signature(function)}`", sentence(summary(function))))
    return table(("method", "does"), rows)


def _signature(function: Any) -> str:
    """Names and defaults, without types, which the texts give; a group of arguments is shown name by name."""
    plain: list[inspect.Parameter] = []
    for each in inspect.signature(function).parameters.values():
        group = re.fullmatch(r"Unpack\[(\w+)\]", str(each.annotation))
        if group is not None:
            names = _KEYS_OF[group[1]].__annotations__
            plain += [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=_OPTIONAL) for name in names]
        elif each.name not in {"self", "cls"}:
            plain.append(each.replace(annotation=each.empty))
    return str(inspect.Signature(plain))


class _Optional:
    def __repr__(self) -> str:
        return "…"


_OPTIONAL = _Optional()
"""The default of an argument that counts only where it is passed."""

_KEYS_OF = vars(import_module("pipelex_core.client.arguments"))
"""The groups of arguments, by name."""


def _named(head: str, texts: dict[str, str]) -> str:
    return table((head, "is"), ((f"`{name}`", sentence(text)) for name, text in texts.items()))
