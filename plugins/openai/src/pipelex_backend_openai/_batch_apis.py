"""The batch APIs themselves: files of requests at OpenAI, Azure OpenAI and Groq, and at xAI.

https://platform.openai.com/docs/guides/batch · https://learn.microsoft.com/azure/ai-foundry/openai/how-to/batch ·
https://console.groq.com/docs/batch · https://docs.x.ai/docs/guides/batch-api
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from pipelex_core.batches import MARK, BatchLine, BatchStatus
from pipelex_core.errors import InvalidAnswerError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pipelex_backend_openai._endpoint import Endpoint

_ENDED = frozenset({"completed", "expired", "cancelled"})
_UNASKED = frozenset({"batch_expired", "batch_cancelled"})
"""Codes of requests that were not asked, and are not paid."""
_CANCELLED = 1
"""gRPC's code of a request that xAI did not begin."""
_STATUSES = {3: 400, 4: 504, 5: 404, 7: 403, 8: 429, 9: 400, 11: 400, 14: 503, 16: 401}
"""gRPC's codes, in which xAI reports, as statuses: https://grpc.io/docs/guides/status-codes."""


class BatchApi(ABC):
    """What an endpoint's batches are made, found and read by."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    @abstractmethod
    async def create(self, file_id: str, operation: str, mark: str) -> str:
        """Make a batch of a file, once; its id."""

    @abstractmethod
    async def find(self, mark: str) -> str | None:
        """The id of the batch with a mark, or None."""

    @abstractmethod
    async def poll(self, batch_id: str) -> BatchStatus:
        """How far it is."""

    @abstractmethod
    async def cancel(self, batch_id: str) -> None:
        """Ask for its end."""

    @abstractmethod
    def collect(self, batch_id: str) -> AsyncIterator[BatchLine]:
        """What came of its requests."""


class OpenAIBatchApi(BatchApi):
    """OpenAI's, which Azure and Groq have too."""

    async def create(self, file_id: str, operation: str, mark: str) -> str:
        """The mark is among its metadata."""
        body = {
            "input_file_id": file_id,
            "endpoint": operation,
            "completion_window": "24h",
            "metadata": {MARK: mark},
        }
        made, _ = await self._endpoint.post("/batches", body)
        return _text(made, "id")

    async def find(self, mark: str) -> str | None:
        """Walk through all batches: nothing searches by metadata. OpenAI pages by `after`, Groq by `cursor`."""
        query: dict[str, Any] = {"limit": 100}
        while True:
            page = await self._endpoint.get(f"/batches?{urlencode(query)}")
            found = page.get("data")
            batches = [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
            for batch in batches:
                if (batch.get("metadata") or {}).get(MARK) == mark:
                    return _text(batch, "id")
            cursor = (page.get("paging") or {}).get("next_cursor")
            if cursor and cursor != query.get("cursor"):
                query = {"cursor": cursor}
            elif page.get("has_more") and batches and batches[-1]["id"] != query.get("after"):
                query = {"limit": 100, "after": batches[-1]["id"]}
            else:
                return None

    async def poll(self, batch_id: str) -> BatchStatus:
        """Its status, an unknown one of which is that of a batch under way."""
        batch = await self._endpoint.get(f"/batches/{batch_id}")
        word, counts = str(batch.get("status")), batch.get("request_counts") or {}
        faults = [each for each in (batch.get("errors") or {}).get("data") or () if isinstance(each, dict)]
        return BatchStatus(
            state="refused" if word == "failed" else "ended" if word in _ENDED else "running",
            word=word,
            done=None if counts.get("completed") is None else counts["completed"] + (counts.get("failed") or 0),
            total=counts.get("total"),
            message="; ".join(str(each.get("message")) for each in faults[:3]),
            faults={each["line"]: str(each.get("message")) for each in faults if isinstance(each.get("line"), int)},
        )

    async def cancel(self, batch_id: str) -> None:
        """Ask for its end; what was answered by then is kept."""
        await self._endpoint.post(f"/batches/{batch_id}/cancel", {})

    async def collect(self, batch_id: str) -> AsyncIterator[BatchLine]:
        """The lines of both files: of answers, and of errors, among which are the requests that were not asked."""
        batch = await self._endpoint.get(f"/batches/{batch_id}")
        for name in ("output_file_id", "error_file_id"):
            if batch.get(name):
                async for text in self._endpoint.lines(str(batch[name])):
                    yield _line(text)


class XaiBatchApi(BatchApi):
    """xAI's: a batch has a name and counts, but no state, and its results come in pages."""

    async def create(self, file_id: str, operation: str, mark: str) -> str:  # noqa: ARG002 -- each line has its own
        """The mark is its name; made of a file it is sealed, in one step."""
        made, _ = await self._endpoint.post("/batches", {"name": mark, "input_file_id": file_id})
        return _text(made, "batch_id")

    async def find(self, mark: str) -> str | None:
        """Walk through all batches."""
        async for batch in self._pages("/batches", "batches"):
            if batch.get("name") == mark:
                return _text(batch, "batch_id")
        return None

    async def poll(self, batch_id: str) -> BatchStatus:
        """It has ended where none of its requests waits. Before the file is read, and where it is refused, there are none at all."""
        batch = await self._endpoint.get(f"/batches/{batch_id}")
        counts = batch.get("state") or {}
        total, waiting = counts.get("num_requests") or 0, counts.get("num_pending") or 0
        done = (counts.get("num_success") or 0) + (counts.get("num_error") or 0)
        refusal, is_cancelled = str(batch.get("cancel_by_xai_message") or ""), bool(batch.get("cancel_time"))
        if refusal and not total:
            return BatchStatus(state="refused", word="refused", message=refusal)
        is_over = not waiting and (total > 0 or is_cancelled)
        if not is_over and not _is_past(batch.get("expire_time")):
            return BatchStatus(state="running", word="running", done=done, total=total)
        word = "cancelled" if is_cancelled else "ended" if is_over else "expired"
        return BatchStatus(state="ended", word=word, done=done, total=total, message=refusal)

    async def cancel(self, batch_id: str) -> None:
        """Ask for its end."""
        await self._endpoint.post(f"/batches/{batch_id}:cancel", {})

    async def collect(self, batch_id: str) -> AsyncIterator[BatchLine]:
        """Its results, in the form in which OpenAI has them; one that was cancelled was not asked."""
        async for result in self._pages(f"/batches/{batch_id}/results", "results"):
            key = _text(result, "batch_request_id")
            outcome = result.get("batch_result") or result
            fault = outcome.get("error")
            code = fault.get("code") if isinstance(fault, dict) else None
            if code == _CANCELLED:
                yield BatchLine(key=key)
            elif fault or result.get("error_message"):
                words = fault.get("message") if isinstance(fault, dict) else fault or result.get("error_message")
                status = _STATUSES.get(code or 0, 500)
                yield BatchLine(
                    key=key, data={"response": {"status_code": status, "body": {"error": {"message": words}}}}
                )
            else:
                bodies = (outcome.get("response") or {}).values()  # by the operation, such as `chat_get_completion`
                body = next((each for each in bodies if isinstance(each, dict)), None)
                yield BatchLine(key=key, data={"response": {"status_code": 200, "body": body}})

    async def _pages(self, path: str, name: str) -> AsyncIterator[dict[str, Any]]:
        query: dict[str, Any] = {"limit": 100}
        while True:
            page = await self._endpoint.get(f"{path}?{urlencode(query)}")
            for each in page.get(name) or ():
                yield each
            token = page.get("pagination_token")
            if not token or token == query.get("pagination_token"):
                return
            query["pagination_token"] = token


def _is_past(time: Any) -> bool:
    if not isinstance(time, str):
        return False
    try:
        at = datetime.fromisoformat(time)
    except ValueError:
        return False
    return (at if at.tzinfo else at.replace(tzinfo=UTC)) < datetime.now(UTC)


def reported(data: dict[str, Any]) -> dict[str, Any]:
    """What a line reports, with its status, as the body of an error."""
    response = data.get("response") or {}
    body = response.get("body")
    fault = body.get("error") if isinstance(body, dict) else None
    fault = (
        fault or data.get("error") or {"message": f"the provider answered with status {response.get('status_code')}"}
    )
    fault = dict(fault) if isinstance(fault, dict) else {"message": str(fault)}
    status = response.get("status_code")
    return {"error": {**fault, **({"status_code": status} if isinstance(status, int) and status >= 400 else {})}}


def _line(text: bytes) -> BatchLine:
    try:
        data = json.loads(text)
        key = data["custom_id"]
    except (ValueError, LookupError, TypeError):
        msg = f"a line of the batch's results is not what the API promises: {text[:200]!r}"
        raise InvalidAnswerError(msg) from None
    code = (data.get("error") or {}).get("code")
    return BatchLine(key=str(key), data=None if code in _UNASKED else data)


def _text(data: dict[str, Any], name: str) -> str:
    value = data.get(name)
    if not isinstance(value, str):
        msg = f"the answer has no {name}"
        raise InvalidAnswerError(msg, raw=data)
    return value
