"""Switching backends on and off in backends.toml, and the routing profile in use in routing_profiles.toml."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_cli.edits.document import append, put, read, replaced
from pipelex_cli.edits.syntax import scan
from pipelex_cli.starter import WAITS, backend_table
from pipelex_core.errors import ModelsManagerError, Problem
from pipelex_core.near import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from pipelex_cli.edits.syntax import Pair
    from pipelex_cli.starter.backend import ShippedBackend


def switch(text: str, names: Sequence[str], shipped: Mapping[str, ShippedBackend], *, on: bool) -> str:
    """The text of backends.toml with backends on or off; one that only a plugin brings gets its table.

    Raises:
        ModelsManagerError: There is no backend of a name; one problem a name.
    """
    tables = read(text)
    known = _known(tables, shipped)
    unknown = [_unknown(name, known) for name in names if name not in known]
    if unknown:
        raise ModelsManagerError(problems=unknown)
    for name in names:
        table = read(text).get(name)
        if isinstance(table, dict):
            if table.get("enabled", True) is not on:
                text = put(text, (name, "enabled"), on)
        elif on:
            text = append(text, backend_table(shipped[name], enabled=True))
        else:
            text = put(text, (name, "enabled"), False)
    return text


def waiting(text: str) -> Iterator[str]:
    """The backends that are off because their key was not there when they were written."""
    for pair in _enabled(text):
        if text[pair.start : pair.end] == "false" and _waits(text, pair):
            yield pair.path[0]


def decided(text: str, names: Collection[str]) -> str:
    """The text where some backends no longer wait for their key: somebody has decided."""
    cuts = [
        (pair.parts[0].start - len(WAITS), pair.parts[0].start, "") for pair in _enabled(text) if _waits(text, pair)
    ]
    chosen = [pair.path[0] for pair in _enabled(text) if _waits(text, pair)]
    return replaced(text, [cut for cut, name in zip(cuts, chosen, strict=True) if name in names])


def _enabled(text: str) -> Iterator[Pair]:
    """The keys that switch a backend on or off."""
    return (pair for pair in scan(text).pairs if len(pair.path) == 2 and pair.path[1] == "enabled")


def _waits(text: str, pair: Pair) -> bool:
    return text[: pair.parts[0].start].endswith(WAITS)


def use(text: str, profile: str) -> str:
    """The text of routing_profiles.toml with another profile in use.

    Raises:
        ModelsManagerError: There is no such profile.
    """
    profiles = read(text).get("profiles", {})
    if profile not in profiles:
        raise ModelsManagerError(problems=[unknown_name("unknown-profile", "routing profile", profile, profiles)])
    return put(text, ("active",), profile)


def unknown_name(code: str, kind: str, name: str, known: Collection[str]) -> Problem:
    """A name that does not exist, and the one that was probably meant."""
    return Problem(
        code=code,
        message=f"there is no {kind} '{name}'",
        expected=f"one of {', '.join(known)}" if known else None,
        suggestion=did_you_mean(name, known),
    )


def _known(tables: Mapping[str, Any], shipped: Mapping[str, ShippedBackend]) -> list[str]:
    """Every backend: those with a table, then those that only plugins bring."""
    return list(dict.fromkeys([*(name for name, table in tables.items() if isinstance(table, dict)), *shipped]))


def _unknown(name: str, known: Collection[str]) -> Problem:
    return unknown_name("unknown-backend", "backend", name, known)


def table_of(name: str, tables: Mapping[str, Any], shipped: Mapping[str, ShippedBackend]) -> dict[str, Any]:
    """All keys of a backend, as backends.toml and its plugin write them; the file wins.

    Raises:
        ModelsManagerError: There is no such backend.
    """
    known = _known(tables, shipped)
    if name not in known:
        raise ModelsManagerError(problems=[_unknown(name, known)])
    own = tables.get(name, {})
    return {**(shipped[name].table if name in shipped else {}), **(own if isinstance(own, dict) else {})}
