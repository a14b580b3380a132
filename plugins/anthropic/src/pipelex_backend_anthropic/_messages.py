"""A conversation in the Messages API's form: https://platform.claude.com/docs/en/api/messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from pipelex_core.documents import is_text
from pipelex_core.errors import UnsupportedInputError
from pipelex_core.histories import HistoryForm, fit, turns
from pipelex_core.parts import AudioPart, DocumentPart, ImagePart, ProviderPart, TextPart, ToolCall, ToolResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelex_core.parts import Media, Message, Part

Block = dict[str, Any]

PROVIDER = "anthropic"
CACHE_MARK = {"type": "ephemeral"}

_IMAGE_TYPES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
FORM = HistoryForm(provider=PROVIDER, call_id=r"[A-Za-z0-9_-]{1,64}", opens_with_user=True, result_id=("tool_use_id",))
_CLOSED = evolve(FORM, closes_with_user=True)


def api_messages(messages: Sequence[Message], model_id: str, *, takes_prefill: bool = True) -> list[dict[str, Any]]:
    """The messages, neighbours of one role joined: the API wants the results of parallel calls in one message.

    Args:
        messages: The conversation.
        model_id: The model that is asked.
        takes_prefill: Whether the model goes on with its own last message, which must not end in white space.

    Raises:
        BadRequestError: A tool's result answers no call.
        UnsupportedInputError: A medium the API does not take.
    """
    made: list[dict[str, Any]] = [
        {"role": role, "content": [block for message in group for block in _message_blocks(message)]}
        for role, group in turns(fit(messages, FORM if takes_prefill else _CLOSED, model_id))
    ]
    if made and made[-1]["role"] == "assistant" and made[-1]["content"][-1].get("type") == "text":
        last = made[-1]["content"][-1]
        made[-1]["content"][-1] = {**last, "text": last["text"].rstrip()}
    return made


def _message_blocks(message: Message) -> list[Block]:
    """What the model answered: its own blocks as they came, thinking in its place, where it was this model.

    An answer's blocks are kept whole in one `ProviderPart`, because thinking is bound to the model that wrote it and
    to its place between text and tool calls. They are sent where the message still says the same.
    """
    for part in message.parts if message.role == "assistant" else ():
        if (
            isinstance(part, ProviderPart)
            and "content" in part.data
            and _says(part.data["content"]) == _reported(message)
        ):
            return [dict(block) for block in part.data["content"] if not _is_blank_text(block)]
    return [block for part in message.parts if (block := _block(part)) is not None]


def mark_for_caching(body: dict[str, Any], ttl: str | None = None) -> None:
    """Mark the system prompt (else the tools) and the last user message as the ends of what is worth caching.

    Args:
        body: The body, which is changed.
        ttl: `1h` for a cache of an hour, which is paid for otherwise; else it is of five minutes
            (https://platform.claude.com/docs/en/build-with-claude/prompt-caching#1-hour-cache-duration).
    """
    mark = {**CACHE_MARK, "ttl": ttl} if ttl == "1h" else CACHE_MARK
    if "system" in body:
        body["system"] = [{"type": "text", "text": body["system"], "cache_control": mark}]
    elif body.get("tools"):
        body["tools"][-1]["cache_control"] = mark
    for message in reversed(body["messages"]):
        if message["role"] == "user":
            message["content"][-1]["cache_control"] = mark
            return


def _block(part: Part) -> Block | None:
    """One part; None for an answer that is no longer what the model wrote."""
    match part:
        case TextPart():
            return {"type": "text", "text": part.text}
        case ImagePart():
            return _image(part.media)
        case DocumentPart():
            return _document(part.media)
        case AudioPart():
            raise TypeError(part)  # `fit` has refused it
        case ToolCall():
            return {"type": "tool_use", "id": part.id, "name": part.name, "input": dict(part.arguments)}
        case ToolResult():
            result: Block = {"type": "tool_result", "tool_use_id": part.call_id}
            if part.content:
                result["content"] = part.content
            if part.is_error:
                result["is_error"] = True
            return result
        case ProviderPart():
            return dict(part.data) if "type" in part.data else None


def _image(media: Media) -> Block:
    if media.url is not None:
        return {"type": "image", "source": {"type": "url", "url": media.url}}
    if media.media_type not in _IMAGE_TYPES:
        msg = f"Anthropic's models take PNG, JPEG, GIF and WebP images, not {media.media_type}"
        raise UnsupportedInputError(msg)
    return {
        "type": "image",
        "source": {"type": "base64", "media_type": media.media_type, "data": media.base64()},
    }


def _document(media: Media) -> Block:
    source: dict[str, Any]
    if media.media_type == "application/pdf" and media.url is not None:
        source = {"type": "url", "url": media.url}
    elif media.media_type == "application/pdf":
        source = {"type": "base64", "media_type": media.media_type, "data": media.base64()}
    elif is_text(media) and media.data is not None:
        source = {"type": "text", "media_type": "text/plain", "data": media.data.decode("utf-8-sig", "replace")}
    elif is_text(media):
        msg = "Anthropic fetches no documents but PDFs: pass the bytes of a text"
        raise UnsupportedInputError(msg)
    else:
        msg = f"Anthropic's models take PDFs and text, not {media.media_type}"
        raise UnsupportedInputError(msg)
    return {"type": "document", "source": source, **({"title": media.name} if media.name else {})}


def _is_blank_text(block: Block) -> bool:
    return block.get("type") == "text" and not block["text"].strip()


def _says(blocks: Sequence[Block]) -> tuple[str, list[str]]:
    """The text and the calls of blocks, to compare with a message's."""
    text = "".join(block["text"] for block in blocks if block.get("type") == "text")
    return text.strip(), [block["id"] for block in blocks if block.get("type") == "tool_use"]


def _reported(message: Message) -> tuple[str, list[str]]:
    return message.text.strip(), [part.id for part in message.parts if isinstance(part, ToolCall)]
