"""What the readers of values raise."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection


class WrongValueError(ValueError):
    """A wrong value: says what it is and what was expected; shows it only where it is one word of a few, misspelt.

    Attributes:
        got: What the value is.
        expected: What would have been right.
        near: A misspelt word, and the words that would have been right.
        path: Where in the value that was read; empty for all of it.
    """

    def __init__(self, got: str, expected: str, *, near: tuple[str, Collection[str]] | None = None) -> None:
        super().__init__(got)
        self.got = got
        self.expected = expected
        self.near = near
        self.path: tuple[str, ...] = ()


class UnknownNameError(ValueError):
    """A key that means nothing, in a table whose keys are `names`; `path` ends with it."""

    def __init__(self, name: str, names: tuple[str, ...]) -> None:
        super().__init__(name)
        self.names = names
        self.path: tuple[str, ...] = ()
