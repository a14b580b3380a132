"""The base of every error, and the error of plain data: below `errors.py`, for the modules that stand under it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class PipelexError(Exception):
    """The base of every error of this library."""


class PlainDataError(PipelexError, ValueError):
    """A mapping that is not what `from_dict` reads, or a value that `to_dict` cannot write.

    It is a ValueError too, as the error of `json.loads` is: one `except ValueError` serves both, and pydantic and FastAPI
    report it as a fault of their input.

    Attributes:
        faults: Every fault, each with its path, such as `$.parts[0].text: must be a string, not int`.
    """

    def __init__(self, message: str, faults: Sequence[str] = ()) -> None:
        self.faults = tuple(faults)
        super().__init__(message, self.faults)

    def __str__(self) -> str:
        """The message, then the faults: one on the same line, several on a line each."""
        message = str(self.args[0])
        if len(self.faults) == 1:
            return f"{message}: {self.faults[0]}"
        return "\n    ".join([message, *self.faults])
