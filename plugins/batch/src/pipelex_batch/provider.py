"""Rows by a provider's batch API: written down before they are submitted, found again after a crash, never submitted twice.

A batch's life is three events of the journal: `batch_intent` with its mark and its rows, on the disk before anything is sent;
`batch_submitted` with the provider's id; `batch_collected` when every outcome that came is written down. An intent without an
id is looked for at the provider by its mark, and submitted only where it is not there. Rows of which nothing came, because the
batch expired or was cancelled, are new again, and go into another batch.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
from attrs import define, field

from pipelex_batch.answers import Asked, outcome_line
from pipelex_batch.inputs import read_rows
from pipelex_batch.interrupts import Interrupts
from pipelex_batch.outcomes import error_line
from pipelex_batch.ranges import as_ranges, numbers_in
from pipelex_batch.settings import BatchError
from pipelex_batch.standing import FAILED, NEW
from pipelex_batch.templates import BadRowError
from pipelex_core.batches import BatchRunner
from pipelex_core.costs import most_cost
from pipelex_core.errors import (
    BadRequestError,
    CallError,
    OverloadedError,
    PipelexError,
    ProviderConnectionError,
    RateLimitError,
    ServerError,
    UnsupportedInputError,
)
from pipelex_core.requests import TextRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from pipelex_batch.progress import Progress
    from pipelex_batch.running import Run
    from pipelex_core.batches import BatchLimits, BatchStatus
    from pipelex_core.client import AsyncClient

_ROUNDS = 5
"""How often rows of which nothing came are submitted again."""
_LOOKS = 3
"""How often a batch is looked for whose submission may have been cut off: a list may be a moment late."""
_SLOWEST_POLL = 60.0


@define
class Batch:
    """A batch under way.

    Attributes:
        mark: What it is found by.
        model: The model's name in the deck.
        model_id: What the provider calls it.
        group: As its backend groups requests.
        rows: The numbers of its rows, as ranges.
        most: The most it may cost, or None.
        at: When it was written down.
        id: The provider's id, or None where that is not known.
        status: How far it is, or None.
    """

    mark: str
    model: str
    model_id: str
    group: str
    rows: list[list[int]]
    most: str | None
    at: str
    id: str | None = None
    status: BatchStatus | None = None


@define
class _Filling:
    """A batch that is being filled."""

    runner: BatchRunner
    asked: Asked
    limits: BatchLimits
    group: str
    mark: str = field(factory=lambda: secrets.token_hex(8))
    numbers: list[int] = field(factory=list)
    digests: list[int] = field(factory=list)
    size: int = 0
    most: Decimal | None = Decimal(0)


def open_batches(events: list[dict[str, Any]]) -> dict[str, Batch]:
    """The batches of which the outcomes are not written down, by mark."""
    found: dict[str, Batch] = {}
    for event in events:
        mark = event["mark"]
        if event["event"] == "batch_intent":
            names = ("mark", "model", "model_id", "group", "rows", "most", "at")
            found[mark] = Batch(**{name: event[name] for name in names})
        elif event["event"] == "batch_submitted":
            found[mark].id = event["id"]
        else:
            found.pop(mark, None)
    return found


async def by_provider(run: Run, progress: Progress) -> None:
    """Have the providers' batch APIs answer every row that has no outcome yet."""
    await _ByProvider(run, progress).run()


