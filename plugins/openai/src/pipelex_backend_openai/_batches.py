"""Batches of OpenAI, Azure OpenAI, Groq and xAI: a file of requests, answered within a day at the batch price."""

from __future__ import annotations

import json
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from attrs import evolve, frozen

from pipelex_backend_openai._batch_apis import OpenAIBatchApi, XaiBatchApi, reported
from pipelex_backend_openai._embeddings import embedding_body, read_embeddings
from pipelex_backend_openai._errors import ReportedError
from pipelex_backend_openai._objects import object_answer
from pipelex_core.answers import embeds_all, says_something
from pipelex_core.batches import BatchLimits, BatchRunner
from pipelex_core.requests import ObjectRequest, TextRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime
    from pathlib import Path

    from pipelex_backend_openai._batch_apis import BatchApi
    from pipelex_backend_openai._endpoint import Endpoint, Reading
    from pipelex_backend_openai._traits import Traits
    from pipelex_core.batches import BatchLine, BatchStatus
    from pipelex_core.dialects import Adapted
    from pipelex_core.requests import EmbeddingRequest
    from pipelex_core.results import EmbeddingAnswer, TextAnswer
    from pipelex_core.specs import ModelSpec

LIMITS = BatchLimits(requests=50_000, bytes=200_000_000)
"""Those of OpenAI and Groq; Azure takes more requests."""

EMBEDDINGS = "/embeddings"


@frozen(kw_only=True)
class RequestBody:
    """A request as it is sent, and what its answer is read with.

    Attributes:
        path: The operation, such as `/chat/completions`.
        body: The body.
        reading: Takes the answer in; None of one that is read as it is.
        sent: The schema that was sent; None where none was.
    """

    path: str
    body: dict[str, Any]
    reading: Reading | None = None
    sent: Adapted | None = None


class BatchingBackend(BatchRunner):
    """The batches of an endpoint; a subclass knows what its requests look like."""

    batch_prefix: ClassVar[str] = "/v1"
    """What precedes an operation in a batch's lines."""

    _endpoint: Endpoint
    _traits: Traits

    @property
    def _batches(self) -> BatchApi:
        """The API of this endpoint."""
        return XaiBatchApi(self._endpoint) if self._traits.batch_form == "xai" else OpenAIBatchApi(self._endpoint)

    @abstractmethod
    def _traits_for(self, spec: ModelSpec) -> Traits:
        """The traits of a model."""

    @abstractmethod
    def requested_body(self, request: TextRequest) -> RequestBody:
        """The request as it is sent; its documents are here."""

    async def prepared(self, request: TextRequest) -> TextRequest:
        """The request with what has to be fetched for it."""
        return request

    def batch_limits(self, request: TextRequest | EmbeddingRequest) -> BatchLimits | None:
        """Those of the API, where the endpoint has it; of texts to embed it takes as many as of requests."""
        traits = self._traits_for(request.spec)
        if not traits.batches:
            return None
        if isinstance(request, TextRequest):
            return LIMITS
        return (
            evolve(LIMITS, requests=LIMITS.requests // len(request.texts))
            if self._traits.batch_form == "openai"
            else None
        )

    def batch_group(self, request: TextRequest | EmbeddingRequest) -> str:
        """A batch is of one operation."""
        return self.requested_body(_bare(request)).path if isinstance(request, TextRequest) else EMBEDDINGS

    async def batch_line(self, key: str, request: TextRequest | EmbeddingRequest) -> bytes:
        """A request with its key, operation and body."""
        if isinstance(request, TextRequest):
            requested = self.requested_body(await self.prepared(request))
        else:
            requested = RequestBody(path=EMBEDDINGS, body=embedding_body(request, self._traits_for(request.spec)))
        line = {"custom_id": key, "method": "POST", "url": self.batch_prefix + requested.path, "body": requested.body}
        return json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode()

    async def submit_batch(self, lines: Path, *, model_id: str, group: str, mark: str) -> str:  # noqa: ARG002 -- each line has its model
        """Upload the file, and make the batch of it; neither is sent twice."""
        file_id = await self._endpoint.upload(lines, f"{mark}.jsonl")
        return await self._batches.create(file_id, self.batch_prefix + group, mark)

    async def find_batch(self, mark: str, *, count: int, since: datetime) -> str | None:  # noqa: ARG002 -- the mark is enough
        """Walk through all batches: nothing searches by the mark."""
        return await self._batches.find(mark)

    async def poll_batch(self, batch_id: str) -> BatchStatus:
        """Its state."""
        return await self._batches.poll(batch_id)

    async def cancel_batch(self, batch_id: str) -> None:
        """Ask for its end; what was answered by then is kept."""
        await self._batches.cancel(batch_id)

    def collect_batch(self, batch_id: str) -> AsyncIterator[BatchLine]:
        """What came of its requests."""
        return self._batches.collect(batch_id)

    def read_batch(self, request: TextRequest | EmbeddingRequest, data: Any) -> TextAnswer | EmbeddingAnswer:
        """The answer, read as that of a call."""
        response = data.get("response") or {}
        body, identity = response.get("body"), response.get("request_id")
        if response.get("status_code") != 200 or not isinstance(body, dict):
            fault = ReportedError(reported(data))
            return self._endpoint.read(lambda: _raise(fault), identity=identity, raw=body)
        if not isinstance(request, TextRequest):
            return self._read_vectors(request, body)
        requested = self.requested_body(_bare(request))
        assert requested.reading is not None  # noqa: S101 -- that of a text
        reading = requested.reading

        def read() -> TextAnswer:
            reading.whole(body)
            return reading.answer(identity)

        answer = self._endpoint.read(read, identity=identity, raw=body)
        if isinstance(request, ObjectRequest):
            return object_answer(answer, requested.sent)
        return says_something(answer, request)

    def _read_vectors(self, request: EmbeddingRequest, body: dict[str, Any]) -> EmbeddingAnswer:
        traits, content = self._traits_for(request.spec), json.dumps(body).encode()
        return embeds_all(
            self._endpoint.read(lambda: read_embeddings(content, traits), identity=None, raw=None), request
        )


def _raise(fault: Exception) -> NoReturn:
    raise fault


def _bare(request: TextRequest) -> TextRequest:
    """A request without what it says: how its answer is read depends on the rest alone."""
    return evolve(request, messages=())
