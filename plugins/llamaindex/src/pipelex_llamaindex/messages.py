"""Messages of LlamaIndex as pipelex-core takes them, and results as LlamaIndex's responses."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import (
    CachePoint,
    ChatMessage,
    ChatResponse,
    DocumentBlock,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)

from pipelex_adapters import KEPT, is_unchanged, kept_message, media_part
from pipelex_core import UnsupportedInputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipelex_core import TextResult

_ROLES = {"chatbot": "assistant", "model": "assistant", "developer": "system", "function": "tool"}


def prompt_of(messages: Sequence[ChatMessage]) -> list[Any]:
    """A conversation; answers that pipelex-core gave go back as they came."""
    return [_message(message) for message in messages]


def _message(message: ChatMessage) -> Any:
    kept = message.additional_kwargs.get(KEPT)
    text = "".join(block.text for block in message.blocks if isinstance(block, TextBlock))
    calls = [block.tool_call_id for block in message.blocks if isinstance(block, ToolCallBlock)]
    if kept is not None and is_unchanged(kept, text, calls):
        return kept
    role = _ROLES.get(message.role.value, message.role.value)
    if role == "tool":
        call_id, name = message.additional_kwargs.get("tool_call_id"), message.additional_kwargs.get("name")
        if call_id is None:
            msg = "a message of a tool names no tool_call_id in its additional_kwargs"
            raise UnsupportedInputError(msg)
        return {"role": role, "content": [{"type": "tool_result", "call_id": call_id, "name": name, "content": text}]}
    return {"role": role, "content": [*_parts(message)]}


def _parts(message: ChatMessage) -> Iterator[Any]:
    for block in message.blocks:
        if isinstance(block, TextBlock):
            yield block.text
        elif isinstance(block, ToolCallBlock):
            arguments = block.tool_kwargs
            parsed = json.loads(arguments or "{}") if isinstance(arguments, str) else dict(arguments)
            yield {"type": "tool_call", "id": block.tool_call_id or "", "name": block.tool_name, "arguments": parsed}
        elif isinstance(block, ImageBlock):
            yield _medium("image", block.image, block.image_mimetype or "image/png", block.path, block.url)
        elif isinstance(block, DocumentBlock):
            yield _medium("document", block.data, block.document_mimetype or "application/pdf", block.path, block.url)
        elif not isinstance(block, (ThinkingBlock, CachePoint)):
            msg = f"pipelex-core takes text, images and documents in a prompt, and no {type(block).__name__}"
            raise UnsupportedInputError(msg)


def _medium(kind: str, data: Any, media_type: str, path: Any, url: Any) -> Any:
    """An image or a document: LlamaIndex keeps bytes in base64."""
    if data is not None:
        return media_part(base64.b64decode(data) if isinstance(data, bytes) else data.read(), media_type)
    return {"type": kind, kind: str(url) if url is not None else path}


def response_of(result: TextResult, delta: str | None = None) -> ChatResponse:
    """An answer as a response; `raw` says what it used, and what it cost."""
    blocks: list[Any] = [ThinkingBlock(content=result.reasoning)] if result.reasoning else []
    if result.text or not result.tool_calls:
        blocks.append(TextBlock(text=result.text))
    blocks += [
        ToolCallBlock(tool_call_id=call.id, tool_name=call.name, tool_kwargs=dict(call.arguments))
        for call in result.tool_calls
    ]
    message = ChatMessage(role="assistant", blocks=blocks, additional_kwargs={KEPT: kept_message(result)})
    return ChatResponse(message=message, delta=delta, raw=details_of(result), additional_kwargs=_counts(result))


def details_of(result: TextResult) -> dict[str, Any]:
    """Who answered, how it ended, what it used, and what it cost; as plain data."""
    names = ("model", "backend", "model_id", "finish_reason", "request_id", "usage", "cost")
    plain = result.to_dict()
    return {name: plain.get(name) for name in names}


def _counts(result: TextResult) -> dict[str, int]:
    """Tokens by the names that LlamaIndex counts by."""
    counts = {"prompt_tokens": result.usage.input_tokens, "completion_tokens": result.usage.output_tokens}
    known = {name: count for name, count in counts.items() if count is not None}
    return {**known, "total_tokens": sum(known.values())} if len(known) == len(counts) else known
