"""Batch jobs of Gemini on Vertex AI, from and to Cloud Storage.

https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/batch-prediction-from-cloud-storage. An outcome has its whole
request in it and no id: its row is known by a label of the request. Requests of embeddings, and what comes of them, have a key:
https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/embeddings/batch-prediction-genai-embeddings.
"""

from __future__ import annotations

import json
import re
from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from google.genai import types

from pipelex_backend_google.gemini import GeminiBatches, embedding_body, text_body
from pipelex_backend_vertexai._storage import Storage
from pipelex_core.batches import BatchLimits, BatchLine
from pipelex_core.errors import BadRequestError, InvalidAnswerError
from pipelex_core.requests import EmbeddingRequest, TextRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx2

    from pipelex_backend_vertexai._credentials import Caller
    from pipelex_backend_vertexai._endpoints import Endpoint
    from pipelex_core.specs import ModelSpec

LIMITS = BatchLimits(requests=200_000, bytes=1_000_000_000, hours=24)
_LABEL = "pipelex_key"
_URI = re.compile(r"gs://[a-z0-9][-._a-z0-9]{1,220}[a-z0-9](/[^\s?#]+)?")
_CODE = re.compile(r'"code":\s*(\d{3})')


class VertexBatches(GeminiBatches):
    """The batch jobs of a backend that names a folder in Cloud Storage; of models of Google's, with credentials."""

    _caller: Caller | None
    _http: httpx2.AsyncClient

    @abstractmethod
    def _endpoint(self, spec: ModelSpec) -> Endpoint | None:
        """The endpoint that serves a model, or None for Gemini."""

    def batch_limits(self, request: Any) -> BatchLimits | None:
        """Those of the API.

        Raises:
            BadRequestError: The folder is none of Cloud Storage.
        """
        if self._caller is None or not isinstance(request, TextRequest | EmbeddingRequest):
            return None
        if isinstance(request, EmbeddingRequest) and "gemini" not in request.spec.model_id:
            return None  # outcomes of the older models have no key
        if self.folder() is None or self._endpoint(request.spec) is not None:
            return None
        return LIMITS

    def folder(self) -> str | None:
        """The folder for requests and results; None where the backend names none.

        Raises:
            BadRequestError: It is none of Cloud Storage.
        """
        folder: str | None = self.config.options.get("batch_gcs_uri")
        if folder and not _URI.fullmatch(folder):
            msg = f"backend '{self.config.name}' needs batch_gcs_uri for batches, such as gs://bucket/folder, not '{folder}'"
            raise BadRequestError(msg)
        return folder or None

    def job_model(self, model_id: str) -> str:
        """Name the model of a job."""
        return model_id.removeprefix(self.model_prefix)

    def read_line(self, text: bytes) -> BatchLine:
        """Read a line of a job's results."""
        return _line(text)

    def batch_group(self, request: Any) -> str:  # noqa: ARG002 -- jobs of texts and of embeddings are made alike
        """Requests of a model are of one kind."""
        return ""

    async def batch_line(self, key: str, request: TextRequest | EmbeddingRequest) -> bytes:
        """A request with its key among its labels, or beside it."""
        line: dict[str, Any]
        if isinstance(request, EmbeddingRequest):
            model = request.spec.model_id.removeprefix(self.model_prefix)
            line = {"key": key, "request": embedding_body(request, model, vertex=True)}
        else:
            line = {"request": {**text_body(request), "labels": {_LABEL: key}}}
        return json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode()

    async def submit_batch(self, lines: Path, *, model_id: str, group: str, mark: str) -> str:  # noqa: ARG002 -- there is one
        """Upload the file, and make the job of it, once: the SDK sends it a single time."""
        folder = f"{self.config.options['batch_gcs_uri'].rstrip('/')}/{mark}"
        await self._storage.upload(lines, f"{folder}/input.jsonl")
        config = types.CreateBatchJobConfig(display_name=mark, dest=f"{folder}/output/")
        model = self.job_model(model_id)
        job = await self._guarded(self._batches.create(model=model, src=f"{folder}/input.jsonl", config=config))
        return job.name or ""

    async def collect_batch(self, batch_id: str) -> AsyncIterator[BatchLine]:
        """The lines of the output files; a request that is in none was not asked."""
        job = await self._guarded(self._batches.get(name=batch_id))
        folder = (job.dest.gcs_uri if job.dest else None) or ""
        found = False
        async for name in self._storage.names(folder):
            if not name.endswith(".jsonl"):
                continue
            found = True
            async for line in self._storage.lines(name):
                yield self.read_line(line)
        if not found and job.state is not None and job.state.name == "JOB_STATE_SUCCEEDED":
            msg = f"the job {batch_id} has results, and none of them are at {folder}"
            raise InvalidAnswerError(msg)

    @property
    def _storage(self) -> Storage:
        assert self._caller is not None  # noqa: S101 -- else it has no limits, and nothing is asked
        return Storage(self._http, self._caller, self.config.options.get("gcs_endpoint"))


def _line(text: bytes) -> BatchLine:
    """An outcome: an answer, or a status that says why there is none."""
    try:
        data = json.loads(text)
        key = data["key"] if "key" in data else data["request"]["labels"][_LABEL]
    except (ValueError, LookupError, TypeError):
        msg = f"a line of the job's results is not what the API promises: {text[:200]!r}"
        raise InvalidAnswerError(msg) from None
    status = data.get("status")
    if not status:
        return BatchLine(key=str(key), data={"response": data.get("response")})
    return BatchLine(key=str(key), data={"error": status_of(status)})


def status_of(status: Any) -> dict[str, Any]:
    """The code and the words of a status, which is a text that may hold an error of Google's."""
    code = _CODE.search(status if isinstance(status, str) else json.dumps(status))
    return {"code": int(code[1]) if code else 400, "message": str(status)}
