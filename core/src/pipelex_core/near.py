"""The name that was probably meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST = 2000


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The name most like a wrong one, or None where none is like it.

    Of very many names, only those that begin with the same two characters are compared: the comparison is slow.
    """
    from difflib import get_close_matches

    candidates = [candidate for candidate in names if candidate != name]
    if len(candidates) > _MOST:
        candidates = [candidate for candidate in candidates if candidate[:2] == name[:2]][:_MOST]
    found = get_close_matches(name[:200], candidates, n=1)
    return found[0] if found else None


def did_you_mean(name: str, names: Iterable[str]) -> str | None:
    """The nearest name as a question, or None."""
    found = nearest(name, names)
    return f"did you mean '{found}'?" if found else None
