"""Converse and ConverseStream of Amazon Bedrock.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import unquote

from pipelex_testing.bodies import bedrock
from pipelex_testing.replies import Reply
from pipelex_testing.rulebook import Rulebook
from pipelex_testing.samples import ARGUMENTS, CONVERSATION, PNG, RANKING, VECTORS, WEATHER, Capability, SampleAnswer
from pipelex_testing.wire import Wire
from pipelex_testing.wires.pieces import words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_testing.server import Received

_USAGE = {"inputTokens": 12, "outputTokens": 12, "totalTokens": 32, "cacheReadInputTokens": 8}
_STOPS = {"length": "max_tokens", "content_filter": "content_filtered"}
_CODES = {
    400: "ValidationException",
    401: "UnrecognizedClientException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    429: "ThrottlingException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
    529: "ServiceUnavailableException",
}


class BedrockConverse(Wire):
    """`/model/…/converse` and `/converse-stream`; objects come as the call of a tool, images and embeddings of `/invoke`."""

    name = "bedrock-converse"
    rules = Rulebook(provider="bedrock")
    says: ClassVar[frozenset[Capability]] = frozenset({*CONVERSATION, "image out", "embeddings", "rerank"})
    error_headers = bedrock.HEADERS
    ending = 2

    def answer(self, sample: SampleAnswer) -> Reply:
        return bedrock.message(*_content(sample), stop=_stop(sample), usage=_USAGE)

    def stream(self, sample: SampleAnswer) -> Reply:
        events = [bedrock.event("messageStart", role="assistant")]
        for index, block in enumerate(_content(sample)):
            events += bedrock.block_events(index, block)
        return bedrock.stream(*events, *bedrock.end_events(_stop(sample), _USAGE))

    def image(self) -> Reply:
        encoded = b64encode(PNG).decode()
        return Reply.json({"seeds": [42], "finish_reasons": [None], "images": [encoded]}, headers=bedrock.HEADERS)

    def embeddings(self) -> Reply:
        """In the form of Cohere's models, by `/invoke`; Bedrock counts the tokens in a header."""
        headers = {**bedrock.HEADERS, "x-amzn-bedrock-input-token-count": "20"}
        return Reply.json({"id": "e1", "embeddings": {"float": VECTORS}}, headers=headers)

    def ranking(self) -> Reply:
        results = [{"index": index, "relevance_score": score} for index, score in RANKING]
        return Reply.json({"results": results}, headers=bedrock.HEADERS)

    def error(self, status: int, message: str = "it went wrong") -> Reply:
        code = _CODES.get(status, "ValidationException" if status < 500 else "InternalServerException")
        return bedrock.failure(code, status, message)

    def error_in_stream(self) -> Reply:
        delta = bedrock.event("contentBlockDelta", contentBlockIndex=0, delta={"text": "The capital"})
        fault = bedrock.exception_event("internalServerException", message="it went wrong")
        return bedrock.stream(bedrock.event("messageStart", role="assistant"), delta, fault)

    def settings(self, request: Received) -> Mapping[str, Any]:
        config = request.json.get("inferenceConfig", {})
        model = unquote(request.path).split("/")[2]
        return {"model": model, "temperature": config.get("temperature"), "max_tokens": config.get("maxTokens")}


def _stop(sample: SampleAnswer) -> str:
    return _STOPS.get(sample.finish or "", "tool_use" if sample.calls or sample.value else "end_turn")


def _content(sample: SampleAnswer) -> list[dict[str, Any]]:
    content: list[dict[str, Any]] = []
    if sample.thought:
        thought = {"text": sample.thought, "signature": "c2lnbmVk"}
        content.append({"reasoningContent": {"reasoningText": thought}})
    if sample.value is not None:
        return [*content, bedrock.tool_use("tooluse_0", "City", sample.value)]
    content += [bedrock.tool_use(f"tooluse_{number}", WEATHER.name, ARGUMENTS) for number in range(sample.calls)]
    return content if sample.calls or not words(sample) else [*content, {"text": words(sample)}]
