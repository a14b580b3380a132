"""The backend of Amazon Bedrock.

botocore blocks, and takes its time to be imported: all of it happens in worker threads, and this module imports none
of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pipelex_backend_bedrock._batches import BedrockBatches
from pipelex_backend_bedrock._calls import Call
from pipelex_backend_bedrock._converse import converse, converse_stream, list_models
from pipelex_backend_bedrock._embeddings import embed
from pipelex_backend_bedrock._pictures import make_images
from pipelex_backend_bedrock._settings import read_settings
from pipelex_backend_bedrock._workers import Workers
from pipelex_core.backend import (
    Embedder,
    ImageGenerator,
    ModelLister,
    ObjectGenerator,
    ObjectStreamer,
    Reranker,
    TextGenerator,
    TextStreamer,
    TokenCounter,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from pipelex_backend_bedrock._settings import Settings
    from pipelex_core.backend import Resources
    from pipelex_core.errors import CallError
    from pipelex_core.judging import RerankAnswer, RerankRequest
    from pipelex_core.requests import EmbeddingRequest, ImageRequest, ObjectRequest, TextRequest
    from pipelex_core.results import EmbeddingAnswer, ImageAnswer, TextAnswer


class BedrockBackend(
    BedrockBatches,
    TextGenerator,
    TextStreamer,
    ObjectGenerator,
    ObjectStreamer,
    TokenCounter,
    Embedder,
    Reranker,
    ImageGenerator,
    ModelLister,
):
    """Converse and ConverseStream; InvokeModel for embeddings, rankings and images; jobs for batches."""

    fetches_urls: ClassVar[bool] = False
    objects_with_tools: ClassVar[bool] = True
    loggers: ClassVar[tuple[str, ...]] = ("botocore",)

    _settings: Settings
    _workers: Workers
    _intercept: Callable[[str, str, bytes], None] | None = None
    _session: Any = None
    _client: Any = None

    async def open(self, resources: Resources) -> None:
        """Make the session and its client; raises `AuthenticationError` for credentials that cannot be."""
        self._intercept = getattr(resources, "intercept", None)  # botocore brings its own connections
        self._settings = read_settings(self.config)
        self._workers = Workers(self._settings.max_concurrency, self._mapped)
        try:
            self._session, self._client = await self._workers.run(Call(), self._connect)
        except BaseException:
            await self._workers.close()
            raise

    async def close(self) -> None:
        """End what is under way, then the connections."""
        client, self._client = self._client, None
        if client is not None:
            await self._workers.close()
            client.close()
            self._close_jobs()

    async def generate_text(self, request: TextRequest) -> TextAnswer:
        """The answer of Converse."""
        options = self.config.options
        return await self._workers.run(self._call(request), lambda: converse(self._client, request, options))

    async def generate_object(self, request: ObjectRequest) -> TextAnswer:
        """As text: the object is the argument of a forced tool call, or what the model's JSON schema mode gave."""
        return await self.generate_text(request)

    def stream_text(self, request: TextRequest) -> AsyncGenerator[str | TextAnswer, None]:
        """The deltas of ConverseStream; closing it severs the connection."""
        call, options = self._call(request), self.config.options

        def mapped(error: Exception) -> CallError:
            return self._mapped(error, call)

        return self._workers.stream(call, lambda: converse_stream(self._client, request, options, mapped))

    async def count_tokens(self, request: TextRequest) -> int:
        """The count of CountTokens, which some of Bedrock's models have."""
        from pipelex_backend_bedrock._counting import count_tokens

        options = self.config.options
        return await self._workers.run(self._call(request), lambda: count_tokens(self._client, request, options))

    async def embed(self, request: EmbeddingRequest) -> EmbeddingAnswer:
        """The vectors of InvokeModel."""
        call = Call(request.timeout, self.config.max_media_bytes, "max_media_bytes")
        return await self._workers.run(call, lambda: embed(self._client, request))

    async def rerank(self, request: RerankRequest) -> RerankAnswer:
        """The ranking of InvokeModel."""
        from pipelex_backend_bedrock._rerank import rerank

        call = Call(request.timeout, self.config.max_media_bytes, "max_media_bytes")
        return await self._workers.run(call, lambda: rerank(self._client, request))

    async def generate_image(self, request: ImageRequest) -> ImageAnswer:
        """The images of InvokeModel."""
        call = Call(request.timeout, self.config.max_media_bytes, "max_media_bytes")
        return await self._workers.run(call, lambda: make_images(self._client, request))

    def stream_object(self, request: ObjectRequest) -> AsyncGenerator[str | TextAnswer, None]:
        """The same, of a text or of the arguments of the forced call."""
        return self.stream_text(request)

    async def list_models(self) -> tuple[str, ...]:
        """The ids of foundation models and inference profiles, of this region."""
        return await self._workers.run(Call(most=self.config.max_answer_bytes), self._list_models)

    def _call(self, request: TextRequest) -> Call:
        return Call(request.timeout, self.config.max_answer_bytes)

    def _connect(self) -> tuple[Any, Any]:
        import pipelex_backend_bedrock._errors  # noqa: F401 -- without a descriptor left, nothing can be imported any more
        from pipelex_backend_bedrock._client import make_client, make_session
        from pipelex_backend_bedrock._connections import are_owned

        session = make_session(self._settings)
        client = make_client(session, self._settings, intercept=self._intercept)
        self._workers.severable = are_owned(client)
        return session, client

    def _list_models(self) -> tuple[str, ...]:
        from pipelex_backend_bedrock._client import make_client

        client = make_client(self._session, self._settings, "bedrock")
        try:
            return list_models(client)
        finally:
            client.close()

    def _mapped(self, error: Exception, call: Call) -> CallError:
        from pipelex_backend_bedrock._errors import to_call_error

        return to_call_error(error, call, self._settings)
