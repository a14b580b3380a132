"""Gemini at AI Studio and Vertex AI: https://ai.google.dev/api/generate-content."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any, ClassVar

from pipelex_testing.bodies import gemini
from pipelex_testing.bodies.pieces import halves
from pipelex_testing.rulebook import Rulebook
from pipelex_testing.samples import (
    ARGUMENTS,
    CONVERSATION,
    PNG,
    SOUND,
    SPOKEN,
    VECTORS,
    WEATHER,
    Capability,
    SampleAnswer,
)
from pipelex_testing.server import Received, Reply
from pipelex_testing.wire import Wire
from pipelex_testing.wires.pieces import words

if TYPE_CHECKING:
    from collections.abc import Mapping

_USAGE = {"promptTokenCount": 20, "candidatesTokenCount": 12, "cachedContentTokenCount": 8}
_SIGNATURE = "c2lnbmVk"
_FINISH = {"length": "MAX_TOKENS", "content_filter": "SAFETY"}
_RPC = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND"} | {
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


class Gemini(Wire):
    """`generateContent` and `streamGenerateContent`; `batchEmbedContents`, and Vertex AI's `predict` of embeddings."""

    name = "gemini"
    rules = Rulebook(provider="google")
    counts_embeddings = False
    says: ClassVar[frozenset[Capability]] = frozenset(
        {
            *CONVERSATION,
            *("image out", "embeddings", "transcription", "speech", "speech stream", "image edits", "audio in"),
        }
    )

    def answer(self, sample: SampleAnswer) -> Reply:
        return Reply.json(gemini.answer(*_parts(sample, [words(sample)]), finish=_finish(sample), usage=_USAGE))

    def stream(self, sample: SampleAnswer) -> Reply:
        parts = _parts(sample, halves(words(sample)))
        chunks = [gemini.answer(part, finish=None, usage={}) for part in parts]
        return Reply.sse(*chunks, gemini.answer({"text": ""}, finish=_finish(sample), usage=_USAGE))

    def image(self) -> Reply:
        picture = {"mimeType": "image/png", "data": b64encode(PNG).decode()}
        return Reply.json(gemini.answer({"inlineData": picture}, finish="STOP", usage=_USAGE))

    def transcript(self) -> Reply:
        return Reply.json(gemini.answer({"text": SPOKEN}, usage=_USAGE))

    def speech(self) -> Reply:
        return Reply.json(gemini.answer(_samples(SOUND[44:]), usage=_USAGE))

    def speech_stream(self) -> Reply:
        half = 44 + len(SOUND[44:]) // 4 * 2
        first = gemini.answer(_samples(SOUND[44:half]), finish=None, usage={})
        return Reply.sse(first, gemini.answer(_samples(SOUND[half:]), usage=_USAGE))

    def embeddings(self) -> Reply:
        """In the form of AI Studio's batches, and of Vertex AI's predictions."""
        counted = [{"embeddings": {"values": row, "statistics": {"token_count": 10}}} for row in VECTORS]
        body = {"embeddings": [{"values": row} for row in VECTORS], "predictions": counted}
        return Reply.json(body, headers={"x-goog-request-id": "conformance"})

    def error(self, status: int, message: str = "it went wrong") -> Reply:
        return gemini.error(status, _RPC.get(status, "UNKNOWN"), message)

    def error_in_stream(self) -> Reply:
        begun = gemini.answer({"text": "The capital"}, finish=None, usage={})
        return Reply.sse(begun, gemini.fault(500, "INTERNAL", "it went wrong"))

    def settings(self, request: Received) -> Mapping[str, Any]:
        config = request.json.get("generationConfig", {})
        model = request.path.rpartition("/")[2].partition(":")[0]
        return {
            "model": model,
            "temperature": config.get("temperature"),
            "max_tokens": config.get("maxOutputTokens"),
        }


def _samples(data: bytes) -> dict[str, Any]:
    """Sound as Gemini sends it: samples of 16 bits, without a header."""
    return {"inlineData": {"mimeType": "audio/L16;codec=pcm;rate=16000", "data": b64encode(data).decode()}}


def _parts(sample: SampleAnswer, texts: list[str]) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = [{"text": sample.thought, "thought": True}] if sample.thought else []
    for number in range(sample.calls):
        call = {"name": WEATHER.name, "args": ARGUMENTS, "id": f"id-{number}"}
        parts.append({"functionCall": call, **({} if number else {"thoughtSignature": _SIGNATURE})})
    if not sample.calls:
        parts += [{"text": text} for text in texts]
    return parts


def _finish(sample: SampleAnswer) -> str:
    return _FINISH.get(sample.finish or "", "STOP")
