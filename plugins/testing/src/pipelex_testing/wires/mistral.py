"""Mistral's chat and OCR: https://docs.mistral.ai/api."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any, ClassVar

from pipelex_testing.bodies import mistral
from pipelex_testing.bodies.pieces import halves
from pipelex_testing.rulebook import Rulebook
from pipelex_testing.samples import (
    CATEGORY,
    CONVERSATION,
    JPEG,
    SOUND,
    SPOKEN,
    VECTORS,
    WEATHER,
    Capability,
    SampleAnswer,
)
from pipelex_testing.server import Received, Reply
from pipelex_testing.wire import Wire
from pipelex_testing.wires.pieces import arguments, words

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEADERS = {"mistral-correlation-id": "0198-conformance"}
_USAGE = {"prompt_tokens": 20, "completion_tokens": 12, "total_tokens": 32, "num_cached_tokens": 8}


class Mistral(Wire):
    """`/v1/chat/completions`, `/v1/ocr`, `/v1/embeddings`, `/v1/audio/…` and `/v1/moderations`."""

    name = "mistral"
    rules = Rulebook(provider="mistral")
    says: ClassVar[frozenset[Capability]] = frozenset(
        {
            *CONVERSATION,
            *("OCR", "embeddings", "transcription", "speech", "speech stream", "audio in", "moderation"),
        }
    )
    error_headers = _HEADERS
    ending = 2

    def answer(self, sample: SampleAnswer) -> Reply:
        content: Any = words(sample)
        if sample.thought:
            content = [_thought(sample.thought), {"type": "text", "text": content}]
        calls = _calls(sample) or None
        body = mistral.message(content, finish_reason=_finish(sample), tool_calls=calls, usage=_USAGE)
        return Reply.json(body, headers=_HEADERS)

    def stream(self, sample: SampleAnswer) -> Reply:
        events = [mistral.chunk([_thought(sample.thought)])] if sample.thought else []
        events += [mistral.chunk(piece) for piece in halves(words(sample))]
        called = {"tool_calls": _calls(sample)} if sample.calls else {}
        last = mistral.chunk("", finish_reason=_finish(sample), usage=_USAGE, **called)
        return Reply.sse(*events, last, "[DONE]", headers=_HEADERS)

    def document(self) -> Reply:
        encoded = f"data:image/jpeg;base64,{b64encode(JPEG).decode()}"
        first = mistral.page(0, images=["img-0.jpeg"], data=encoded, markdown="# Paris")
        second = mistral.page(1, markdown="It has two pages.")
        return Reply.json(mistral.pages(first, second), headers=_HEADERS)

    def transcript(self) -> Reply:
        body = {"text": SPOKEN, "model": "m", "language": "en", "usage": {"prompt_audio_seconds": 1}}
        return Reply.json(body, headers=_HEADERS)

    def speech(self) -> Reply:
        return Reply.json({"audio_data": b64encode(SOUND).decode()}, headers=_HEADERS)

    def speech_stream(self) -> Reply:
        half = len(SOUND) // 2
        pieces = [b64encode(piece).decode() for piece in (SOUND[:half], SOUND[half:])]
        events = [{"type": "speech.audio.delta", "audio_data": piece} for piece in pieces]
        return Reply.sse(*events, {"type": "speech.audio.done", "usage": {}}, headers=_HEADERS)

    def verdicts(self) -> Reply:
        results = [
            {"categories": {CATEGORY: flagged}, "category_scores": {CATEGORY: score}}
            for flagged, score in ((False, 0.1), (True, 0.9))
        ]
        return Reply.json({"id": "mod-1", "model": "m", "results": results}, headers=_HEADERS)

    def embeddings(self) -> Reply:
        data = [{"object": "embedding", "index": at, "embedding": row} for at, row in enumerate(VECTORS)]
        usage = {"prompt_tokens": 20, "completion_tokens": 0, "total_tokens": 20}
        return Reply.json({"object": "list", "data": data, "model": "m", "usage": usage}, headers=_HEADERS)

    def error(self, status: int, message: str = "it went wrong") -> Reply:
        return Reply.json(mistral.error(status, message), status=status, headers=_HEADERS)

    def error_in_stream(self) -> Reply:
        fault = mistral.error(500, "it went wrong", kind="internal_server_error")
        return Reply.sse(mistral.chunk("The capital"), fault, headers=_HEADERS)

    def settings(self, request: Received) -> Mapping[str, Any]:
        return {name: request.json.get(name) for name in ("model", "temperature", "max_tokens")}


def _thought(text: str) -> dict[str, Any]:
    return mistral.thinking(text, signature="c2lnbmVk")


def _calls(sample: SampleAnswer) -> list[dict[str, Any]]:
    ids = [f"abcdefgh{number}" for number in range(sample.calls)]  # nine letters and digits, as Mistral's are
    return [mistral.call(WEATHER.name, arguments(), call_id=id_, index=n) for n, id_ in enumerate(ids)]


def _finish(sample: SampleAnswer) -> str:
    return sample.finish or ("tool_calls" if sample.calls else "stop")
