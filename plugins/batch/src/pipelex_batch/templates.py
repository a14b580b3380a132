"""Templates: a text with `{column}`s, filled in from a row; `{{` and `}}` are braces."""

from __future__ import annotations

from string import Formatter
from typing import TYPE_CHECKING, Any

import msgspec

from pipelex_batch.settings import BatchError
from pipelex_core.near import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class BadRowError(Exception):
    """A row that cannot be called; its text says why, without the row's number."""


class Template:
    """A text with columns to fill in.

    Attributes:
        columns: The names of its columns.
    """

    def __init__(self, text: str) -> None:
        self._pieces = _pieces(text)
        self.columns = frozenset(name for _, name in self._pieces if name is not None)

    def fill(self, fields: Mapping[str, Any]) -> str:
        """Put the values of a row in; null is nothing, and what is not a text is JSON.

        Raises:
            BadRowError: The row lacks a column, or its value is not text.
        """
        made: list[str] = []
        for literal, name in self._pieces:
            made.append(literal)
            if name is not None:
                made.append(_text_of(fields, name))
        return "".join(made)


def lacking(name: str, columns: Sequence[str]) -> BadRowError:
    """The error of a row without a column."""
    hint = did_you_mean(name, columns)
    return BadRowError(f"it lacks the column '{name}'{f'; {hint}' if hint else ''}")


def _text_of(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name, fields)
    if value is fields:
        raise lacking(name, [*fields])
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bytes):
        msg = f"its column '{name}' holds bytes, which cannot stand in a prompt"
        raise BadRowError(msg)
    return msgspec.json.encode(value).decode()


def _pieces(text: str) -> list[tuple[str, str | None]]:
    try:
        parsed = list(Formatter().parse(text))
    except ValueError as error:
        msg = f"the template is not well formed: {error}; write {{{{ and }}}} for braces"
        raise BatchError(msg) from None
    for _, name, form, conversion in parsed:
        if name == "" or form or conversion:
            msg = f"a template has columns such as {{question}}, not {{{name or ''}{f'!{conversion}' if conversion else ''}{f':{form}' if form else ''}}}"
            raise BatchError(msg)
    return [(literal, name) for literal, name, _, _ in parsed]
