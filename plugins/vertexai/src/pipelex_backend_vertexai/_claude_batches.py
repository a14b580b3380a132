"""Batch jobs of Claude on Vertex AI, from and to Cloud Storage.

https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/batch: the jobs are those of Gemini. A line is a
`custom_id` and a `request`, which names the API's version and no model; an outcome has both again, a `response` and a `status`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from google import genai

from pipelex_backend_google.gemini import http_options
from pipelex_backend_vertexai._batches import VertexBatches, status_of
from pipelex_core.batches import BatchLimits, BatchLine
from pipelex_core.errors import BadRequestError, InvalidAnswerError, error_class_for_status
from pipelex_core.requests import TextRequest

if TYPE_CHECKING:
    import httpx2

    from pipelex_backend_vertexai._endpoints import Endpoint
    from pipelex_backend_vertexai._place import Place
    from pipelex_core.specs import BackendConfig, ModelSpec, Secret

LIMITS = BatchLimits(requests=100_000, bytes=256_000_000, hours=24)
"""Those of Anthropic's own batches: Google's page names none."""


class ClaudeJobs(VertexBatches):
    """The jobs of a backend: what is sent and read is the Messages API's, and that of the backend."""

    def __init__(self, config: BackendConfig, place: Place, http: httpx2.AsyncClient) -> None:
        super().__init__(config)
        self.model_prefix = ""
        self._caller = place.caller
        self._place = place
        self._http = http
        self._client = genai.Client(
            vertexai=True,
            credentials=place.caller.credentials,
            project=place.project,
            location=place.location,
            http_options=http_options(config, http, endpoint=None, api_version="v1beta1"),
        )

    async def close(self) -> None:
        """Close what the SDK made for itself; the pool stays open."""
        client, self._client = self._client, None
        if client is not None:
            await client.aio.aclose()
            client.close()

    @property
    def secret(self) -> Secret | None:
        """The access token of the moment."""
        return self._place.caller.secret

    def batch_limits(self, request: Any) -> BatchLimits | None:
        """Those of Anthropic's batches.

        Raises:
            BadRequestError: The folder is none of Cloud Storage, or the location is not a region.
        """
        if not isinstance(request, TextRequest) or self.folder() is None:
            return None
        if self._place.location == "global":
            msg = f"backend '{self.config.name}' needs a region as gcp_location for batches of Claude, not 'global'"
            raise BadRequestError(msg)
        return LIMITS

    def job_model(self, model_id: str) -> str:
        """Name the model as one of Anthropic's."""
        return f"publishers/anthropic/models/{model_id}"

    def read_line(self, text: bytes) -> BatchLine:
        """An outcome, known by its `custom_id`: a message, or a status that says why there is none."""
        try:
            data = json.loads(text)
            key, response, status = str(data["custom_id"]), data.get("response"), data.get("status")
        except (ValueError, LookupError, TypeError, AttributeError):
            msg = f"a line of the job's results is not what the API promises: {text[:200]!r}"
            raise InvalidAnswerError(msg) from None
        if status:
            return BatchLine(key=key, data={"error": status_of(status)})
        message = response.get("body", response) if isinstance(response, dict) else response
        return BatchLine(key=key, data={"response": message} if message is not None else None)

    def _endpoint(self, spec: ModelSpec) -> Endpoint | None:  # noqa: ARG002 -- Claude is on none
        return None


def message_of(data: Any) -> Any:
    """The message of an outcome.

    Raises:
        CallError: The request was refused, or failed.
    """
    if "error" not in data:
        return data["response"]
    error = data["error"]
    raise error_class_for_status(error["code"])(error["message"], status=error["code"])
