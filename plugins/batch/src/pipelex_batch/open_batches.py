"""The batches of a run that are at a provider, or may be: what the journal says of them, and their files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from attrs import define

from pipelex_batch.settings import BatchError
from pipelex_core.batches import BatchRunner

if TYPE_CHECKING:
    from pathlib import Path

    from pipelex_batch.settings import BatchSettings
    from pipelex_batch.standing import Standing
    from pipelex_core.batches import BatchStatus
    from pipelex_core.client import AsyncClient


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


class Recorded(Protocol):
    """What open batches need of their run: see `Run`."""

    settings: BatchSettings
    standing: Standing

    def record(self, name: str, **facts: Any) -> None:
        """Write an event down."""


class OpenBatches:
    """The batches of a run whose outcomes are not written down.

    Attributes:
        by_mark: Them, by mark.
    """

    def __init__(self, run: Recorded) -> None:
        self._run = run
        self.by_mark = open_batches(run.standing.batches)
        output = run.settings.path
        self._folder = output.with_name(f"{output.name}.batches")
        self._folder.mkdir(exist_ok=True)

    def lines(self, mark: str) -> Path:
        """The file of what is submitted."""
        return self._folder / f"{mark}.jsonl"

    def results(self, mark: str) -> Path:
        """The file of what came."""
        return self._folder / f"{mark}.results.jsonl"

    def forget(self, batch: Batch, why: str) -> None:
        """Write down that nothing more will come of a batch; its rows without an outcome are new."""
        self._run.record("batch_collected", mark=batch.mark, reason=why)
        del self.by_mark[batch.mark]
        self.lines(batch.mark).unlink(missing_ok=True)
        self.results(batch.mark).unlink(missing_ok=True)
