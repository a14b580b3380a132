"""Aliases and presets, each put together from several files.

One that names its model replaces an earlier one whole; one that does not changes just the keys it has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from pipelex_core.config.problems import Faults, type_name
from pipelex_core.config.structure import is_table, report_unquoted, unquoted
from pipelex_core.errors import ConfigError
from pipelex_core.near import nearest
from pipelex_core.settings import MODEL_KEYS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_core.specs import Source

TABLE_KEYS = frozenset({*MODEL_KEYS, "description", "on_unsupported_setting", "order"})
"""The keys that the table of an alias or a preset may have, besides settings."""

REPORTED = None
"""Stands for a model whose fault is reported already; TOML itself has no null."""


@frozen(eq=False, repr=False, slots=False)
class Layered:
    """A table put together from several files.

    Attributes:
        values: Its keys; the model always under `model`.
        sources: Where each key was written.
        source: Where the table was written first.
    """

    values: dict[str, Any]
    sources: dict[str, Source]
    source: Source

    def where(self, key: str) -> Source:
        """Where a key was written; the table for one that was not."""
        return self.sources.get(key, self.source)


def add_tables(
    known: dict[str, Layered],
    tables: Any,
    source: Source,
    faults: Faults,
    *,
    settings: frozenset[str],
    short: bool = True,
) -> None:
    """Merge the aliases or presets of one file; `short` allows a name or a list in place of a table.

    `settings` are the names of the settings that there are.
    """
    if not is_table(tables, source, faults, ConfigError):
        return
    keys = TABLE_KEYS | settings
    for name, value in tables.items():
        at = source.child(name)
        if isinstance(value, dict) and value and _lacks_quotes(value, keys):
            for parts, _ in unquoted(name, value, keys):
                whole = report_unquoted(parts, faults, ConfigError, at.child(*parts[1:]), "{} = …")
                known[whole] = Layered({"model": REPORTED}, {"model": at}, at)
            continue
        layer = _layer(name, value, at, faults, short=short)
        earlier = known.get(name)
        if earlier is None or "model" in layer.values or not isinstance(value, dict):
            known[name] = layer
        else:
            known[name] = Layered(
                {**earlier.values, **layer.values}, {**earlier.sources, **layer.sources}, earlier.source
            )


def _lacks_quotes(table: Mapping[str, Any], keys: frozenset[str]) -> bool:
    """Whether a table has nothing that an alias or a preset has, nor anything like it: its keys are parts of names."""
    return keys.isdisjoint(table) and not any(nearest(key, keys) for key in table)


def _layer(name: str, value: Any, source: Source, faults: Faults, *, short: bool) -> Layered:
    if not isinstance(value, dict):
        if short and isinstance(value, (str, list)):
            return Layered({"model": value}, {"model": source}, source)
        expected = "a model, a list of models, or { model = …, settings }" if short else "{ model = …, settings }"
        message = f"'{name}' cannot be {type_name(value)}"
        faults.error(ConfigError, "bad-value", message, source, expected=expected)
        return Layered({"model": REPORTED}, {"model": source}, source)
    named = [key for key in MODEL_KEYS if key in value]
    if len(named) > 1:
        message = f"'{name}' has both '{named[0]}' and '{named[1]}', which mean the same"
        faults.error(ConfigError, "mixed-generations", message, source.child(named[1]), expected="one of them")
    values = {key: item for key, item in value.items() if key not in named}
    sources = {key: source.child(key) for key in values}
    if named:
        values["model"], sources["model"] = value[named[0]], source.child(named[0])
    return Layered(values, sources, source)
