"""What a provider gave for a batch: fetched whole into a file, and looked through for what is double, unknown, or missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from attrs import define, field

from pipelex_batch.ranges import numbers_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipelex_batch.open_batches import Batch
    from pipelex_core.batches import BatchRunner


@define(eq=False)
class Results:
    """What came of a batch.

    Attributes:
        batch: The batch.
        path: The file of what came.
        places: Row -> where its line begins, of rows of which something came.
        unasked: Rows that were not asked, as the provider says.
        double: Rows of which something came more than once; the first counts.
        unknown: Keys that are none of the batch's, the first of them.
        strangers: How many those are.
    """

    batch: Batch
    path: Path
    places: dict[int, int] = field(factory=dict)
    unasked: set[int] = field(factory=set)
    double: list[int] = field(factory=list)
    unknown: list[str] = field(factory=list)
    strangers: int = 0

    @property
    def absent(self) -> list[int]:
        """The rows of which nothing came at all."""
        rows = numbers_in(self.batch.rows)
        return [number for number in rows if number not in self.places and number not in self.unasked]

    @property
    def lost(self) -> list[int]:
        """The absent rows, where the provider has answered more of the batch than came."""
        status = self.batch.status
        done = 0 if status is None else status.done or 0
        return self.absent if done > len(self.places) + len(self.unasked) else []

    def notes(self) -> Iterator[str]:
        """What is odd about them, for people."""
        name = f"the batch {self.batch.id}"
        if self.double:
            yield f"{name} has several results of {_rows(self.double)}: the first of each counts"
        if self.unknown:
            yield f"{name} has {self.strangers} results that are of none of its rows, such as '{self.unknown[0]}': left out"
        if self.lost:
            yield f"{name} was answered, and its results lack {_rows(self.lost)}: failed, for they may have been paid"
        elif self.absent:
            yield f"{name} has nothing for {_rows(self.absent)}, which were not answered: asked for again"


async def fetch(runner: BatchRunner, batch: Batch, target: Path) -> Results:
    """Fetch what came of a batch into a file, whole.

    Raises:
        CallError: It broke off, or there is nothing where the provider says that there is.
        OSError: The file cannot be written.
    """
    assert batch.id is not None  # noqa: S101 -- it has ended
    results = Results(batch, target)
    rows = set(numbers_in(batch.rows))
    part = target.with_name(f"{target.name}.part")
    start = 0
    with part.open("wb") as file:
        async for line in runner.collect_batch(batch.id):
            number = _number_of(line.key, batch.mark)
            if number not in rows:
                results.strangers += 1
                results.unknown = results.unknown or [line.key]
            elif number in results.places:
                results.double.append(number)
            elif line.data is None:
                results.unasked.add(number)
            else:
                results.unasked.discard(number)
                results.places[number] = start
                start += file.write(msgspec.json.encode({"key": line.key, "data": line.data}) + b"\n")
    part.replace(target)
    return results


def _number_of(key: str, mark: str) -> int | None:
    """The row that a key is of, or None."""
    start, _, number = key.rpartition("-")
    return int(number) if start == mark and number.isascii() and number.isdecimal() else None


def _rows(numbers: list[int]) -> str:
    first = ", ".join(map(str, numbers[:5]))
    more = f" and {len(numbers) - 5} more" if len(numbers) > 5 else ""
    return f"row {first}" if len(numbers) == 1 else f"rows {first}{more}"
