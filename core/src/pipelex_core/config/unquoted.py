"""Names with dots that lack their quotes: TOML reads `[gpt-4.1]` as a table `1` inside a table `gpt-4`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from pipelex_core.config.problems import Faults
    from pipelex_core.errors import ConfigError
    from pipelex_core.specs import Source

QUOTES = "a name with dots is written in quotes"


def unquoted(name: str, table: Mapping[str, Any], known: AbstractSet[str]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """What is in a table under further parts of its name: the parts, and what they name.

    Args:
        name: The first part.
        table: What TOML made of it.
        known: The keys that a table of its kind may have: what has one of them is such a table.
    """
    for key, value in table.items():
        if key in known:
            continue
        if isinstance(value, dict) and value and known.isdisjoint(value):
            for parts, item in unquoted(key, value, known):
                yield (name, *parts), item
        else:
            yield (name, key), value


def report_unquoted(parts: tuple[str, ...], faults: Faults, kind: type[ConfigError], source: Source, form: str) -> str:
    """Report such a name, written as `form` says with the name in place of `{}`; the whole name."""
    *first, last = parts
    whole = ".".join(parts)
    message = f"'{last}' is inside '{'.'.join(first)}': {QUOTES}"
    faults.error(kind, "unknown-key", message, source, expected=form.format(f'"{whole}"'))
    return whole
