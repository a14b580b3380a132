"""The backend: texts of an event loop, carried to the engine of the process."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from pipelex_backend_kokoro.models import catalogue, fetch
from pipelex_core.backend import ModelFetcher, Speaker, SpeechStreamer
from pipelex_core.errors import UnsupportedInputError
from pipelex_core.results import Usage
from pipelex_core.sound import Audio, SpeechAnswer
from pipelex_local.engines import Engine, Engines, threads_of
from pipelex_local.weights import named

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from pipelex_backend_kokoro._model import KokoroModel
    from pipelex_core.sound import SpeechRequest
    from pipelex_core.specs import BackendConfig, ModelSpec

_ENGINES: Engines[KokoroModel] = Engines()
_UNKNOWN = 0xFFFFFFFF
"""The length in the header of a WAV that is still being made."""
RATE = 24_000


class KokoroBackend(Speaker, SpeechStreamer, ModelFetcher):
    """Kokoro in this process; loaded at the first call and freed when its last backend closes."""

    def __init__(self, config: BackendConfig) -> None:
        super().__init__(config)
        self._held: dict[str, Engine[KokoroModel]] = {}

    async def close(self) -> None:
        """Let go of the model."""
        held, self._held = self._held, {}
        for engine in held.values():
            _ENGINES.release(engine)

    async def speak(self, request: SpeechRequest) -> SpeechAnswer:
        """The sound, whole.

        A call that is cancelled, or whose deadline has come, is over at once; the sentence under way is computed to its end.

        Raises:
            UnsupportedInputError: Another format than `wav` and `pcm`, an unknown voice, or nothing to say in English.
        """
        samples = b"".join([piece async for piece in self._samples(request)])
        return _answer(request, samples if request.format == "pcm" else _header(len(samples)) + samples)

    async def stream_speech(self, request: SpeechRequest) -> AsyncIterator[bytes | SpeechAnswer]:
        """The same, sentence by sentence; a WAV begins with a header that leaves its length open."""
        pieces: list[bytes] = []
        async for piece in self._samples(request):
            head = _header(None) if not pieces and request.format == "wav" else b""
            pieces.append(head + piece)
            yield pieces[-1]
        yield _answer(request, b"".join(pieces))

    def fetch_model(self, spec: ModelSpec, progress: Callable[[int, int | None], None]) -> Path:
        """Bring the model's files into the cache; the folder that they are in."""
        return fetch(spec.model_id, cache_dir=self.config.options.get("cache_dir"), progress=progress)

    def _samples(self, request: SpeechRequest) -> AsyncIterator[bytes]:
        if request.format not in {"wav", "pcm"}:
            msg = f"model '{request.spec.name}' gives samples: ask for wav or pcm, not {request.format}"
            raise UnsupportedInputError(msg)
        if request.instructions:
            msg = f"model '{request.spec.name}' takes no instructions for its voice"
            raise UnsupportedInputError(msg)
        voice = request.voice or next(iter(request.spec.options.get("voices") or ()), None)

        def steps(model: KokoroModel) -> Any:
            return model.speak(request, _known(voice, request.spec.name))

        return self._engine(request.spec).run(steps)

    def _engine(self, spec: ModelSpec) -> Engine[KokoroModel]:
        engine = self._held.get(spec.model_id)
        if engine is None:
            options: dict[str, Any] = dict(self.config.options)
            name = named(spec.model_id, catalogue()).name
            threads, cache_dir = threads_of(options.get("n_threads")), options.get("cache_dir")

            def load(stopped: Callable[[], bool]) -> KokoroModel:
                from pipelex_backend_kokoro._model import KokoroModel

                return KokoroModel(fetch(name, cache_dir=cache_dir, stopped=stopped), threads)

            engine = self._held[spec.model_id] = _ENGINES.acquire((name, threads, cache_dir), load)
        return engine


def _known(voice: str | None, model: str) -> str:
    """A voice that there is: the first where none is wanted."""
    from difflib import get_close_matches

    from pipelex_backend_kokoro._model import voices

    found = voices()
    if voice is None:
        return found[0]
    if voice not in found:
        near = get_close_matches(voice, found, n=1, cutoff=0.3)
        hint = f"did you mean '{near[0]}'? " if near else ""
        msg = f"model '{model}' has no voice {voice!r:.80}: {hint}It has {', '.join(found)}."
        raise UnsupportedInputError(msg)
    return voice


def _answer(request: SpeechRequest, data: bytes) -> SpeechAnswer:
    audio = Audio(data=data, content_type=f"audio/{request.format}", sample_rate=RATE)
    return SpeechAnswer(audio=audio, usage=Usage(characters=len(request.text)))


def _header(size: int | None) -> bytes:
    """That of a WAV with so many bytes of samples; None where nobody knows yet."""
    whole, samples = (_UNKNOWN, _UNKNOWN) if size is None else (36 + size, size)
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE, 2 * RATE, 2, 16)
    return struct.pack("<4sI4s", b"RIFF", whole, b"WAVE") + form + struct.pack("<4sI", b"data", samples)
