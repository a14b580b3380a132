"""A conversation as Converse's `messages`: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Message.html."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from attrs import evolve

from pipelex_core.errors import UnsupportedInputError
from pipelex_core.histories import HistoryForm, fit, turns
from pipelex_core.parts import AudioPart, DocumentPart, ImagePart, ProviderPart, TextPart, ToolCall, ToolResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelex_core.parts import Media, Message, Part

PROVIDER = "bedrock"
"""Marks the `ProviderPart`s that are ours: content blocks in Converse's own form."""

MODEL_ID = "model_id"
"""Beside such a block, the only model it may go to: thoughts are signed, and no other model can read them."""

_FORM = HistoryForm(
    provider=PROVIDER,
    call_name=r"[A-Za-z0-9_-]{1,64}",
    bridge="document",
    document_words=True,
    opens_with_user=True,
    result_id=("toolResult", "toolUseId"),
)
_ALONE = evolve(_FORM, bridge="always")

Block = dict[str, Any]

_IMAGES = {"image/png": "png", "image/jpeg": "jpeg", "image/gif": "gif", "image/webp": "webp"}
_DOCUMENTS = {
    "application/pdf": "pdf",
    "application/msword": "doc",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "text/csv": "csv",
    "text/html": "html",
    "text/markdown": "md",
    "text/plain": "txt",
}
# https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_DocumentBlock.html
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9()\[\] -]+")
_LONGEST_NAME = 190


def converse_messages(
    messages: Sequence[Message], model_id: str, *, results_alone: bool, takes_prefill: bool = True
) -> list[dict[str, Any]]:
    """The messages, the roles in turn: what follows in the same role, such as several tools' results, is one message.

    Args:
        messages: The conversation.
        model_id: The model that is asked: thoughts go to the one that signed them.
        results_alone: Whether the model takes the results of tools in a message of their own only.
        takes_prefill: Whether the model goes on with its own last message.

    Raises:
        UnsupportedInputError: An image or document of a type Converse does not take, or given as a URL.
    """
    names: set[str] = set()
    form = _ALONE if results_alone else _FORM
    if not takes_prefill:
        form = evolve(form, closes_with_user=True)
    return [
        {"role": role, "content": [_block(part, names) for message in group for part in message.parts]}
        for role, group in turns(fit(messages, form, model_id))
    ]


def has_tool_blocks(messages: list[dict[str, Any]]) -> bool:
    """Whether a tool was called or answered before: then Converse wants the tools again."""
    return any("toolUse" in block or "toolResult" in block for message in messages for block in message["content"])


def _block(part: Part, names: set[str]) -> Block:
    """A part as a content block."""
    match part:
        case TextPart():
            return {"text": part.text}
        case ImagePart():
            return {"image": {"format": _format(part.media, _IMAGES, "image"), "source": _source(part.media, "image")}}
        case DocumentPart():
            known = _format(part.media, _DOCUMENTS, "document")
            source = _source(part.media, "document")
            return {"document": {"format": known, "name": _name(part.media, names), "source": source}}
        case AudioPart():
            raise TypeError(part)  # `fit` has refused it
        case ToolCall():
            return {"toolUse": {"toolUseId": part.id, "name": part.name, "input": dict(part.arguments)}}
        case ToolResult():
            return {"toolResult": _tool_result(part)}
        case ProviderPart():
            return {name: value for name, value in part.data.items() if name != MODEL_ID}


def _tool_result(part: ToolResult) -> Block:
    result: Block = {"toolUseId": part.call_id, "content": [{"text": part.content}] if part.content else []}
    if part.is_error:  # only some models take a status at all
        result["status"] = "error"
    return result


def _format(media: Media, formats: dict[str, str], kind: str) -> str:
    known = formats.get(media.media_type.partition(";")[0].strip().lower())
    if known is None:
        msg = f"Bedrock takes no {kind} of type {media.media_type}, but {', '.join(formats.values())}"
        raise UnsupportedInputError(msg)
    return known


def _source(media: Media, kind: str) -> dict[str, bytes]:
    if media.data is None:
        msg = f"Bedrock fetches no {kind} from a URL: pass its bytes"
        raise UnsupportedInputError(msg)
    return {"bytes": media.data}


def _name(media: Media, names: set[str]) -> str:
    """A document's name in the letters that Bedrock allows, and no other document's of this conversation."""
    stem = (media.name or "").rpartition("/")[2].rpartition(".")
    allowed = " ".join(_NOT_IN_A_NAME.sub(" ", stem[0] or stem[2]).split())[:_LONGEST_NAME].strip() or "document"
    name, number = allowed, 1
    while name in names:
        number += 1
        name = f"{allowed} {number}"
    names.add(name)
    return name
