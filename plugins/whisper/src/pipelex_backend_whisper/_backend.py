"""The backend: recordings of an event loop, carried to the engines of the process."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

from pipelex_backend_whisper.models import catalogue, fetch
from pipelex_core.backend import ModelFetcher, Transcriber
from pipelex_core.errors import UnsupportedInputError
from pipelex_core.results import Usage
from pipelex_core.sound import TranscriptAnswer
from pipelex_local.engines import Engine, Engines, threads_of
from pipelex_local.weights import named

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipelex_backend_whisper._model import Heard, WhisperModel
    from pipelex_core.sound import TranscriptRequest
    from pipelex_core.specs import BackendConfig, ModelSpec

_ENGINES: Engines[WhisperModel] = Engines()


class WhisperBackend(Transcriber, ModelFetcher):
    """Whisper models in this process; each is loaded at its first call and freed when its last backend closes."""

    fetches_urls: ClassVar[bool] = False  # core downloads a recording that is at a URL

    def __init__(self, config: BackendConfig) -> None:
        super().__init__(config)
        self._held: dict[str, Engine[WhisperModel]] = {}

    async def close(self) -> None:
        """Let go of its models."""
        held, self._held = self._held, {}
        for engine in held.values():
            _ENGINES.release(engine)

    async def transcribe(self, request: TranscriptRequest) -> TranscriptAnswer:
        """What is spoken; in memory are 30 seconds of the recording at a time.

        A call that is cancelled, or whose deadline has come, is over at once; the window under way is computed to its end.

        Raises:
            UnsupportedInputError: Speakers are to be distinguished, or the model does not know the language.
        """
        from pipelex_backend_whisper._words import each, sentences

        if request.speakers:
            msg = f"model '{request.spec.name}' does not tell speakers apart"
            raise UnsupportedInputError(msg)
        heard: list[Heard] = [window async for window in self._engine(request.spec).run(_windows_of(request))]
        words = [word for window in heard for word in window.words]
        duration = heard[-1].end
        return TranscriptAnswer(
            text=" ".join(window.text for window in heard if window.text),
            segments=tuple((each if request.timestamps == "word" else sentences)(words)),
            duration_s=round(duration, 3),
            language=heard[0].language,
            usage=Usage(seconds=math.ceil(duration)),
        )

    def fetch_model(self, spec: ModelSpec, progress: Callable[[int, int | None], None]) -> Path:
        """Bring a model's files into the cache; the folder that they are in."""
        return fetch(spec.model_id, cache_dir=self.config.options.get("cache_dir"), progress=progress)

    def _engine(self, spec: ModelSpec) -> Engine[WhisperModel]:
        engine = self._held.get(spec.model_id)
        if engine is None:
            options: dict[str, Any] = dict(self.config.options)
            name = named(spec.model_id, catalogue()).name
            threads, cache_dir = threads_of(options.get("n_threads")), options.get("cache_dir")

            def load(stopped: Callable[[], bool]) -> WhisperModel:
                from pipelex_backend_whisper._model import WhisperModel

                return WhisperModel(fetch(name, cache_dir=cache_dir, stopped=stopped), name, threads)

            engine = self._held[spec.model_id] = _ENGINES.acquire((name, threads, cache_dir), load)
        return engine


def _windows_of(request: TranscriptRequest) -> Any:
    return lambda model: model.transcribe(request)
