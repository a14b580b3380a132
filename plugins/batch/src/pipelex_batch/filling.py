"""A batch that is being filled: its lines go into a file, and what is written down of it is kept beside."""

from __future__ import annotations

import secrets
from array import array
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, BinaryIO

from attrs import define, field, frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pipelex_batch.answers import RowRequest
    from pipelex_core.batches import BatchLimits, BatchRunner


@frozen
class Line:
    """A row as a line of a batch.

    Attributes:
        number: The row's number.
        digest: Of what the row holds.
        data: The line, without a line feed.
        most: The most that it may cost, or None.
    """

    number: int
    digest: int
    data: bytes
    most: Decimal | None


@define(eq=False)
class Filling:
    """A batch that is being filled.

    Attributes:
        runner: Who takes it.
        requested: A row of it.
        limits: What it may hold.
        group: As its backend groups requests.
        path_of: Mark -> the file of its lines.
        before: The one before, which is full and waits until this one has rows enough to be sent.
        mark: What it is to be found by.
        numbers: The numbers of its rows, ascending.
        digests: Of what they hold.
        size: Its bytes.
        most: The most it may cost, or None.
    """

    runner: BatchRunner
    requested: RowRequest
    limits: BatchLimits
    group: str
    path_of: Callable[[str], Path]
    before: Filling | None = None
    mark: str = field(factory=lambda: secrets.token_hex(8))
    numbers: array[int] = field(factory=lambda: array("Q"))
    digests: array[int] = field(factory=lambda: array("Q"))
    size: int = 0
    most: Decimal | None = Decimal(0)
    _sizes: array[int] = field(factory=lambda: array("Q"))
    _file: BinaryIO | None = None

    @property
    def path(self) -> Path:
        """The file of its lines."""
        return self.path_of(self.mark)

    @property
    def lacks(self) -> int:
        """How many rows it is short of the fewest that a batch may have."""
        return max(self.limits.fewest - len(self.numbers), 0)

    def key(self, number: int) -> str:
        """The key of a row."""
        return f"{self.mark}-{number}"

    def has_room(self, line: bytes) -> bool:
        """Whether it takes a further line."""
        return len(self.numbers) < self.limits.requests and self.size + len(line) + 1 <= self.limits.bytes

    def add(self, line: Line) -> None:
        """Add a row, whose number is the highest so far."""
        if self._file is None:
            self._file = self.path.open("w+b")
        self._file.write(line.data + b"\n")
        self.numbers.append(line.number)
        self.digests.append(line.digest)
        self._sizes.append(len(line.data) + 1)
        self.size += len(line.data) + 1
        self.most = None if self.most is None or line.most is None else self.most + line.most

    def cut(self, count: int) -> list[int]:
        """Take out the last rows; their numbers."""
        assert self._file is not None  # noqa: S101 -- it has rows
        taken = list(self.numbers[-count:])
        self.size -= sum(self._sizes[-count:])
        for each in (self.numbers, self.digests, self._sizes):
            del each[-count:]
        self._file.truncate(self.size)
        self._file.seek(self.size)
        return taken

    def put_before(self, lines: Sequence[Line]) -> None:
        """Add rows whose numbers are below those of the others."""
        assert self._file is not None  # noqa: S101 -- it has rows
        own = Filling(self.runner, self.requested, self.limits, self.group, self.path_of, mark=self.mark)
        self._file.seek(0)
        data = self._file.read()
        self.close()
        for line in lines:
            own.add(line)
        assert own._file is not None  # noqa: S101 -- as above
        own._file.write(data)
        self._file = own._file
        self.numbers, self.digests = own.numbers + self.numbers, own.digests + self.digests
        self._sizes, self.size = own._sizes + self._sizes, own.size + self.size
        self.most = None if self.most is None or own.most is None else self.most + own.most

    def close(self) -> None:
        """Close its file."""
        if self._file is not None:
            file, self._file = self._file, None
            file.close()

    def discard(self) -> None:
        """Remove its file: it is not submitted."""
        with suppress(OSError):  # a full disk does not take what is thrown away
            self.close()
        self.path.unlink(missing_ok=True)
