"""Message batches: https://platform.claude.com/docs/en/build-with-claude/batch-processing.

A batch has no name and no metadata: the ids of its requests are the only mark, and only the results of an ended batch have
them. One whose submission was cut off is recognized by when it was made and how many requests it has, until it has ended.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from pipelex_backend_anthropic._request import message_body
from pipelex_core.batches import BatchLimits, BatchLine, BatchRunner, BatchStatus
from pipelex_core.errors import InvalidAnswerError
from pipelex_core.requests import TextRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from pipelex_backend_anthropic._client import MessagesClient
    from pipelex_core.results import TextAnswer

_PATH = "/v1/messages/batches"
_LIMITS = BatchLimits(requests=100_000, bytes=64_000_000)
"""The API takes 256 MB, in one body: less, because it is put together in memory."""
_CLOCKS = timedelta(minutes=5)
"""How far two clocks may be apart."""
_SAMPLING = "sampling"
"""The group of requests that need an older API version, which a batch has as a whole."""


class MessageBatches(BatchRunner):
    """The batches of the Messages API."""

    _client: MessagesClient

    @abstractmethod
    def read_message(self, message: Any, request: TextRequest) -> TextAnswer:
        """Read a message as the answer to a request."""

    def batch_limits(self, request: Any) -> BatchLimits | None:
        """Those of the API, and of memory."""
        return _LIMITS if isinstance(request, TextRequest) else None

    def batch_group(self, request: TextRequest) -> str:
        """Requests with sampling settings are of another API version."""
        return _SAMPLING if request.temperature is not None or request.top_p is not None else ""

    async def batch_line(self, key: str, request: TextRequest) -> bytes:
        """A request with its id."""
        line = {"custom_id": key, "params": message_body(request, self.config.options)}
        return json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode()

    async def submit_batch(self, lines: Path, *, model_id: str, group: str, mark: str) -> str:  # noqa: ARG002 -- it has no place for a mark
        """Make the batch, once."""
        made = await self._client.post_content(_PATH, _body(lines), sampling=group == _SAMPLING)
        return str(_field(made, "id"))

    async def find_batch(self, mark: str, *, count: int, since: datetime) -> str | None:
        """The batch with the mark in its results; else the one under way that was made next, with as many requests."""
        query: dict[str, Any] = {"limit": 100}
        under_way: list[tuple[datetime, str]] = []
        while True:
            page = await self._client.get(_PATH, query)
            batches = _field(page, "data")
            for batch in batches:
                made = datetime.fromisoformat(batch["created_at"])
                if made < since - _CLOCKS:
                    return min(under_way, default=(since, None))[1]
                if sum(batch["request_counts"].values()) != count:
                    continue
                if batch["processing_status"] != "ended":
                    under_way.append((made, batch["id"]))
                elif await self._has(batch["id"], mark):
                    return str(batch["id"])
            if not page.get("has_more") or not batches:
                return min(under_way, default=(since, None))[1]
            query = {"limit": 100, "after_id": batches[-1]["id"]}

    async def _has(self, batch_id: str, mark: str) -> bool:
        """Whether the first result of a batch has the mark."""
        async for line in self.collect_batch(batch_id):
            return line.key.startswith(f"{mark}-")
        return False

    async def poll_batch(self, batch_id: str) -> BatchStatus:
        """Its status, an unknown one of which is that of a batch under way."""
        batch = await self._client.get(f"{_PATH}/{batch_id}")
        word, counts = str(_field(batch, "processing_status")), batch.get("request_counts") or {}
        total = sum(counts.values())
        return BatchStatus(
            state="ended" if word == "ended" else "running",
            word=word,
            done=total - counts.get("processing", 0),
            total=total,
        )

    async def cancel_batch(self, batch_id: str) -> None:
        """Ask for its end; what was answered by then is kept."""
        await self._client.post_content(f"{_PATH}/{batch_id}/cancel", b"{}")

    async def collect_batch(self, batch_id: str) -> AsyncIterator[BatchLine]:
        """Its results; of requests that expired or were cancelled, that they were not asked."""
        async for text in self._client.lines(f"{_PATH}/{batch_id}/results"):
            try:
                line = json.loads(text)
                key, result = line["custom_id"], line["result"]
                was_requested = result["type"] not in {"expired", "canceled"}
            except (ValueError, LookupError, TypeError):
                msg = f"a line of the batch's results is not what the API promises: {text[:200]!r}"
                raise InvalidAnswerError(msg) from None
            yield BatchLine(key=str(key), data=result if was_requested else None)

    def read_batch(self, request: TextRequest, data: Any) -> TextAnswer:
        """The message, read as that of a call."""
        if data.get("type") != "succeeded":
            raise self._client.error_of(data.get("error"))
        return self.read_message(data.get("message"), request)


def _body(lines: Path) -> bytes:
    return b'{"requests":[' + lines.read_bytes().rstrip(b"\n").replace(b"\n", b",") + b"]}"


def _field(answer: Any, name: str) -> Any:
    if not isinstance(answer, dict) or name not in answer:
        msg = f"the answer has no {name}"
        raise InvalidAnswerError(msg, raw=answer)
    return answer[name]
