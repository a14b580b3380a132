"""Messages of LangChain as pipelex-core takes them, and results as LangChain's messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, AIMessageChunk, convert_to_openai_messages
from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata
from langchain_core.messages.tool import tool_call_chunk

from pipelex_adapters import KEPT, is_unchanged, kept_message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.messages import BaseMessage

    from pipelex_core import TextResult


def prompt_of(messages: Sequence[BaseMessage]) -> list[dict[str, Any]]:
    """A conversation; answers that pipelex-core gave go back as they came."""
    found: list[dict[str, Any]] = []
    for message in messages:
        kept = message.additional_kwargs.get(KEPT)
        if isinstance(message, AIMessage) and kept is not None and _unchanged(message, kept):
            found.append(kept)
            continue
        found += convert_to_openai_messages([message])
    return [_without_empty(each) for each in found]


def _unchanged(message: AIMessage, kept: dict[str, Any]) -> bool:
    return is_unchanged(kept, message.text, [call["id"] for call in message.tool_calls])


def _without_empty(message: dict[str, Any]) -> dict[str, Any]:
    return (
        {key: value for key, value in message.items() if value is not None and key != "name"}
        if "role" in message
        else message
    )


def answer_of(result: TextResult) -> AIMessage:
    """An answer as a message."""
    return AIMessage(
        content=result.text,
        tool_calls=[{"id": call.id, "name": call.name, "args": dict(call.arguments)} for call in result.tool_calls],
        usage_metadata=usage_of(result),
        response_metadata=metadata_of(result),
        additional_kwargs=_kept(result),
    )


def last_chunk_of(result: TextResult) -> AIMessageChunk:
    """What follows the text of a stream: everything else, once, because LangChain adds up what chunks say."""
    import json

    chunks = [
        tool_call_chunk(id=call.id, name=call.name, args=json.dumps(dict(call.arguments)), index=number)
        for number, call in enumerate(result.tool_calls)
    ]
    return AIMessageChunk(
        content="",
        tool_call_chunks=chunks,
        usage_metadata=usage_of(result),
        response_metadata=metadata_of(result),
        additional_kwargs=_kept(result),
        chunk_position="last",
    )


def _kept(result: TextResult) -> dict[str, Any]:
    kept: dict[str, Any] = {KEPT: kept_message(result)}
    if result.reasoning:
        kept["reasoning_content"] = result.reasoning
    return kept


def metadata_of(result: TextResult) -> dict[str, Any]:
    """Who answered, how it ended, and what it cost."""
    cost = None if result.cost is None else {"amount": str(result.cost.amount), "currency": result.cost.currency}
    return {
        "model_name": result.model_id,
        "model_provider": "pipelex",
        "pipelex_model": result.model,
        "backend": result.backend,
        "finish_reason": result.finish_reason,
        "request_id": result.request_id,
        "cost": cost,
    }


def usage_of(result: TextResult) -> UsageMetadata | None:
    """Tokens, where they are known."""
    usage = result.usage
    if usage.input_tokens is None or usage.output_tokens is None:
        return None
    found = UsageMetadata(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        total_tokens=usage.input_tokens + usage.output_tokens,
    )
    if usage.cached_tokens is not None:
        found["input_token_details"] = InputTokenDetails(cache_read=usage.cached_tokens)
    if usage.reasoning_tokens is not None:
        found["output_token_details"] = OutputTokenDetails(reasoning=usage.reasoning_tokens)
    return found
