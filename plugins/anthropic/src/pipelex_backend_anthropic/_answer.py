"""What the Messages API answered, read and checked by hand: a `Message` object, whole or put together from a stream."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from attrs import evolve

from pipelex_backend_anthropic._messages import PROVIDER
from pipelex_core.answers import count
from pipelex_core.errors import InvalidAnswerError
from pipelex_core.parts import Citation, ProviderPart, ToolCall
from pipelex_core.results import TextAnswer, Usage

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from pipelex_core.results import FinishReason

_FINISH_REASONS: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
"""https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons; whatever else there is, is `other`."""
_CUT: frozenset[FinishReason] = frozenset({"length", "content_filter"})
"""Reasons of an answer that ended where the model had not."""


def read_answer(message: Any, *, model_id: str, request_id: str | None, keeps_cut: bool = False) -> TextAnswer:
    """An answer. Where it was cut short in a call of a tool, which is then its last block, the call is left out.

    Args:
        message: The decoded JSON.
        model_id: The model that was asked: whoever continues with another one must not send its thinking.
        request_id: The API's id of the request.
        keeps_cut: Whether such a call is wanted all the same: as what there is of an object.

    Raises:
        InvalidAnswerError: It is not a message.
    """
    if not _is_message(message):
        msg = f"the answer is not a message: {_shown(message)}"
        raise InvalidAnswerError(msg, raw=message, request_id=request_id)
    content = [_with_input(block) for block in message["content"]]
    reason = _FINISH_REASONS.get(message["stop_reason"], "other")
    if reason in _CUT and content and content[-1]["type"] == "tool_use" and not keeps_cut:
        content = content[:-1]
    try:
        thoughts = [block["thinking"] for block in content if block["type"] == "thinking"]
        return TextAnswer(
            text="".join(block["text"] for block in content if block["type"] == "text"),
            finish_reason=reason,
            usage=_usage(message.get("usage") or {}),
            tool_calls=tuple(_tool_call(block) for block in content if block["type"] == "tool_use"),
            reasoning="".join(thoughts) or None,
            provider_parts=_provider_parts(content, model_id),
            citations=tuple(_citations(content)),
            request_id=request_id,
            raw=message,
        )
    except (KeyError, TypeError, AttributeError) as error:
        msg = f"the answer's content is malformed: {type(error).__name__} {error}"
        raise InvalidAnswerError(msg, raw=message, request_id=request_id) from None


def object_of_tool(answer: TextAnswer, others: Collection[str]) -> TextAnswer:
    """The answer to a request for an object: the arguments of a tool that is none of the `others` are its text.

    Names are not compared with what was asked for: models misspell them, and gateways have their own. Where there is no
    such call, the answer's text is the object, for the caller to judge.
    """
    call = next((call for call in answer.tool_calls if call.name not in others), None)
    if call is None:
        return answer
    return evolve(
        answer,
        text=json.dumps(call.arguments, ensure_ascii=False),
        finish_reason="stop" if answer.finish_reason == "tool_calls" else answer.finish_reason,
        tool_calls=tuple(other for other in answer.tool_calls if other is not call),
    )


def _is_message(message: Any) -> bool:
    return (
        isinstance(message, dict)
        and isinstance(message.get("content"), list)
        and all(isinstance(block, dict) and isinstance(block.get("type"), str) for block in message["content"])
        and isinstance(message.get("stop_reason"), str)
    )


def _with_input(block: dict[str, Any]) -> dict[str, Any]:
    """A block; a call whose input is null, as some gateways write an empty one, with an empty one."""
    is_empty = block["type"] == "tool_use" and block.get("input", {}) is None
    return {**block, "input": {}} if is_empty else block


def _tool_call(block: dict[str, Any]) -> ToolCall:
    for key, kind in (("id", str), ("name", str), ("input", dict)):
        if not isinstance(block[key], kind):
            msg = f"a tool call's {key} is {type(block[key]).__name__}"
            raise TypeError(msg)
    return ToolCall(id=block["id"], name=block["name"], arguments=block["input"])


def _citations(content: list[dict[str, Any]]) -> Iterator[Citation]:
    """The sources of the text blocks, each of which is what its sources stand for.

    https://platform.claude.com/docs/en/build-with-claude/citations
    """
    before = 0
    for block in content:
        if block["type"] == "text":
            after = before + len(block["text"])
            for named in block.get("citations") or ():
                yield Citation(
                    url=named.get("url"),
                    title=named.get("title") or named.get("document_title"),
                    quote=named.get("cited_text"),
                    start=before,
                    end=after,
                )
            before = after


def _provider_parts(content: list[dict[str, Any]], model_id: str) -> tuple[ProviderPart, ...]:
    """The whole answer as it came, where it holds more than text and calls: thinking goes back in its place."""
    if all(block["type"] in {"text", "tool_use"} for block in content):
        return ()
    return (ProviderPart(provider=PROVIDER, data={"model_id": model_id, "content": content}),)


def _usage(usage: dict[str, Any]) -> Usage:
    """The usage, in which input is counted without cached tokens.

    https://platform.claude.com/docs/en/build-with-claude/prompt-caching; what the list price is not for has a tier's name:
    fast mode, and inference that stays in the US
    (https://platform.claude.com/docs/en/build-with-claude/data-residency).
    """
    fresh, read, written = (
        count(usage.get(name)) for name in ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    )
    return Usage(
        input_tokens=None if fresh is None else fresh + (read or 0) + (written or 0),
        output_tokens=count(usage.get("output_tokens")),
        cached_tokens=read,
        cache_write_tokens=written,
        cache_write_1h_tokens=count((usage.get("cache_creation") or {}).get("ephemeral_1h_input_tokens")),
        searches=count((usage.get("server_tool_use") or {}).get("web_search_requests")) or None,
        service_tier=_service(usage),
        reasoning_tokens=count((usage.get("output_tokens_details") or {}).get("thinking_tokens")),
    )


def _service(usage: dict[str, Any]) -> str | None:
    if usage.get("speed") == "fast":
        return "fast"
    if usage.get("inference_geo") == "us":
        return "us"
    tier = usage.get("service_tier")
    return tier if isinstance(tier, str) else None


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 200 else f"{text[:200]}…"
