"""HTML that is escaped wherever it is not made here."""

from __future__ import annotations

import re
from html import escape

_NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_VOID = frozenset({"input", "meta", "br"})


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def text(value: object) -> Markup:
    """A value as HTML: markup as it is, everything else escaped, characters that mean nothing or mislead replaced."""
    if isinstance(value, Markup):
        return value
    return Markup(escape(_NO_TEXT.sub("\ufffd", str(value))))


def tag(name: str, /, *children: object, **attributes: object) -> Markup:
    """An element; children that are None are left out, and attributes that are None or False.

    Args:
        name: Its name.
        children: Markup, or texts to be escaped.
        attributes: Values, True for an attribute without one; `_` in a name becomes `-`, at its end nothing.
    """
    written = []
    for key, value in attributes.items():
        attribute = key.rstrip("_").replace("_", "-")
        if value is True:
            written.append(f" {attribute}")
        elif value is not None and value is not False:
            written.append(f' {attribute}="{text(value)}"')
    start = f"<{name}{''.join(written)}>"
    if name in _VOID:
        return Markup(start)
    return Markup(f"{start}{''.join(text(child) for child in children if child is not None)}</{name}>")


def joined(*parts: object) -> Markup:
    """Parts one after the other."""
    return Markup("".join(text(part) for part in parts if part is not None))