class _ByProvider:
    """A run by the batch APIs of its models' providers."""

    def __init__(self, run: Run, progress: Progress) -> None:
        self._run = run
        self._progress = progress
        self._batches = open_batches(run.standing.batches)
        output = run.settings.path
        self._folder = output.with_name(f"{output.name}.batches")
        self._folder.mkdir(exist_ok=True)
        self._full = False
        self._too_few: str | None = None

    async def run(self) -> None:
        """Submit every row, wait for the batches, and write down what came; again for rows of which nothing came."""
        run = self._run
        with Interrupts(run):
            await self._find_again()
            for _ in range(_ROUNDS):
                await self._submit()
                if self._full and not self._batches:
                    run.stop("the budget has no room for a further row at batch prices")
                if self._too_few and not self._batches:
                    run.stop(self._too_few)
                if run.options.detach or run.stopping is not None:
                    break
                if not self._batches:
                    return
                await self._wait()
                if run.stopping is not None:
                    break
        if self._batches:
            run.submitted = len(self._batches)
        elif run.stopping is None and any(run.standing.state[number] == NEW for number in self._numbers()):
            run.stop(f"after {_ROUNDS} batches there are rows of which nothing came")

    def _numbers(self) -> Iterator[int]:
        return (
            row.number for row in read_rows(self._run.settings.inputs) if row.number < len(self._run.standing.state)
        )

    # ── Submitting ────────────────────────────────────────────────────────────────────────────────────────────────

    async def _find_again(self) -> None:
        """Look for batches whose submission may have been cut off; one that is nowhere is submitted no more as it was."""
        for batch in [each for each in self._batches.values() if each.id is None]:
            runner = await self._runner_of(batch)
            for look in range(_LOOKS):
                batch.id = await runner.find_batch(
                    batch.mark,
                    count=sum(last - start + 1 for start, last in batch.rows),
                    since=datetime.fromisoformat(batch.at),
                )
                if batch.id is not None or look == _LOOKS - 1:
                    break
                await asyncio.sleep(self._run.options.poll_s)
            if batch.id is None:
                self._forget(batch, "it is not at the provider")
            else:
                self._run.journal.event("batch_submitted", mark=batch.mark, id=batch.id)
                self._run.note(f"the batch {batch.id}, whose submission had been cut off, is found again")

    async def _submit(self) -> None:
        """Submit every row that is to be asked and is in no batch."""
        run, self._full, self._too_few = self._run, False, None
        away = {number for batch in self._batches.values() for number in numbers_in(batch.rows)}
        wanted = FAILED if run.options.retry else NEW
        filling: dict[tuple[str, str], _Filling] = {}
        files: dict[str, Any] = {}
        try:
            for row in read_rows(run.settings.inputs):
                if run.stopping is not None:
                    break
                if run.standing.of(row.number) != wanted or row.number in away:
                    continue
                try:
                    asked = await self._asked(run.checker.maker.make(row), row.number)
                    await self._add(filling, files, asked, row.number, row.digest)
                except (BadRowError, PipelexError) as error:
                    run.journal.begin(row.number, row.digest)
                    run.standing.begin(row.number, row.digest)
                    identity = row.fields.get("id", row.number)
                    run.write(error_line(row.number, identity, error, run.standing.failed_cost(row.number)))
            for each in list(filling.values()):
                if run.stopping is None:
                    await self._send(each, files)
        finally:
            for file in files.values():
                file.close()

    async def _add(
        self,
        filling: dict[tuple[str, str], _Filling],
        files: dict[str, Any],
        asked: Asked,
        number: int,
        digest: int,
    ) -> None:
        """Put a row into the batch of its model; a full one is sent before."""
        runner, request = asked.runner, asked.request
        limits = runner.batch_limits(request)
        if limits is None:
            msg = f"backend '{asked.spec.backend}' has no batches of such requests"
            raise UnsupportedInputError(msg)
        place = (asked.spec.name, runner.batch_group(request))
        into = filling.get(place)
        if into is None:
            into = filling[place] = _Filling(runner, asked, limits, place[1])
        line = await runner.batch_line(f"{into.mark}-{number}", request)
        if len(line) + 1 > limits.bytes:
            msg = f"the row is too long for a batch: {len(line)} bytes, and it takes {limits.bytes}"
            raise UnsupportedInputError(msg)
        if len(into.numbers) >= limits.requests or into.size + len(line) + 1 > limits.bytes:
            await self._send(into, files)
            into = filling[place] = _Filling(runner, asked, limits, place[1])
            line = await runner.batch_line(f"{into.mark}-{number}", request)
        most = most_cost(asked.spec.costs, asked.plan.capability.expect(request), "batch")
        if not self._fits(most, filling):
            return
        if into.mark not in files:
            files[into.mark] = self._lines(into.mark).open("wb")
        files[into.mark].write(line + b"\n")
        into.numbers.append(number)
        into.digests.append(digest)
        into.size += len(line) + 1
        into.most = None if into.most is None or most is None else into.most + most

    def _fits(self, most: Decimal | None, filling: dict[tuple[str, str], _Filling]) -> bool:
        """Whether the budget has room for a row; if not, nothing further is submitted after what has it."""
        run, budget = self._run, self._run.options.budget
        if budget is None:
            return True
        if most is None:
            run.stop(
                "the budget cannot hold rows whose batch price is unknown: give the model `batch` prices and max_tokens"
            )
            return False
        held = [each.most for each in filling.values()]
        held += [None if each.most is None else Decimal(each.most) for each in self._batches.values()]
        reserved = sum((each or Decimal(0) for each in held), Decimal(0))
        if run.standing.spent + reserved + most <= budget:
            return True
        self._full = True
        return False

    async def _send(self, into: _Filling, files: dict[str, Any]) -> None:
        """Submit a batch once: written down before, its id after."""
        if not into.numbers:
            return
        run, spec = self._run, into.asked.spec
        file = files.pop(into.mark)
        file.close()
        if len(into.numbers) < into.limits.fewest:
            self._lines(into.mark).unlink()
            self._too_few = (
                f"{len(into.numbers)} rows are too few for a batch at {spec.backend}, which takes {into.limits.fewest} or "
                "more: ask for them by calls, with --via calls"
            )
            into.numbers = []
            return
        at = datetime.now(UTC).isoformat(timespec="seconds")
        batch = Batch(
            mark=into.mark,
            model=spec.name,
            model_id=spec.model_id,
            group=into.group,
            rows=as_ranges(into.numbers),
            most=None if into.most is None else f"{into.most:f}",
            at=at,
        )
        for number, digest in zip(into.numbers, into.digests, strict=True):
            run.journal.put(number, digest)
            run.standing.put(number, digest)
        facts = {"mark": batch.mark, "model": batch.model, "model_id": batch.model_id, "group": batch.group}
        run.journal.event("batch_intent", **facts, rows=batch.rows, most=batch.most)
        self._batches[batch.mark] = batch
        into.numbers = []
        try:
            batch.id = await into.runner.submit_batch(
                self._lines(batch.mark), model_id=spec.model_id, group=into.group, mark=batch.mark
            )
        except CallError as error:
            if error.status is not None and 400 <= error.status < 500:
                self._forget(batch, "it was refused")
            run.stop(f"a batch of {into.asked.spec.name} was not taken: {error}")
            return
        run.journal.event("batch_submitted", mark=batch.mark, id=batch.id)
        run.note(f"the batch {batch.id} of {sum(1 for _ in numbers_in(batch.rows))} rows is at {spec.backend}")

    def _lines(self, mark: str) -> Path:
        return self._folder / f"{mark}.jsonl"

    def _forget(self, batch: Batch, why: str) -> None:
        """Write down that nothing more will come of a batch; its rows without an outcome are new."""
        self._run.journal.event("batch_collected", mark=batch.mark, reason=why)
        del self._batches[batch.mark]
        self._lines(batch.mark).unlink(missing_ok=True)
        self._results(batch.mark).unlink(missing_ok=True)

    # ── Waiting and collecting ────────────────────────────────────────────────────────────────────────────────────

    async def _wait(self) -> None:
        """Ask how far the batches are, ever less often, and collect those that have ended, until all have."""
        run, pause = self._run, self._run.options.poll_s
        while self._batches and run.stopping is None:
            try:
                ended = await self._ended()
                if ended:
                    await self._collect(ended)
                    pause = run.options.poll_s
                    continue
            except (ProviderConnectionError, RateLimitError, OverloadedError, ServerError) as error:
                run.note(f"the provider cannot be asked at the moment, and is asked again: {error}")
            except CallError as error:
                run.stop(f"the provider cannot be asked about its batches: {error}")
                return
            self._progress.update()
            await self._sleep(pause)
            pause = min(pause * 1.5, max(_SLOWEST_POLL, run.options.poll_s))

    async def _ended(self) -> list[Batch]:
        """The batches that have ended, each asked for."""
        ended = []
        for batch in self._batches.values():
            runner = await self._runner_of(batch)
            assert batch.id is not None  # noqa: S101 -- it was found, or submitted, or is forgotten
            batch.status = await runner.poll_batch(batch.id)
            if batch.status.state != "running":
                ended.append(batch)
        return ended

    async def _sleep(self, seconds: float) -> None:
        """Wait, but not for an interrupt."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._run.stopped.wait()

    async def _collect(self, batches: list[Batch]) -> None:
        """Write down what came of batches that have ended, in one pass over the input."""
        run = self._run
        places: dict[int, tuple[Batch, int]] = {}
        for batch in batches:
            if batch.status is not None and batch.status.state == "refused":
                continue
            runner = await self._runner_of(batch)
            await self._fetch(runner, batch)
            for number, start in _places(self._results(batch.mark)):
                places[number] = (batch, start)
        refused = self._refused(batches)
        files = {mark: self._results(mark).open("rb") for mark in {batch.mark for batch, _ in places.values()}}
        try:
            for row in read_rows(run.settings.inputs):
                place, fault = places.get(row.number), refused.get(row.number)
                if (place is None and fault is None) or run.standing.of(row.number) not in (NEW, FAILED):
                    continue
                job, before = run.checker.maker.make(row), run.standing.failed_cost(row.number)
                if place is None:
                    run.write(error_line(row.number, job.id, BadRequestError(fault or ""), before))
                    continue
                batch, start = place
                files[batch.mark].seek(start)
                data = msgspec.json.decode(files[batch.mark].readline())["data"]
                run.write(outcome_line(job, await self._asked(job, row.number, batch.model), data, run.files, before))
        finally:
            for file in files.values():
                file.close()
        run.journal.sync()
        for batch in batches:
            self._end(batch)

    def _end(self, batch: Batch) -> None:
        status = batch.status
        if status is not None and status.state == "refused" and not status.faults:
            self._run.stop(f"the batch {batch.id} was refused: {status.message or status.word}")
        self._forget(batch, status.word if status else "")

    @staticmethod
    def _refused(batches: list[Batch]) -> dict[int, str]:
        """Row -> what the provider found wrong with it, of batches that were refused for some of their lines."""
        found: dict[int, str] = {}
        for batch in batches:
            if batch.status is not None and batch.status.faults:
                numbers = list(numbers_in(batch.rows))
                for line, fault in batch.status.faults.items():
                    if 0 < line <= len(numbers):
                        found[numbers[line - 1]] = fault
        return found

    async def _fetch(self, runner: BatchRunner, batch: Batch) -> None:
        """Fetch what came of a batch into a file, whole; once more from the beginning where it breaks off."""
        target = self._results(batch.mark)
        part = target.with_name(f"{target.name}.part")
        assert batch.id is not None  # noqa: S101 -- it has ended
        lines: AsyncIterator[Any] = runner.collect_batch(batch.id)
        with part.open("wb") as file:
            async for line in lines:
                if line.data is not None and line.key.startswith(f"{batch.mark}-"):
                    file.write(msgspec.json.encode({"key": line.key, "data": line.data}) + b"\n")
        part.replace(target)

    def _results(self, mark: str) -> Path:
        return self._folder / f"{mark}.results.jsonl"

    # ── Who is asked ──────────────────────────────────────────────────────────────────────────────────────────────

    async def _asked(self, job: Any, number: int, model: str | None = None) -> Asked:
        """The request of a row, for the first model of its chain whose provider has batches, or for that model."""
        run = self._run
        plan = await asyncio.to_thread(run.checker.plan, job) if _has_files(job) else run.checker.plan(job)
        refused: CallError | None = None
        for member in plan.members:
            assert member.spec is not None  # noqa: S101 -- only available members are in a plan
            if model is not None and member.spec.name != model:
                continue
            try:
                backend, request = await run.client._execution.prepare(plan, member)  # noqa: SLF001 -- a tool of core's
            except CallError as error:
                refused = refused or error
                continue
            if not isinstance(backend, BatchRunner) or not isinstance(request, TextRequest):
                continue
            if backend.batch_limits(request) is not None:
                return Asked(plan, member, member.spec, request, backend, run.checker.kind)
        if refused is not None:
            raise refused
        msg = f"no model of '{plan.handle}' has a batch API for row {number}: run it without --via provider"
        raise UnsupportedInputError(msg)

    async def _runner_of(self, batch: Batch) -> BatchRunner:
        return await runner_of(batch, self._run.client)


async def runner_of(batch: Batch, client: AsyncClient) -> BatchRunner:
    """The backend that a batch is at.

    Raises:
        BatchError: The deck has it no more.
    """
    entry = client.deck.models.get(batch.model)
    if entry is None or entry.spec is None:
        msg = f"the batch {batch.id or batch.mark} is at model '{batch.model}', which the deck has no more"
        raise BatchError(msg)
    backend = await client._execution.backend(entry.spec)  # noqa: SLF001 -- a tool of core's
    if not isinstance(backend, BatchRunner):
        msg = f"the batch {batch.id or batch.mark} is at backend '{entry.spec.backend}', which has no batches any more"
        raise BatchError(msg)
    return backend


def _has_files(job: Any) -> bool:
    return not isinstance(job.source, str) or bool(job.arguments)


def _places(path: Path) -> Iterator[tuple[int, int]]:
    """Of each line of results, its row and where it begins."""
    start = 0
    with path.open("rb") as lines:
        for line in lines:
            key = msgspec.json.decode(line)["key"]
            yield int(key.rpartition("-")[2]), start
            start += len(line)
