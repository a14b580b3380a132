"""How far a run is, as its journal and its outcomes say: a byte or two for each row, whatever their size."""

from __future__ import annotations

from array import array
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from pipelex_batch.journal import journal_of, rows_of
from pipelex_batch.logs import read_lines, rescues
from pipelex_batch.settings import BatchError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NEW, OK, FAILED = 0, 1, 2
_MANY = 255


class _Money(msgspec.Struct):
    amount: Decimal


class _Error(msgspec.Struct):
    type: str


class Seen(msgspec.Struct):
    """What is read again of an outcome."""

    row: int
    error: _Error | None = None
    cost: _Money | None = None
    model: str | None = None
    batch: str | None = None


_SEEN = msgspec.json.Decoder(Seen)


def is_failed(line: bytes) -> bool:
    """Whether the line of an outcome is that of an error."""
    return _SEEN.decode(line).error is not None


class Standing:
    """How far a run is.

    Attributes:
        state: Of each row, by its number: `NEW`, `OK` or `FAILED`.
        digests: Of each row that was begun, by its number; 0 where it was not.
        done: Rows with an answer.
        failed: Rows with an error.
        errors: How often each class of errors.
        models: By model, rows with an answer, and what they cost.
        spent: What the outcomes cost, as far as that is known.
        unpriced: Outcomes whose cost is unknown.
        in_order: Whether the outcomes are in the order of the rows, one for each.
        repeated: Rows whose call was under way when a process ended, and how often; each may have been paid once more.
        events: The journal's events, the last of each name; of batches at a provider all.
        batches: Those events, in order.
    """

    def __init__(self) -> None:
        self.state = bytearray(1)
        self.digests = array("Q", [0])
        self._open = bytearray(1)
        self._failed_costs: dict[int, Decimal | None] = {}
        self._failed_types: dict[int, str] = {}
        self._failed_in: dict[int, str] = {}
        self.done = self.failed = self.unpriced = 0
        self.errors: Counter[str] = Counter()
        self.models: dict[str, list[Any]] = {}
        self.spent = Decimal(0)
        self.in_order = True
        self._last = 0
        self.repeated: Counter[int] = Counter()
        self.repeated_cost = Decimal(0)
        self.events: dict[str, dict[str, Any]] = {}
        self.batches: list[dict[str, Any]] = []

    @property
    def in_flight(self) -> list[int]:
        """The rows that were begun and have no outcome."""
        return [number for number, count in enumerate(self._open) if count and self.state[number] != OK]

    def of(self, number: int) -> int:
        """The state of a row."""
        return self.state[number] if number < len(self.state) else NEW

    def failed_cost(self, number: int) -> Decimal | None:
        """What a row has cost that failed; 0 for one that did not."""
        return self._failed_costs.get(number, Decimal(0))

    def failed_in(self, number: int) -> str | None:
        """The batch of whose results a failed row is, or None."""
        return self._failed_in.get(number)

    def begin(self, number: int, digest: int) -> None:
        """A row was begun."""
        self.put(number, digest)
        self._open[number] = min(self._open[number] + 1, _MANY)

    def put(self, number: int, digest: int) -> None:
        """A row went into a batch."""
        self._grow(number)
        self.digests[number] = digest

    def close(self, number: int) -> None:
        """A row is no longer under way."""
        self._grow(number)
        self._open[number] = max(self._open[number] - 1, 0)

    def outcome(self, seen: Seen) -> None:
        """A row has an outcome; of several, the last one counts, and what it cost is the cost of all."""
        number = seen.row
        self.close(number)
        self.in_order = self.in_order and number > self._last
        self._last = number
        before = self.state[number]
        if before == OK:
            return  # the same line twice: moved from where it was kept, when a process ended
        if before == FAILED:
            self.failed -= 1
            self.errors -= Counter([self._failed_types.pop(number)])
            cost = self._failed_costs.pop(number)
            self._failed_in.pop(number, None)
            self.spent -= cost or 0
            self.unpriced -= cost is None
        amount = None if seen.cost is None else seen.cost.amount
        self.spent += amount or 0
        self.unpriced += amount is None
        if number in self.repeated:
            self.repeated_cost += (amount or 0) * self.repeated[number]
        if seen.error is None:
            self.state[number] = OK
            self.done += 1
            totals = self.models.setdefault(seen.model or "", [0, Decimal(0)])
            totals[0] += 1
            totals[1] += amount or 0
        else:
            self.state[number] = FAILED
            self.failed += 1
            self.errors[seen.error.type] += 1
            self._failed_costs[number] = amount
            self._failed_types[number] = seen.error.type
            if seen.batch is not None:
                self._failed_in[number] = seen.batch

    def outcome_of(self, line: bytes) -> None:
        """As `outcome`, of its line."""
        self.outcome(_SEEN.decode(line))

    def event(self, event: dict[str, Any]) -> None:
        """Something happened."""
        name = event.get("event", "settings")
        if name in {"started", "lost"}:
            self._repeat(event["in_flight"])
        elif name == "compacted":
            self._open = bytearray(len(self._open))
        elif name.startswith("batch_"):
            self.batches.append(event)
        self.events[name] = event
        self.events["last"] = event

    def _repeat(self, in_flight: list[int]) -> None:
        for number in in_flight:
            self.repeated[number] += 1
            self.close(number)

    def _grow(self, number: int) -> None:
        missing = number + 1 - len(self.state)
        if missing > 0:
            more = max(missing, len(self.state) // 8)
            self.state.extend(bytes(more))
            self._open.extend(bytes(more))
            self.digests.extend(array("Q", bytes(8 * more)))


def read_standing(output: Path) -> Standing:
    """How far the run of an output is; where there is none, as one that begins.

    Raises:
        BatchError: One of its files is damaged.
    """
    standing = Standing()
    if not journal_of(output).exists():
        return standing
    for line in _lines(journal_of(output)):
        _read_mark(standing, line, journal_of(output))
    rows = rows_of(output)
    for count, line in enumerate(_lines(rows), 1):
        try:
            standing.outcome(_SEEN.decode(line))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            msg = f"line {count} of '{rows}' is not an outcome of this run: {error}"
            raise BatchError(msg) from error
    return standing


def _lines(path: Path) -> Iterator[bytes]:
    for each in (path, *rescues(path)):
        if each.is_file():
            yield from read_lines(each)


def _read_mark(standing: Standing, line: bytes, path: Path) -> None:
    try:
        mark = msgspec.json.decode(line)
        if isinstance(mark, dict):
            standing.event(mark)
        elif mark[0] < 0:
            standing.close(-mark[0])
        else:
            (standing.put if len(mark) > 2 else standing.begin)(mark[0], int(mark[1], 16))
    except (msgspec.DecodeError, UnicodeDecodeError, LookupError, TypeError, ValueError) as error:
        msg = f"'{path}' is damaged at {line[:60]!r}: {error}"
        raise BatchError(msg) from error
