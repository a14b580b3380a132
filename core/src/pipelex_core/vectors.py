"""Vectors: rows of float32 numbers in one buffer, as a provider gave them, bit for bit."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, overload

from attrs import field, frozen

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BYTES_A_NUMBER = 4


@frozen(repr=False)
class Vectors(Sequence["array[float]"]):
    """Rows of float32 numbers, all of one length; a row is an `array("f")`.

    Attributes:
        data: The rows, one after the other: little-endian float32 (IEEE 754), 4 bytes a number.
        dimensions: Numbers in a row.
    """

    data: bytes
    dimensions: int = field()

    @dimensions.validator
    def _check(self, _: object, dimensions: int) -> None:
        if dimensions < 1 or len(self.data) % (BYTES_A_NUMBER * dimensions):
            raise ValueError(f"{len(self.data)} bytes are not rows of {dimensions} float32 numbers")

    @classmethod
    def of(cls, rows: Iterable[Iterable[float]]) -> Vectors:
        """Make vectors of rows of numbers.

        Raises:
            ValueError: There is no row, or one is of another length than the first.
            TypeError: There is something else than a number in a row.
        """
        numbers = array("f")
        dimensions = count = 0
        for count, row in enumerate(rows, 1):  # noqa: B007 -- how many there were
            before = len(numbers)
            numbers.extend(row)
            dimensions = dimensions or len(numbers)
            if len(numbers) - before != dimensions:
                break
        if not dimensions or len(numbers) != count * dimensions:
            raise ValueError("there is no vector, or one of them has another length than the first")
        return cls(_little_endian(numbers).tobytes(), dimensions)

    def __len__(self) -> int:
        return len(self.data) // (BYTES_A_NUMBER * self.dimensions)

    @overload
    def __getitem__(self, index: int) -> array[float]: ...

    @overload
    def __getitem__(self, index: slice) -> Vectors: ...

    def __getitem__(self, index: int | slice) -> array[float] | Vectors:
        """One row, or some as vectors of their own."""
        width = BYTES_A_NUMBER * self.dimensions
        places = range(len(self))[index]
        if isinstance(places, int):
            return _little_endian(array("f", self.data[places * width : (places + 1) * width]))
        if places.step == 1:
            return Vectors(self.data[places.start * width : places.stop * width], self.dimensions)
        return Vectors(b"".join(self.data[at * width : (at + 1) * width] for at in places), self.dimensions)

    def __repr__(self) -> str:
        """How many there are, and how long: the numbers would fill pages."""
        return f"Vectors({len(self)} × {self.dimensions})"

    def tolist(self) -> list[list[float]]:
        """The rows as lists of Python's numbers; for many vectors, `to_numpy` takes a small part of the memory."""
        return [row.tolist() for row in self]

    def to_numpy(self) -> NDArray[np.float32]:
        """A read-only numpy array of shape (rows, dimensions) and type float32, on the same memory.

        Raises:
            ImportError: numpy is not installed.
        """
        import numpy as np  # not a dependency: whoever wants arrays has it

        made: NDArray[np.float32] = np.frombuffer(self.data, "<f4").reshape(-1, self.dimensions)
        return made

    @property
    def is_normalised(self) -> bool:
        """Whether the first and the last row have length 1, to a thousandth: what holds for them holds for all."""
        return all(abs(sum(number * number for number in self[at]) - 1) < _NEARLY for at in {0, -1}) if self else False


@frozen(kw_only=True, repr=False)
class PartialVectors:
    """The vectors that a call had made when it failed: `embed(texts, resume=error.partial)` makes the others.

    Attributes:
        vectors: Those that are there, in the order of their texts.
        places: Which texts they are of, as ranges: `((0, 256), (512, 700))`.
        count: How many texts there were.
        model: Name of the model.
        purpose: What they were made for.
        digest: SHA-256 of the texts.
    """

    vectors: Vectors
    places: tuple[tuple[int, int], ...]
    count: int
    model: str
    purpose: str | None = None
    digest: bytes = b""

    @property
    def missing(self) -> tuple[int, ...]:
        """The numbers of the texts, from 0, that have no vector."""
        made = {at for start, stop in self.places for at in range(start, stop)}
        return tuple(at for at in range(self.count) if at not in made)

    def __repr__(self) -> str:
        return f"PartialVectors({self.vectors!r} of {self.count} texts, model={self.model!r})"


_NEARLY = 2e-3
"""How far the square of a length may be from 1: rows of half-precision numbers are less exact."""


def _little_endian(numbers: array[float]) -> array[float]:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
