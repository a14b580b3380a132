"""The backend: calls of an event loop, carried to the engines of the process."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from pipelex_backend_llamacpp._body import chat_body
from pipelex_backend_llamacpp._embedding import Embedding
from pipelex_backend_llamacpp._fetch import bring
from pipelex_backend_llamacpp._generation import Generation
from pipelex_backend_llamacpp._settings import engine_settings, most_tokens
from pipelex_backend_llamacpp._shared import ENGINES
from pipelex_core.answers import embeds_all
from pipelex_core.backend import (
    Embedder,
    ModelFetcher,
    ObjectGenerator,
    ObjectStreamer,
    Reranker,
    TextGenerator,
    TextStreamer,
    TokenCounter,
)
from pipelex_core.errors import CallError, NotFoundError
from pipelex_core.requests import ObjectRequest
from pipelex_core.results import TextAnswer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from pipelex_backend_llamacpp._engine import Engine
    from pipelex_backend_llamacpp._generation import Event, Job
    from pipelex_backend_llamacpp._settings import EngineSettings
    from pipelex_core.judging import RerankAnswer, RerankRequest
    from pipelex_core.requests import EmbeddingRequest, TextRequest
    from pipelex_core.results import EmbeddingAnswer
    from pipelex_core.specs import BackendConfig, ModelSpec

_TICK = 0.2
"""Seconds between two signs of life of a call that waits for its turn."""


class LlamaCppBackend(
    TextGenerator, TextStreamer, ObjectGenerator, ObjectStreamer, TokenCounter, Embedder, Reranker, ModelFetcher
):
    """Models in this process; each is loaded at its first call and freed when its last backend closes."""

    def __init__(self, config: BackendConfig) -> None:
        super().__init__(config)
        self._engines: dict[EngineSettings, Engine] = {}
        self._running: set[Job] = set()

    async def close(self) -> None:
        """Stop this backend's calls and let go of its models."""
        for job in list(self._running):
            job.close()
        engines, self._engines = list(self._engines.values()), {}
        for engine in engines:
            await asyncio.wrap_future(ENGINES.release(engine))

    async def generate_text(self, request: TextRequest) -> TextAnswer:
        """The answer, whole."""
        with self._generating(request, deltas=False) as (_, events):
            event = await events.get()
        if isinstance(event, TextAnswer):
            return event
        assert isinstance(event, CallError)  # noqa: S101 -- it tells no deltas
        raise event

    async def stream_text(self, request: TextRequest) -> AsyncIterator[str | TextAnswer]:
        """The text as the model writes it; closing the iterator stops the model.

        A call that waits for its turn, or for its model, is not silent: nobody else could say more of it.
        """
        with self._generating(request, deltas=True) as (generation, events):
            while isinstance(event := await _next(generation, events), str):
                yield event
            if isinstance(event, CallError):
                raise event
            yield event

    def stream_object(self, request: ObjectRequest) -> AsyncIterator[str | TextAnswer]:
        """The JSON document as the model writes it."""
        return self.stream_text(request)

    async def generate_object(self, request: ObjectRequest) -> TextAnswer:
        """A JSON document; the schema is a grammar, so that the model cannot write another."""
        return await self.generate_text(request)

    async def count_tokens(self, request: TextRequest) -> int:
        """The model's own count of the prompt as its template writes it; nothing is generated."""
        from pipelex_backend_llamacpp._counting import Counting

        body = chat_body(request, most_tokens=1)
        counted: int = await self._done(request.spec, lambda tell: Counting(body, tell))
        return counted

    async def embed(self, request: EmbeddingRequest) -> EmbeddingAnswer:
        """A vector of each text, of length 1; a text that is too long is refused, with its length in tokens."""
        spec, texts = request.spec, request.texts
        answer: EmbeddingAnswer = await self._done(spec, lambda tell: Embedding(spec, texts, tell))
        return embeds_all(answer, request)

    async def rerank(self, request: RerankRequest) -> RerankAnswer:
        """The documents by the cosine of their vectors and the query's; texts that are too long are refused as in `embed`."""
        from pipelex_backend_llamacpp._ranking import Ranking

        answer: RerankAnswer = await self._done(request.spec, lambda tell: Ranking(request, tell))
        return answer

    async def _done(self, spec: ModelSpec, job_of: Callable[[Callable[[Any], None]], Job]) -> Any:
        """What a job answers; leaving stops it."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Any] = loop.create_future()

        def settle(outcome: Any) -> None:
            if not done.done():
                done.set_result(outcome)

        def tell(outcome: Any) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody listens any more
                loop.call_soon_threadsafe(settle, outcome)

        job = job_of(tell)
        self._running.add(job)
        try:
            self._engine(spec).submit(job)
            outcome = await done
        finally:
            job.cancel()
            self._running.discard(job)
        if isinstance(outcome, CallError):
            raise outcome
        return outcome

    @contextmanager
    def _generating(self, request: TextRequest, *, deltas: bool) -> Iterator[tuple[Generation, asyncio.Queue[Event]]]:
        """Start a generation; what it tells arrives in the queue, and leaving stops it."""
        body = chat_body(request, most_tokens=most_tokens(self.config, request.spec))
        loop = asyncio.get_running_loop()
        events: asyncio.Queue[Event] = asyncio.Queue()

        def tell(event: Event) -> None:
            try:
                loop.call_soon_threadsafe(events.put_nowait, event)
            except RuntimeError:  # the loop is closed: nobody listens any more
                generation.cancel()

        generation = Generation(body, tell, deltas=deltas, is_json=isinstance(request, ObjectRequest))
        self._running.add(generation)
        try:
            self._engine(request.spec).submit(generation)
            yield generation, events
        finally:
            generation.cancel()
            self._running.discard(generation)

    def _engine(self, spec: ModelSpec) -> Engine:
        settings = engine_settings(self.config, spec)
        engine = self._engines.get(settings)
        if engine is None:
            engine = self._engines[settings] = ENGINES.acquire(settings)
        return engine

    def fetch_model(self, spec: ModelSpec, progress: Callable[[int, int | None], None]) -> Path:
        """Bring a model of the catalogue into the cache; a path that someone wrote is only looked for."""
        file = engine_settings(self.config, spec).file
        if file.entry is not None:
            return bring(file.entry, file.path, progress=progress)
        if not file.path.is_file():
            msg = f"the model's file {file.path} does not exist"
            raise NotFoundError(msg)
        return file.path


async def _next(generation: Generation, events: asyncio.Queue[Event]) -> Event:
    """The next event; an empty delta now and then, as long as the generation has not begun."""
    if generation.begun:
        return await events.get()
    try:
        async with asyncio.timeout(_TICK):
            return await events.get()
    except TimeoutError:
        return ""
