"""The backend `vertexai`: Gemini on Vertex AI, and models on endpoints.

Gemini is called with google-genai. A model on an endpoint is called with google-cloud-aiplatform, which is imported when
the first of them is called.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from google import genai

from pipelex_backend_google.gemini import GeminiBackend, call_error, http_options
from pipelex_backend_vertexai._batches import VertexBatches
from pipelex_backend_vertexai._credentials import find_caller
from pipelex_backend_vertexai._deployed import ask, stream
from pipelex_backend_vertexai._endpoints import endpoint_of, host_of
from pipelex_backend_vertexai._prediction import Prediction
from pipelex_core.answers import says_something
from pipelex_core.backend import Reranker
from pipelex_core.errors import AuthenticationError, UnsupportedInputError
from pipelex_core.requests import ObjectRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx2

    from pipelex_backend_vertexai._chat_answer import ChatReading
    from pipelex_backend_vertexai._credentials import Caller
    from pipelex_backend_vertexai._endpoints import Endpoint
    from pipelex_core.backend import Resources
    from pipelex_core.judging import RerankAnswer, RerankRequest
    from pipelex_core.requests import TextRequest
    from pipelex_core.results import TextAnswer
    from pipelex_core.specs import BackendConfig, ModelSpec, Secret


class VertexBackend(VertexBatches, GeminiBackend, Reranker):
    """Gemini on Vertex AI, and models deployed on endpoints or served from Model Garden."""

    vertex = True

    def __init__(self, config: BackendConfig, *, model_prefix: str = "") -> None:
        super().__init__(config, model_prefix=model_prefix)
        self._caller: Caller | None = None
        self._project = ""
        self._location = config.options.get("gcp_location") or "global"
        self._prediction: Prediction | None = None
        self._pool: httpx2.AsyncClient | None = None

    async def connect(self, pool: httpx2.AsyncClient) -> genai.Client:
        """The SDK's client: in express mode with the key, else with credentials; nothing is sent yet.

        Raises:
            AuthenticationError: There are no usable credentials, or no project.
        """
        self._pool = pool
        options = http_options(self.config, pool, endpoint=None, api_version="v1beta1")
        if self.config.api_key is not None:
            return genai.Client(vertexai=True, api_key=self.config.api_key.reveal(), http_options=options)
        self._caller = caller = await asyncio.to_thread(find_caller, self.config)
        self._project = self.config.options.get("gcp_project_id") or caller.project or ""
        if not self._project:
            msg = "Vertex AI needs a project: set gcp_project_id"
            raise AuthenticationError(msg)
        self._prediction = Prediction(caller)
        return genai.Client(
            vertexai=True,
            credentials=caller.credentials,
            project=self._project,
            location=self._location,
            http_options=options,
        )

    async def open(self, resources: Resources) -> None:
        """Make the SDK's client on the shared pool, which batches' files go through too."""
        self._http = resources.http()
        await super().open(resources)

    async def close(self) -> None:
        """Close the SDKs' clients and channels; the pool stays open."""
        prediction, self._prediction = self._prediction, None
        if prediction is not None:
            await prediction.close()
        await super().close()

    async def generate_text(self, request: TextRequest) -> TextAnswer:
        """The answer, whole."""
        endpoint = self._endpoint(request.spec)
        if endpoint is None:
            return await super().generate_text(request)
        reading = await self._ask_endpoint(endpoint, request)
        return says_something(reading.answer(), request, reading.finish)

    async def generate_object(self, request: ObjectRequest) -> TextAnswer:
        """The answer, whole, held to the schema by Google or by the model's server."""
        endpoint = self._endpoint(request.spec)
        if endpoint is None:
            return await super().generate_object(request)
        return (await self._ask_endpoint(endpoint, request)).answer()

    def stream_text(self, request: TextRequest) -> AsyncIterator[str | TextAnswer]:
        """The text as it comes, then the answer."""
        endpoint = self._endpoint(request.spec)
        return super().stream_text(request) if endpoint is None else self._stream_endpoint(endpoint, request)

    def stream_object(self, request: ObjectRequest) -> AsyncIterator[str | TextAnswer]:
        """The JSON document as it comes, then the answer."""
        endpoint = self._endpoint(request.spec)
        return super().stream_object(request) if endpoint is None else self._stream_endpoint(endpoint, request)

    async def count_tokens(self, request: TextRequest) -> int:
        """Gemini's count; a model on an endpoint has none."""
        if self._endpoint(request.spec) is not None:
            msg = f"model '{request.spec.name}' is on an endpoint, which counts no tokens"
            raise UnsupportedInputError(msg)
        return await super().count_tokens(request)

    async def rerank(self, request: RerankRequest) -> RerankAnswer:
        """One call of the ranking API."""
        if self._caller is None or self._pool is None:
            msg = f"model '{request.spec.name}' ranks in a project, which express mode does not reach: set gcp_project_id, no api_key"
            raise AuthenticationError(msg)
        from pipelex_backend_vertexai._ranking import rank

        try:
            return await rank(request, self._pool, self._caller, self._project, self.config.endpoint)
        except Exception as error:  # noqa: BLE001 -- the pool's errors, and Google's
            failure = call_error(error, self.secret)
        raise failure

    def model_id(self, spec: ModelSpec) -> str:
        """A model's id as the native API has it: of a tuned Gemini, the endpoint's whole name."""
        if spec.options.get("endpoint_api") == "gemini":
            tuned = endpoint_of(spec, project=self._project, location=self._location)
            return spec.model_id if tuned is None else tuned.name
        return super().model_id(spec)

    @property
    def secret(self) -> Secret | None:
        """The key of express mode, or the access token of the moment."""
        return (self._caller.secret if self._caller is not None else None) or self.config.api_key

    def _endpoint(self, spec: ModelSpec) -> Endpoint | None:
        """The endpoint whose chat completions serve a model, or None for the native API."""
        if spec.options.get("endpoint_api") == "gemini":
            return None
        return endpoint_of(spec, project=self._project, location=self._location)

    def _reach(self, endpoint: Endpoint, spec: ModelSpec) -> tuple[Prediction, str]:
        """What calls it, and its address.

        Raises:
            AuthenticationError: The backend has a key of express mode, which reaches no endpoints.
        """
        if self._prediction is None:
            msg = f"model '{spec.name}' is on an endpoint, which express mode does not reach: set gcp_project_id, no api_key"
            raise AuthenticationError(msg)
        return self._prediction, spec.options.get("endpoint_host") or self.config.endpoint or host_of(endpoint.location)

    async def _ask_endpoint(self, endpoint: Endpoint, request: TextRequest) -> ChatReading:
        prediction, address = self._reach(endpoint, request.spec)
        return await ask(prediction, address, endpoint, request, lambda: self.secret)

    async def _stream_endpoint(self, endpoint: Endpoint, request: TextRequest) -> AsyncIterator[str | TextAnswer]:
        prediction, address = self._reach(endpoint, request.spec)
        async with aclosing(stream(prediction, address, endpoint, request, lambda: self.secret)) as events:
            async for event in events:
                if isinstance(event, str):
                    yield event
                elif isinstance(request, ObjectRequest):
                    yield event.answer()
                else:
                    yield says_something(event.answer(), request, event.finish)
