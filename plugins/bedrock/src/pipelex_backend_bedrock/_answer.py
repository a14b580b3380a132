"""What Converse answered, as a `TextAnswer`; a stream's events are put together in the same form first."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from attrs import evolve

from pipelex_backend_bedrock._messages import MODEL_ID, PROVIDER
from pipelex_core.answers import count
from pipelex_core.errors import InvalidAnswerError
from pipelex_core.parts import ProviderPart, ToolCall
from pipelex_core.results import NO_USAGE, TextAnswer, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipelex_core.requests import ObjectRequest
    from pipelex_core.results import FinishReason

# https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#bedrock-runtime_Converse-response-stopReason
_FINISH_REASONS: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
}
_CUT: frozenset[FinishReason] = frozenset({"length", "content_filter"})
"""Reasons of an answer that ended where the model had not."""


def read_answer(response: Mapping[str, Any], model_id: str, *, keeps_cut: bool = False) -> TextAnswer:
    """The answer in a response of Converse; its thoughts may be given back to the same model only.

    Where it was cut short in a call of a tool, which is then its last block, the call is left out, unless `keeps_cut`:
    it is what there is of an object.

    Raises:
        InvalidAnswerError: It holds no message, or a message without anything in it that does not say why.
    """
    request_id = request_id_of(response)
    message = response.get("output", {}).get("message")
    reason = response.get("stopReason")
    if message is None or not isinstance(message.get("content"), list) or not isinstance(reason, str):
        msg = "Bedrock answered with something that is not a message: is the endpoint right?"
        raise InvalidAnswerError(msg, raw=response, request_id=request_id)
    content, finish_reason = message["content"], _FINISH_REASONS.get(reason, "other")
    if finish_reason in _CUT and content and "toolUse" in content[-1] and not keeps_cut:
        content = content[:-1]
    answer = TextAnswer(
        text="".join(_texts(content)),
        finish_reason=finish_reason,
        usage=read_usage(response.get("usage"), response.get("serviceTier")),
        tool_calls=tuple(_tool_calls(content)),
        reasoning="".join(_reasoning(content)) or None,
        provider_parts=tuple(
            ProviderPart(provider=PROVIDER, data={**block, MODEL_ID: model_id})
            for block in content
            if "reasoningContent" in block
        ),
        request_id=request_id,
        raw=response,
    )
    _check_not_empty(answer, reason)
    return answer


def as_object(answer: TextAnswer, request: ObjectRequest) -> TextAnswer:
    """The answer to a forced tool call: its arguments are the object, and it is not a call any more.

    A model that answered in text, as a thinking Claude may, keeps its text. One that misspelt the tool's name is meant
    all the same: whatever is none of the caller's tools is this one.
    """
    others = {tool.name for tool in request.tools} - {request.schema_name}
    requested = next((call for call in answer.tool_calls if call.name not in others), None)
    if requested is None:
        return answer
    return evolve(
        answer,
        text=json.dumps(requested.arguments, ensure_ascii=False),
        finish_reason="stop" if answer.finish_reason == "tool_calls" else answer.finish_reason,
        tool_calls=tuple(call for call in answer.tool_calls if call is not requested),
    )


def read_usage(usage: Mapping[str, Any] | None, service_tier: Any = None) -> Usage:
    """The usage: Bedrock counts what it read from and wrote to the cache apart from the input, we count it in.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html
    """
    if not usage:
        return NO_USAGE
    names = ("inputTokens", "cacheReadInputTokens", "cacheWriteInputTokens")
    fresh, read, written = (count(usage.get(name)) for name in names)
    return Usage(
        input_tokens=None if fresh is None else fresh + (read or 0) + (written or 0),
        output_tokens=count(usage.get("outputTokens")),
        cached_tokens=read,
        cache_write_tokens=written,
        cache_write_1h_tokens=_written_for_hour(usage.get("cacheDetails")),
        service_tier=service_tier.get("type") if isinstance(service_tier, dict) else None,
    )


def _written_for_hour(details: Any) -> int | None:
    if not isinstance(details, list):
        return None
    written = [count(each.get("inputTokens")) for each in details if isinstance(each, dict) and each.get("ttl") == "1h"]
    return sum(each or 0 for each in written) if written else None


def request_id_of(response: Mapping[str, Any]) -> str | None:
    """AWS's id of the request."""
    found = response.get("ResponseMetadata", {}).get("RequestId")
    return found if isinstance(found, str) else None


def _texts(content: list[dict[str, Any]]) -> Iterator[str]:
    for block in content:
        if "text" in block:
            yield block["text"]
        elif "citationsContent" in block:
            yield from (part.get("text", "") for part in block["citationsContent"].get("content", ()))


def _reasoning(content: list[dict[str, Any]]) -> Iterator[str]:
    for block in content:
        if "reasoningContent" in block:
            yield block["reasoningContent"].get("reasoningText", {}).get("text", "")


def _tool_calls(content: list[dict[str, Any]]) -> Iterator[ToolCall]:
    """The calls the caller must answer: those of AWS's own tools are answered already."""
    for block in content:
        call = block.get("toolUse")
        if call is not None and call.get("type") != "server_tool_use":
            found = call["toolUseId"], call["name"], call.get("input") or {}
            is_right = all(isinstance(value, kind) for value, kind in zip(found, (str, str, dict), strict=True))
            if not (is_right and found[0] and found[1]):
                msg = "a tool call has an id, a name and arguments"
                raise TypeError(msg)
            yield ToolCall(id=found[0], name=found[1], arguments=found[2])


def _check_not_empty(answer: TextAnswer, reason: str) -> None:
    """An answer cut short or withheld may be empty, and so may one that ends at once with a stop string: they say so."""
    if answer.text or answer.tool_calls or answer.finish_reason in {"length", "content_filter"}:
        return
    if reason == "stop_sequence":
        return
    msg = f"Bedrock answered with nothing ({reason})"
    raise InvalidAnswerError(msg, raw=answer.raw, request_id=answer.request_id, usage=answer.usage)
