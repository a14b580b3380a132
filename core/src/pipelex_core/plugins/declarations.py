"""The declaring hooks: what each must return. A plugin whose answer is anything else is quarantined, with the reason."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import frozen

from pipelex_core.backend import BackendFactory
from pipelex_core.capabilities import BUILT_IN, Capability
from pipelex_core.capabilities.registry import check
from pipelex_core.commands import Command
from pipelex_core.errors import PluginError
from pipelex_core.orders import CHAIN, ORDERS


@frozen(kw_only=True)
class Declaration:
    """One declaring hook.

    Attributes:
        check: Makes of an answer what is kept of it; raises a `PluginError` where the answer is wrong.
        noun: What a key of the answer names, where each name belongs to one plugin alone; None for other answers.
        reserved: The names that core has already.
        late: Whether the hook is called when its answer is first needed, and not when plugins are discovered.
    """

    check: Callable[[object], Any]
    noun: str | None = None
    reserved: tuple[str, ...] = ()
    late: bool = False


def _named(answer: object, expected: str, is_right: Callable[[Any], bool]) -> Mapping[str, Any]:
    """A mapping of names to values of one kind."""
    if not isinstance(answer, Mapping) or not all(isinstance(name, str) and name for name in answer):
        raise PluginError(f"must return a mapping of {expected}, not {answer!r:.80}")
    for name, value in answer.items():
        if not is_right(value):
            raise PluginError(f"must return a mapping of {expected}, and the value of '{name}' is {value!r:.80}")
    return dict(answer)


def _factories(answer: object) -> Mapping[str, BackendFactory]:
    factories = _named(answer, "sdk names to factories", callable)
    return {
        sdk: factory if isinstance(factory, BackendFactory) else BackendFactory(factory)
        for sdk, factory in factories.items()
    }


def _readers(answer: object) -> Mapping[str, Callable[..., Any]]:
    return _by_scheme(answer, "readers")


def _sources(answer: object) -> Mapping[str, Callable[..., Any]]:
    return _by_scheme(answer, "functions that make a source of tools")


def _by_scheme(answer: object, what: str) -> Mapping[str, Callable[..., Any]]:
    readers = _named(answer, f"schemes to {what}", callable)
    for scheme in readers:
        if not re.fullmatch(r"[a-z][a-z0-9_-]*", scheme):
            raise PluginError(f"must return schemes of small letters, digits, '-' and '_', not {scheme!r:.80}")
    return readers


def _makers(answer: object) -> Mapping[str, Callable[..., Any]]:
    return _named(answer, "names to functions that make an order", callable)


def _files(answer: object) -> Mapping[str, Any]:
    files = _named(answer, "backend names to files", lambda file: hasattr(file, "is_file"))
    for backend, file in files.items():
        if not file.is_file():
            raise PluginError(f"must return files that exist, and that of backend '{backend}' does not")
    return files


def _functions(answer: object) -> tuple[Callable[..., Any], ...]:
    if not isinstance(answer, Sequence) or not all(callable(function) for function in answer):
        raise PluginError(f"must return a sequence of functions, not {answer!r:.80}")
    return tuple(answer)


def _commands(answer: object) -> Mapping[str, Command]:
    return _named(answer, "command names to `Command`s", lambda value: isinstance(value, Command))


def _capabilities(answer: object) -> Mapping[str, Capability]:
    """The records, by every name that a capability has to itself: its own, its model types, its operations."""
    if not isinstance(answer, Sequence) or not all(isinstance(record, Capability) for record in answer):
        raise PluginError(f"must return a sequence of `Capability` records, not {answer!r:.80}")
    claimed: dict[str, Capability] = {}
    for record in answer:
        check(record, BUILT_IN)
        claimed |= dict.fromkeys((record.name, *record.model_types, *(each.name for each in record.operations)), record)
    return claimed


DECLARATIONS: dict[str, Declaration] = {
    "pipelex_backends": Declaration(check=_factories, noun="sdk"),
    "pipelex_model_specs": Declaration(check=_files),
    "pipelex_middleware": Declaration(check=_functions),
    "pipelex_capabilities": Declaration(check=_capabilities, noun="capability, model type or operation"),
    "pipelex_secrets": Declaration(check=_readers, noun="secret scheme", reserved=("env", "secret")),
    "pipelex_tools": Declaration(check=_sources, noun="tool scheme", late=True),
    "pipelex_tool_middleware": Declaration(check=_functions, late=True),
    "pipelex_checks": Declaration(check=_functions, late=True),
    "pipelex_orders": Declaration(check=_makers, noun="order", reserved=(CHAIN, *ORDERS)),
    "pipelex_commands": Declaration(check=_commands, noun="command", late=True),
}
"""Hook -> what it must return. Every other hook acts, and is called when there is something to do."""
