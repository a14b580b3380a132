"""Strings for a regular expression, as far as they can be derived from it: what is made is checked by who asked."""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_CLASSES = {"CATEGORY_DIGIT": "5", "CATEGORY_WORD": "m", "CATEGORY_SPACE": " ", "CATEGORY_NOT_DIGIT": "m", "CATEGORY_NOT_WORD": "-", "CATEGORY_NOT_SPACE": "m"}  # fmt: skip
_LETTERS = "moack bdefghijlnpqrstuvwxyzMOCKABDEFGHIJLNPQRSTUVWXYZ0123456789-_.:/@#é"


def matching(pattern: str, least: int, most: int | None) -> Iterator[str]:
    """Strings in which the pattern is found, of different lengths; none where the pattern is not a regular expression."""
    try:
        compiled = re.compile(pattern)
        tree = import_module("re._parser").parse(pattern)
    except (re.error, ImportError, RecursionError):
        return
    for extra in dict.fromkeys((0, 1, 2, least, *((most,) if most is not None else ()), *range(3, 12))):
        for choice in range(6):
            text = _Writer(extra, choice).of(tree)
            for padded in (
                text,
                text + "m" * (least - len(text)),
                "m" * (least - len(text)) + text,
                text + "m" * extra,
            ):
                if compiled.search(padded):
                    yield padded


class _Writer:
    """Writes one string: `extra` repeats beyond those needed, and the n-th of each choice."""

    def __init__(self, extra: int, choice: int) -> None:
        self._extra = extra
        self._choice = choice
        self._groups: dict[int, str] = {}

    def of(self, tree: Any) -> str:
        return "".join(self._one(str(operator), argument) for operator, argument in tree)

    def _one(self, operator: str, argument: Any) -> str:  # noqa: PLR0911 -- one answer a kind of node
        match operator:
            case "LITERAL":
                return chr(argument)
            case "NOT_LITERAL":
                return next(letter for letter in _LETTERS if ord(letter) != argument)
            case "ANY":
                return "m"
            case "IN":
                return self._from_class(argument)
            case "BRANCH":
                return self.of(argument[1][self._choice % len(argument[1])])
            case "SUBPATTERN":
                return self._group(argument[0], argument[-1])
            case "GROUPREF":
                return self._groups.get(argument, "")
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                low, high, inner = argument
                return "".join(self.of(inner) for _ in range(min(int(high), low + self._extra)))
            case "ATOMIC_GROUP":
                return self.of(argument)
            case _:  # anchors and assertions write nothing
                return ""

    def _group(self, number: int | None, tree: Any) -> str:
        text = self.of(tree)
        if number is not None:
            self._groups[number] = text
        return text

    def _from_class(self, members: Any) -> str:
        named = [(str(operator), argument) for operator, argument in members]
        if named[0][0] == "NEGATE":
            refused = "".join(self._member(*member) for member in named[1:])
            ranges = [argument for operator, argument in named[1:] if operator == "RANGE"]
            return next(
                (x for x in _LETTERS if x not in refused and not any(low <= ord(x) <= high for low, high in ranges)),
                "~",
            )
        return self._member(*named[self._choice % len(named)])

    def _member(self, operator: str, argument: Any) -> str:
        if operator == "RANGE":
            low, high = argument
            return chr(min(high, low + self._choice))
        if operator == "CATEGORY":
            return _CLASSES.get(str(argument), "m")
        return chr(argument)
