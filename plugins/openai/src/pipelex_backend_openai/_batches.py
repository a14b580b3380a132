"""Batches of OpenAI, Azure OpenAI and Groq: a file of requests, answered within a day at the batch price.

https://platform.openai.com/docs/guides/batch · https://learn.microsoft.com/azure/ai-foundry/openai/how-to/batch ·
https://console.groq.com/docs/batch
"""

from __future__ import annotations

import json
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlencode

from attrs import evolve, frozen

from pipelex_backend_openai._errors import ReportedError
from pipelex_backend_openai._objects import object_answer
from pipelex_core.answers import says_something
from pipelex_core.batches import MARK, BatchLimits, BatchLine, BatchRunner, BatchStatus
from pipelex_core.errors import InvalidAnswerError
from pipelex_core.requests import ObjectRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime
    from pathlib import Path

    from pipelex_backend_openai._endpoint import Endpoint, Reading
    from pipelex_backend_openai._traits import Traits
    from pipelex_core.dialects import Adapted
    from pipelex_core.requests import TextRequest
    from pipelex_core.results import TextAnswer
    from pipelex_core.specs import ModelSpec

LIMITS = BatchLimits(requests=50_000, bytes=200_000_000)
"""Those of OpenAI and Groq; Azure takes more requests."""

_ENDED = frozenset({"completed", "expired", "cancelled"})
_UNASKED = frozenset({"batch_expired", "batch_cancelled"})
"""Codes of requests that were not asked, and are not paid."""


@frozen(kw_only=True)
class AskedBody:
    """A request as it is sent, and what its answer is read with.

    Attributes:
        path: The operation, such as `/chat/completions`.
        body: The body.
        reading: Takes the answer in.
        sent: The schema that was sent; None where none was.
    """

    path: str
    body: dict[str, Any]
    reading: Reading
    sent: Adapted | None = None


class BatchingBackend(BatchRunner):
    """The batches of an endpoint; a subclass knows what its requests look like."""

    batch_prefix: ClassVar[str] = "/v1"
    """What precedes an operation in a batch's lines."""

    _endpoint: Endpoint

    @abstractmethod
    def _traits_for(self, spec: ModelSpec) -> Traits:
        """The traits of a model."""

    @abstractmethod
    def asked_body(self, request: TextRequest) -> AskedBody:
        """The request as it is sent; its documents are here."""

    async def prepared(self, request: TextRequest) -> TextRequest:
        """The request with what has to be fetched for it."""
        return request

    def batch_limits(self, request: TextRequest) -> BatchLimits | None:
        """Those of the API, where the endpoint has it."""
        return LIMITS if self._traits_for(request.spec).batches else None

    def batch_group(self, request: TextRequest) -> str:
        """A batch is of one operation."""
        return self.asked_body(_bare(request)).path

    async def batch_line(self, key: str, request: TextRequest) -> bytes:
        """A request with its key, operation and body."""
        asked = self.asked_body(await self.prepared(request))
        line = {"custom_id": key, "method": "POST", "url": self.batch_prefix + asked.path, "body": asked.body}
        return json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode()

    async def submit_batch(self, lines: Path, *, model_id: str, group: str, mark: str) -> str:  # noqa: ARG002 -- each line has its model
        """Upload the file, and make the batch of it; neither is sent twice."""
        file_id = await self._endpoint.upload(lines, f"{mark}.jsonl")
        body = {
            "input_file_id": file_id,
            "endpoint": self.batch_prefix + group,
            "completion_window": "24h",
            "metadata": {MARK: mark},
        }
        made, _ = await self._endpoint.post("/batches", body)
        return _text(made, "id")

    async def find_batch(self, mark: str, *, count: int, since: datetime) -> str | None:  # noqa: ARG002 -- the mark is enough
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

    async def poll_batch(self, batch_id: str) -> BatchStatus:
        """Its status, an unknown one of which is that of a batch under way."""
        batch = await self._endpoint.get(f"/batches/{batch_id}")
        word, counts = str(batch.get("status")), batch.get("request_counts") or {}
        faults = [each for each in (batch.get("errors") or {}).get("data") or () if isinstance(each, dict)]
        return BatchStatus(
            state="refused" if word == "failed" else "ended" if word in _ENDED else "running",
            word=word,
            done=counts.get("completed"),
            total=counts.get("total"),
            message="; ".join(str(each.get("message")) for each in faults[:3]),
            faults={each["line"]: str(each.get("message")) for each in faults if isinstance(each.get("line"), int)},
        )

    async def cancel_batch(self, batch_id: str) -> None:
        """Ask for its end; what was answered by then is kept."""
        await self._endpoint.post(f"/batches/{batch_id}/cancel", {})

    async def collect_batch(self, batch_id: str) -> AsyncIterator[BatchLine]:
        """The lines of both files: of answers, and of errors, among which are the requests that were not asked."""
        batch = await self._endpoint.get(f"/batches/{batch_id}")
        for name in ("output_file_id", "error_file_id"):
            if batch.get(name):
                async for text in self._endpoint.lines(str(batch[name])):
                    yield _line(text)

    def read_batch(self, request: TextRequest, data: Any) -> TextAnswer:
        """The answer, read as that of a call."""
        asked, response = self.asked_body(_bare(request)), data.get("response") or {}
        body, identity = response.get("body"), response.get("request_id")

        def read() -> TextAnswer:
            if response.get("status_code") != 200 or not isinstance(body, dict):
                raise ReportedError(_reported(data))
            asked.reading.whole(body)
            return asked.reading.answer(identity)

        answer = self._endpoint.read(read, identity=identity, raw=body)
        if isinstance(request, ObjectRequest):
            return object_answer(answer, asked.sent)
        return says_something(answer, request)


def _bare(request: TextRequest) -> TextRequest:
    """A request without what it says: how its answer is read depends on the rest alone."""
    return evolve(request, messages=())


def _reported(data: dict[str, Any]) -> dict[str, Any]:
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
