"""OpenAI's chat completions and images, as it and every compatible endpoint speak them.

https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

from base64 import b64encode
from struct import pack
from typing import TYPE_CHECKING, Any, ClassVar

from pipelex_core import errors
from pipelex_testing.bodies import openai_chat as chat
from pipelex_testing.bodies.pieces import halves
from pipelex_testing.rulebook import Rulebook
from pipelex_testing.samples import (
    CATEGORY,
    CONVERSATION,
    PNG,
    RANKING,
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

_HEADERS = {"x-request-id": "req_conformance"}
_USAGE = {
    "prompt_tokens": 20,
    "completion_tokens": 12,
    "total_tokens": 32,
    "prompt_tokens_details": {"cached_tokens": 8},
}


class OpenAIChat(Wire):
    """`/chat/completions`, `/images/…`, `/embeddings`, `/audio/…`, `/moderations`, and `/rerank` in Cohere's form."""

    name = "openai-chat"
    rules = Rulebook(provider="compatible")
    says: ClassVar[frozenset[Capability]] = frozenset(
        {
            *CONVERSATION,
            *("image out", "embeddings", "transcription", "speech", "speech stream", "image edits", "audio in"),
            *("rerank", "moderation"),
        }
    )
    error_headers = _HEADERS
    ending = 3
    special_errors: ClassVar = {
        errors.ContextTooLongError: (400, {"error": {"message": "too long", "code": "context_length_exceeded"}}),
        errors.ContentFilterError: (400, {"error": {"message": "refused", "code": "content_filter"}}),
    }

    def __init__(self, provider: str = "compatible") -> None:
        """Make the wire of a provider, whose rules the server applies; `compatible` for what every endpoint refuses."""
        self.rules = Rulebook(provider=provider)

    def endpoint(self, url: str) -> str:
        return f"{url}/v1"

    def answer(self, sample: SampleAnswer) -> Reply:
        fields: dict[str, Any] = {"reasoning_content": sample.thought} if sample.thought else {}
        if sample.calls:
            fields["tool_calls"] = [_call(number) for number in range(sample.calls)]
        body = chat.completion(words(sample) or None, finish_reason=sample.finish, usage=_USAGE, **fields)
        return Reply.json(body, headers=_HEADERS)

    def stream(self, sample: SampleAnswer) -> Reply:
        events = [chat.chunk({"role": "assistant", "content": ""})]
        if sample.thought:
            events.append(chat.chunk({"reasoning_content": sample.thought}))
        events += [chat.chunk({"content": piece}) for piece in halves(words(sample))]
        for number in range(sample.calls):
            events += chat.tool_call_chunks(number, _call(number))
        events.append(chat.chunk({}, sample.finish or ("tool_calls" if sample.calls else "stop")))
        return Reply.sse(*events, chat.usage_chunk(_USAGE), "[DONE]", headers=_HEADERS)

    def image(self) -> Reply:
        picture = {"b64_json": b64encode(PNG).decode()}
        return Reply.json({"created": 1, "data": [picture]}, headers=_HEADERS)

    def embeddings(self) -> Reply:
        data = [
            {"object": "embedding", "index": at, "embedding": b64encode(pack("<2f", *row)).decode()}
            for at, row in enumerate(VECTORS)
        ]
        body = {"object": "list", "data": data, "model": "m", "usage": {"prompt_tokens": 20, "total_tokens": 20}}
        return Reply.json(body, headers=_HEADERS)

    def transcript(self) -> Reply:
        return Reply.json({"text": SPOKEN, "usage": {"type": "duration", "seconds": 1}}, headers=_HEADERS)

    def speech(self) -> Reply:
        half = len(SOUND) // 2
        return Reply(chunks=(SOUND[:half], SOUND[half:]), content_type="audio/mpeg", headers=_HEADERS)

    def ranking(self) -> Reply:
        results = [{"index": index, "relevance_score": score} for index, score in RANKING]
        body = {"id": "r1", "results": results, "meta": {"billed_units": {"search_units": 1}}}
        return Reply.json(body, headers=_HEADERS)

    def verdicts(self) -> Reply:
        results = [
            {"flagged": flagged, "categories": {CATEGORY: flagged}, "category_scores": {CATEGORY: score}}
            for flagged, score in ((False, 0.1), (True, 0.9))
        ]
        return Reply.json({"id": "modr-1", "model": "m", "results": results}, headers=_HEADERS)

    def error(self, status: int, message: str = "it went wrong") -> Reply:
        return Reply.json(chat.error(message), status=status, headers=_HEADERS)

    def error_in_stream(self) -> Reply:
        begun = [chat.chunk({"role": "assistant", "content": ""}), chat.chunk({"content": "The capital"})]
        return Reply.sse(
            *begun, chat.error("it went wrong", type="server_error", code="server_error"), headers=_HEADERS
        )

    def settings(self, request: Received) -> Mapping[str, Any]:
        body = request.json
        limit = body.get("max_completion_tokens", body.get("max_tokens"))
        return {"model": body.get("model"), "temperature": body.get("temperature"), "max_tokens": limit}


def _call(number: int) -> dict[str, Any]:
    return chat.tool_call(f"call_{number}", WEATHER.name, arguments())
