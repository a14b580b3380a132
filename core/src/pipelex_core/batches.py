"""Batches: many requests that a provider answers within a day, at its batch price; what a backend with batches implements."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Literal

from attrs import field, frozen

from pipelex_core.backend import Backend

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from pipelex_core.results import EmbeddingAnswer, TextAnswer

MARK = "pipelex_run"
"""The name of a batch's mark, where a provider keeps names and values with it."""


@frozen(kw_only=True)
class BatchLimits:
    """What a provider takes in one batch.

    Attributes:
        requests: Most requests.
        bytes: Most bytes of its input.
        hours: Hours after which it ends, whatever has been answered.
        fewest: Fewest requests.
    """

    requests: int
    bytes: int
    hours: float = 24.0
    fewest: int = 1


@frozen(kw_only=True)
class BatchStatus:
    """How far a batch is.

    Attributes:
        state: `ended` where nothing further will come, however much came; `refused` where its input was.
        word: The provider's own word.
        done: Requests of which an answer or an error has come, or None where the provider does not count them.
        total: Requests of the batch, or None.
        message: Why it was refused or failed.
        faults: Line of the input, from 1 -> what is wrong with it.
    """

    state: Literal["running", "ended", "refused"]
    word: str
    done: int | None = None
    total: int | None = None
    message: str = ""
    faults: Mapping[int, str] = field(factory=dict)


@frozen(kw_only=True)
class BatchLine:
    """What came of one request of a batch.

    Attributes:
        key: The request's key.
        data: The provider's own form of it; None where the request was not answered: it expired, or was cancelled, unpaid.
    """

    key: str
    data: Any = None


class BatchRunner(Backend):
    """Answers many requests within a day, at a batch price; `pipelex batch run --via provider` asks it.

    A batch is submitted once. Its mark is written down before that, so that it can be found again where the process ended
    before the provider's id of it was known: an implementation sends each `submit_batch` once, with the SDK's retries off.
    A request is a `TextRequest`, an `ObjectRequest` or an `EmbeddingRequest`, of those that `batch_limits` has limits for.
    """

    @abstractmethod
    def batch_limits(self, request: Any) -> BatchLimits | None:
        """What a batch of such requests may hold; None where the endpoint has no batches, or none of such requests."""

    def batch_group(self, request: Any) -> str:  # noqa: ARG002 -- most need not look
        """Requests of one batch are of one model, and have the same group."""
        return ""

    @abstractmethod
    async def batch_line(self, key: str, request: Any) -> bytes:
        """The request as a line of a batch's input, without a line feed.

        Raises:
            CallError: It cannot be asked.
        """

    @abstractmethod
    async def submit_batch(self, lines: Path, *, model_id: str, group: str, mark: str) -> str:
        """Submit the lines of a file, once, under a mark of letters and digits; return the provider's id of the batch.

        Raises:
            CallError: It was refused, or nobody knows.
        """

    @abstractmethod
    async def find_batch(self, mark: str, *, count: int, since: datetime) -> str | None:
        """Find a batch that may have been submitted: by its mark, else by its size, its age and the keys in its results."""

    @abstractmethod
    async def poll_batch(self, batch_id: str) -> BatchStatus:
        """Ask how far a batch is."""

    @abstractmethod
    async def cancel_batch(self, batch_id: str) -> None:
        """Cancel a batch; what is answered by then can be collected."""

    @abstractmethod
    def collect_batch(self, batch_id: str) -> AsyncIterator[BatchLine]:
        """Give what came of a batch that has ended, in any order; once more where it broke off."""

    @abstractmethod
    def read_batch(self, request: Any, data: Any) -> TextAnswer | EmbeddingAnswer:
        """Read what came of one request; of an `ObjectRequest`, `text` is the JSON document.

        Raises:
            CallError: The request failed.
        """
