"""Batch jobs: https://docs.mistral.ai/capabilities/batch."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from pipelex_backend_mistral._chat_answer import gathered_answer
from pipelex_backend_mistral._chat_request import chat_body
from pipelex_backend_mistral._embeddings import embedding_answer, embedding_body
from pipelex_backend_mistral._json import encoded
from pipelex_core.answers import says_something
from pipelex_core.batches import MARK, BatchLimits, BatchLine, BatchRunner, BatchStatus
from pipelex_core.errors import InvalidAnswerError
from pipelex_core.requests import EmbeddingRequest, ObjectRequest, TextRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime
    from pathlib import Path

    from pipelex_backend_mistral._client import MistralClient
    from pipelex_core.results import EmbeddingAnswer, TextAnswer

_JOBS = "/v1/batch/jobs"
_CHAT = "/v1/chat/completions"
_EMBEDDINGS = "/v1/embeddings"
_LIMITS = BatchLimits(requests=100_000, bytes=500_000_000)
_ENDED = frozenset({"SUCCESS", "TIMEOUT_EXCEEDED", "CANCELLED"})
_PER_PAGE = 100

# The SDK's names of its operations: its tracing goes by them.
_CREATE = "jobs_api_routes_batch_create_batch_job"
_GET = "jobs_api_routes_batch_get_batch_job"
_LIST = "jobs_api_routes_batch_get_batch_jobs"
_CANCEL = "jobs_api_routes_batch_cancel_batch_job"


class BatchJobs(BatchRunner):
    """The batch jobs of Mistral's API."""

    @property
    @abstractmethod
    def _client(self) -> MistralClient:
        """The client, of a backend that is open."""

    def batch_limits(self, request: Any) -> BatchLimits | None:
        """Those of the API."""
        return _LIMITS if isinstance(request, TextRequest | EmbeddingRequest) else None

    def batch_group(self, request: TextRequest | EmbeddingRequest) -> str:
        """A job is of one operation."""
        return _EMBEDDINGS if isinstance(request, EmbeddingRequest) else _CHAT

    async def batch_line(self, key: str, request: TextRequest | EmbeddingRequest) -> bytes:
        """A request with its id; the model is the job's."""
        body = embedding_body(request) if isinstance(request, EmbeddingRequest) else chat_body(request)
        del body["model"]
        return encoded({"custom_id": key, "body": body}).encode()

    async def submit_batch(self, lines: Path, *, model_id: str, group: str, mark: str) -> str:
        """Upload the file, and make the job of it; neither is sent twice."""
        with lines.open("rb") as content:
            file_id = await self._client.upload_lines(content, f"{mark}.jsonl")
        body = {
            "input_files": [file_id],
            "model": model_id,
            "endpoint": group,
            "metadata": {MARK: mark},
            "timeout_hours": 24,
        }
        return str(_field((await self._client.call(_JOBS, _CREATE, body)).payload, "id"))

    async def find_batch(self, mark: str, *, count: int, since: datetime) -> str | None:  # noqa: ARG002 -- the mark is enough
        """The job with the mark in its metadata; compared here, whatever the list was searched by."""
        page = 0
        while True:
            query = urlencode({"page": page, "page_size": _PER_PAGE, "created_by_me": "true"})
            listed = (await self._client.call(f"{_JOBS}?{query}", _LIST)).payload
            jobs = _field(listed, "data") or []
            for job in jobs:
                if (job.get("metadata") or {}).get(MARK) == mark:
                    return str(job["id"])
            page += 1
            if not jobs or page * _PER_PAGE >= int(listed.get("total") or 0):
                return None

    async def poll_batch(self, batch_id: str) -> BatchStatus:
        """Its status, an unknown one of which is that of a job under way."""
        job = (await self._client.call(f"{_JOBS}/{batch_id}", _GET)).payload
        word = str(_field(job, "status"))
        faults = [str(each.get("message")) for each in job.get("errors") or () if isinstance(each, dict)]
        return BatchStatus(
            state="refused" if word == "FAILED" else "ended" if word in _ENDED else "running",
            word=word,
            done=job.get("completed_requests"),
            total=job.get("total_requests"),
            message="; ".join(faults[:3]),
        )

    async def cancel_batch(self, batch_id: str) -> None:
        """Ask for its end; what was answered by then is kept."""
        await self._client.call(f"{_JOBS}/{batch_id}/cancel", _CANCEL, {})

    async def collect_batch(self, batch_id: str) -> AsyncIterator[BatchLine]:
        """The lines of both files, of answers and of errors."""
        job = (await self._client.call(f"{_JOBS}/{batch_id}", _GET)).payload
        for name in ("output_file", "error_file"):
            if job.get(name):
                async for line in self._client.lines(job[name]):
                    yield BatchLine(key=str(_field(line, "custom_id")), data=line)

    def read_batch(self, request: TextRequest | EmbeddingRequest, data: Any) -> TextAnswer | EmbeddingAnswer:
        """The completion or the vectors, read as that of a call."""
        response = data.get("response") or {}
        body = response.get("body")
        if data.get("error") or response.get("status_code") != 200 or not isinstance(body, dict):
            raise self._client.error_of(response.get("status_code"), body or data.get("error"))
        if isinstance(request, EmbeddingRequest):
            return embedding_answer(body, request, None)
        gathered = gathered_answer(body, None)
        if isinstance(request, ObjectRequest):
            return gathered.answer()
        return says_something(gathered.answer(), request, gathered.finish_reason)


def _field(answer: Any, name: str) -> Any:
    if not isinstance(answer, dict) or name not in answer:
        msg = f"the answer has no {name}"
        raise InvalidAnswerError(msg, raw=answer)
    return answer[name]
