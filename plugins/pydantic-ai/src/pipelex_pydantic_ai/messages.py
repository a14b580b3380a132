"""Messages of pydantic-ai as pipelex-core takes them, and results as pydantic-ai's responses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_ai.exceptions import UserError
from pydantic_ai.messages import (
    BinaryContent,
    CachePoint,
    DocumentUrl,
    ImageUrl,
    ModelRequest,
    ModelResponse,
    RetryPromptPart,
    SystemPromptPart,
    TextContent,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.usage import RequestUsage

from pipelex_adapters import KEPT, is_unchanged, kept_message, media_part

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydantic_ai.messages import FinishReason, ModelMessage, ModelResponsePart, UserContent

    from pipelex_core import ObjectResult, TextResult
    from pipelex_core.results import Result

_FINISHES: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_call",
    "content_filter": "content_filter",
}
_FAILED = frozenset({"failed", "denied", "retried"})


def prompt_of(messages: Sequence[ModelMessage], instructions: Sequence[str]) -> list[Any]:
    """A conversation; answers that pipelex-core gave go back as they came.

    Args:
        messages: The history, the new request last.
        instructions: Of the run; they stand behind the system prompts that the history begins with.
    """
    found: list[Any] = []
    for message in messages:
        found += _answer(message) if isinstance(message, ModelResponse) else _request(message)
    first = next((place for place, each in enumerate(found) if each["role"] != "system"), len(found))
    return [*found[:first], *({"role": "system", "content": text} for text in instructions), *found[first:]]


def _request(message: ModelRequest) -> Iterator[dict[str, Any]]:
    files: list[Any] = []
    for part in message.parts:
        if isinstance(part, SystemPromptPart):
            yield {"role": "system", "content": part.content}
        elif isinstance(part, UserPromptPart):
            content = part.content
            yield {"role": "user", "content": content if isinstance(content, str) else [*_contents(content)]}
        elif isinstance(part, ToolReturnPart):
            text, more = part.model_response_str_and_user_content()
            files += _contents(more)
            yield _tool_result(part.tool_call_id, part.tool_name, text, failed=part.outcome in _FAILED)
        elif isinstance(part, RetryPromptPart) and part.tool_name is not None:
            yield _tool_result(part.tool_call_id, part.tool_name, part.model_response(), failed=True)
        elif isinstance(part, RetryPromptPart):
            yield {"role": "user", "content": part.model_response()}
        else:
            msg = f"pipelex-core takes no {type(part).__name__} in a conversation"
            raise UserError(msg)
    if files:
        yield {"role": "user", "content": files}


def _tool_result(call_id: str, name: str, text: str, *, failed: bool) -> dict[str, Any]:
    result = {"type": "tool_result", "call_id": call_id, "name": name, "content": text, "is_error": failed}
    return {"role": "tool", "content": [result]}


def _contents(contents: Sequence[UserContent]) -> Iterator[Any]:
    for content in contents:
        if isinstance(content, str):
            yield content
        elif isinstance(content, TextContent):
            yield content.content
        elif isinstance(content, ImageUrl):
            yield {"type": "image", "image": content.url}
        elif isinstance(content, DocumentUrl):
            yield {"type": "document", "document": content.url}
        elif isinstance(content, BinaryContent) and (content.is_image or content.is_document):
            yield media_part(content.data, content.media_type)
        elif not isinstance(content, CachePoint):
            msg = f"pipelex-core takes text, images and documents in a prompt, and no {type(content).__name__}"
            raise UserError(msg)


def _answer(message: ModelResponse) -> Iterator[Any]:
    """An answer, whole where it came from pipelex-core and is as it was; one of another model without its thoughts."""
    text = "".join(part.content for part in message.parts if isinstance(part, TextPart))
    calls = [part for part in message.parts if isinstance(part, ToolCallPart)]
    kept = (message.provider_details or {}).get(KEPT)
    if kept is not None and is_unchanged(kept, text, [call.tool_call_id for call in calls]):
        yield kept
        return
    parts: list[Any] = [text] if text else []
    for call in calls:
        arguments = call.args_as_dict()
        parts.append({"type": "tool_call", "id": call.tool_call_id, "name": call.tool_name, "arguments": arguments})
    if parts:
        yield {"role": "assistant", "content": parts}


def response_of(result: TextResult | ObjectResult[Any]) -> ModelResponse:
    """An answer as a response."""
    reasoning = reasoning_of(result)
    parts: list[ModelResponsePart] = [ThinkingPart(content=reasoning)] if reasoning else []
    if result.text:
        parts.append(TextPart(content=result.text))
    parts += [
        ToolCallPart(tool_name=call.name, args=dict(call.arguments), tool_call_id=call.id) for call in result.tool_calls
    ]
    return ModelResponse(
        parts=parts,
        usage=usage_of(result),
        model_name=result.model_id,
        provider_name="pipelex",
        provider_response_id=result.request_id,
        provider_details=details_of(result),
        finish_reason=finish_of(result.finish_reason),
    )


def reasoning_of(result: TextResult | ObjectResult[Any]) -> str | None:
    """The thoughts that were shown; of an object there are none."""
    return getattr(result, "reasoning", None)


def finish_of(reason: str) -> FinishReason | None:
    """Why an answer ended, in pydantic-ai's word; None for a reason that it has no word for."""
    return _FINISHES.get(reason)


def details_of(result: TextResult | ObjectResult[Any]) -> dict[str, Any]:
    """Who answered and what it cost, and what the provider wants back."""
    cost = None if result.cost is None else {"amount": str(result.cost.amount), "currency": result.cost.currency}
    return {"pipelex_model": result.model, "backend": result.backend, "cost": cost, KEPT: kept_message(result)}


def usage_of(result: Result) -> RequestUsage:
    """Tokens, where they are known."""
    usage = result.usage
    details = {} if usage.reasoning_tokens is None else {"reasoning_tokens": usage.reasoning_tokens}
    return RequestUsage(
        input_tokens=usage.input_tokens or 0,
        output_tokens=usage.output_tokens or 0,
        cache_read_tokens=usage.cached_tokens or 0,
        cache_write_tokens=usage.cache_write_tokens or 0,
        details=details,
    )
