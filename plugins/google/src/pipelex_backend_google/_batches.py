"""Batches of the Gemini API: https://ai.google.dev/gemini-api/docs/batch-api.

The requests go inline, in the API's own form; the API takes up to 20 MB of them in a batch, and those of embeddings go to a
method of their own. A batch is found again by its display name, and a result by the metadata of its request.
"""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any

from google.genai import types

from pipelex_backend_google._answer import Gathered
from pipelex_backend_google._batch_embeddings import batch_vector, embedding_body
from pipelex_backend_google._body import text_body
from pipelex_backend_google._errors import call_error, reported
from pipelex_core.answers import says_something
from pipelex_core.batches import BatchLimits, BatchLine, BatchRunner, BatchStatus
from pipelex_core.requests import EmbeddingRequest, ObjectRequest, TextRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Iterator
    from datetime import datetime
    from pathlib import Path

    from google import genai

    from pipelex_core.results import EmbeddingAnswer, TextAnswer
    from pipelex_core.specs import Secret

_LIMITS = BatchLimits(requests=50_000, bytes=18_000_000, hours=24)
_KEY = "key"
_EMBEDDINGS = "embeddings"
"""The group of requests that go to `asyncBatchEmbedContent`."""
_ENDED = frozenset({"JOB_STATE_SUCCEEDED", "JOB_STATE_PARTIALLY_SUCCEEDED", "JOB_STATE_CANCELLED", "JOB_STATE_EXPIRED"})
"""The SDK's own `done` leaves out the second one."""


class GeminiBatches(BatchRunner):
    """The batches of Google AI Studio."""

    model_prefix: str
    _client: genai.Client | None

    if TYPE_CHECKING:

        @property
        def secret(self) -> Secret | None:
            """The key, for errors to hide."""

    def batch_limits(self, request: Any) -> BatchLimits | None:
        """Those of the API for requests that go inline."""
        return _LIMITS if isinstance(request, TextRequest | EmbeddingRequest) else None

    def batch_group(self, request: Any) -> str:
        """Embeddings have a method of their own."""
        return _EMBEDDINGS if isinstance(request, EmbeddingRequest) else ""

    async def batch_line(self, key: str, request: TextRequest | EmbeddingRequest) -> bytes:
        """A request with its key among its metadata."""
        if isinstance(request, EmbeddingRequest):
            body = embedding_body(request, request.spec.model_id.removeprefix(self.model_prefix), vertex=False)
        else:
            body = text_body(request)
        line = {"request": body, "metadata": {_KEY: key}}
        return json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode()

    async def submit_batch(self, lines: Path, *, model_id: str, group: str, mark: str) -> str:
        """Make the batch, once: the SDK sends it a single time."""
        body = {"batch": {"displayName": mark, "inputConfig": {"requests": {"requests": _read(lines)}}}}
        options = types.HttpOptions(extra_body=body)
        model = model_id.removeprefix(self.model_prefix)
        nothing = types.Content(parts=[types.Part(text="")])  # the body has the requests
        if group == _EMBEDDINGS:
            warnings.filterwarnings("ignore", message=r"batches\.create_embeddings\(\) is experimental")
            source = types.EmbeddingsBatchJobSource(inlined_requests=types.EmbedContentBatch(contents=[nothing]))
            config = types.CreateEmbeddingsBatchJobConfig(display_name=mark, http_options=options)
            made = self._batches.create_embeddings(model=model, src=source, config=config)
        else:
            requests = [types.InlinedRequest(contents=nothing)]
            settings = types.CreateBatchJobConfig(display_name=mark, http_options=options)
            made = self._batches.create(model=model, src=requests, config=settings)
        job = await self._guarded(made)
        return job.name or ""

    async def find_batch(self, mark: str, *, count: int, since: datetime) -> str | None:  # noqa: ARG002 -- the mark is enough
        """Walk through all batches: the API has no filter for them."""
        pager = await self._guarded(self._batches.list(config={"page_size": 100}))
        pages = aiter(pager)
        while (job := await self._guarded(_next_of(pages))) is not None:
            if job.display_name == mark:
                return str(job.name)
        return None

    async def poll_batch(self, batch_id: str) -> BatchStatus:
        """Its state, an unknown one of which is that of a batch under way."""
        job = await self._guarded(self._batches.get(name=batch_id))
        word = job.state.name if job.state else ""
        stats = job.completion_stats
        return BatchStatus(
            state="refused" if word == "JOB_STATE_FAILED" else "ended" if word in _ENDED else "running",
            word=word,
            done=None if stats is None else stats.successful_count,
            message=(job.error.message or "") if job.error else "",
        )

    async def cancel_batch(self, batch_id: str) -> None:
        """Ask for its end."""
        await self._guarded(self._batches.cancel(name=batch_id))

    async def collect_batch(self, batch_id: str) -> AsyncIterator[BatchLine]:
        """What came of each request; one without an answer and without an error was not asked."""
        job = await self._guarded(self._batches.get(name=batch_id))
        for outcome in _outcomes(job.dest):
            data = outcome.model_dump(mode="json", by_alias=True, exclude_none=True)
            key = (data.get("metadata") or {}).get(_KEY, "")
            was_requested = "response" in data or "error" in data
            yield BatchLine(key=str(key), data=data if was_requested else None)

    def read_batch(self, request: TextRequest | EmbeddingRequest, data: Any) -> TextAnswer | EmbeddingAnswer:
        """The answer, read as that of a call."""
        if "error" in data:
            raise call_error(reported(data["error"], {}), self.secret)
        if isinstance(request, EmbeddingRequest):
            return batch_vector(request, data["response"])
        gathered = Gathered(request_id=None)
        gathered.take(data["response"])
        if isinstance(request, ObjectRequest):
            return gathered.answer()
        return says_something(gathered.answer(), request, gathered.finish)

    @property
    def _batches(self) -> Any:
        assert self._client is not None  # noqa: S101 -- the backend is open
        return self._client.aio.batches

    async def _guarded(self, sdk_call: Awaitable[Any]) -> Any:
        """Await a call of the SDK; what it raises becomes ours, and is not chained to it: it holds the key."""
        try:
            return await sdk_call
        except Exception as error:  # noqa: BLE001 -- the SDK raises far outside its own classes: see the table
            failure = call_error(error, self.secret)
        raise failure


async def _next_of(pages: AsyncIterator[Any]) -> Any:
    return await anext(pages, None)


def _outcomes(destination: Any) -> Iterator[Any]:
    """What came of each request: where all embeddings failed, the SDK takes them for texts."""
    if destination is not None:
        yield from destination.inlined_embed_content_responses or ()
        yield from destination.inlined_responses or ()


def _read(lines: Path) -> list[Any]:
    with lines.open("rb") as file:
        return [json.loads(line) for line in file]
