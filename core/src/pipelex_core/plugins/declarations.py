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


def _mapping(
    expected: str, is_right: Callable[[Any], bool], *, pattern: str = "", names: str = ""
) -> Callable[[object], Mapping[str, Any]]:
    """A check of a mapping of names to values of one kind; `names` says what fits the pattern of a name."""

    def check(answer: object) -> Mapping[str, Any]:
        if not isinstance(answer, Mapping) or not all(isinstance(name, str) and name for name in answer):
            raise PluginError(f"must return a mapping of {expected}, not {answer!r:.80}")
        for name, value in answer.items():
            if not is_right(value):
                raise PluginError(f"must return a mapping of {expected}, and the value of '{name}' is {value!r:.80}")
            if pattern and not re.fullmatch(pattern, name):
                raise PluginError(f"must return {names}, not {name!r:.80}")
        return dict(answer)

    return check


def _by_scheme(what: str) -> Callable[[object], Mapping[str, Any]]:
    names = "schemes of small letters, digits, '-' and '_'"
    return _mapping(f"schemes to {what}", callable, pattern="[a-z][a-z0-9_-]*", names=names)


def _sequence(expected: str, is_right: Callable[[Any], bool]) -> Callable[[object], tuple[Any, ...]]:
    """A check of a sequence of one kind."""

    def check(answer: object) -> tuple[Any, ...]:
        if not isinstance(answer, Sequence) or not all(map(is_right, answer)):
            raise PluginError(f"must return a sequence of {expected}, not {answer!r:.80}")
        return tuple(answer)

    return check


_functions = _sequence("functions", callable)
_callables = _mapping("sdk names to factories", callable)
_traversables = _mapping("backend names to files", lambda file: hasattr(file, "is_file"))
_records = _sequence("`Capability` records", lambda record: isinstance(record, Capability))


def _factories(answer: object) -> Mapping[str, BackendFactory]:
    return {
        sdk: factory if isinstance(factory, BackendFactory) else BackendFactory(factory)
        for sdk, factory in _callables(answer).items()
    }


def _files(answer: object) -> Mapping[str, Any]:
    files = _traversables(answer)
    for backend, file in files.items():
        if not file.is_file():
            raise PluginError(f"must return files that exist, and that of backend '{backend}' does not")
    return files


def _capabilities(answer: object) -> Mapping[str, Capability]:
    """The records, by every name that a capability has to itself: its own, its model types, its operations."""
    claimed: dict[str, Capability] = {}
    for record in _records(answer):
        check(record, BUILT_IN)
        claimed |= dict.fromkeys((record.name, *record.model_types, *(each.name for each in record.operations)), record)
    return claimed


DECLARATIONS: dict[str, Declaration] = {
    "pipelex_backends": Declaration(check=_factories, noun="sdk"),
    "pipelex_model_specs": Declaration(check=_files),
    "pipelex_middleware": Declaration(check=_functions),
    "pipelex_capabilities": Declaration(check=_capabilities, noun="capability, model type or operation"),
    "pipelex_secrets": Declaration(check=_by_scheme("readers"), noun="secret scheme", reserved=("env", "secret")),
    "pipelex_tools": Declaration(
        check=_by_scheme("functions that make a source of tools"), noun="tool scheme", late=True
    ),
    "pipelex_tool_middleware": Declaration(check=_functions, late=True),
    "pipelex_checks": Declaration(check=_functions, late=True),
    "pipelex_orders": Declaration(
        check=_mapping("names to functions that make an order", callable), noun="order", reserved=(CHAIN, *ORDERS)
    ),
    "pipelex_commands": Declaration(
        check=_mapping("command names to `Command`s", lambda value: isinstance(value, Command)),
        noun="command",
        late=True,
    ),
}
"""Hook -> what it must return. Every other hook acts, and is called when there is something to do."""
