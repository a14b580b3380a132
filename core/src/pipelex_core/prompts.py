"""Prompts as callers write them (a string, or messages), made into `Message`s, and checked before anything is sent.

A message is a `Message`, or a mapping `{"role": …, "content": …}` whose content is a string, one part, or a list of
parts. A part is a string, one of the part classes of `requests.py`, or a mapping:

    {"type": "text", "text": "…"}
    {"type": "image", "image": path | bytes | URL}
    {"type": "document", "document": path | bytes | URL}
    {"type": "tool_call", "id": "…", "name": "…", "arguments": {…}}
    {"type": "tool_result", "call_id": "…", "content": "…", "is_error": false}
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from attrs import frozen

from pipelex_core.errors import UnsupportedInputError
from pipelex_core.media import read_document, read_image
from pipelex_core.requests import (
    DocumentPart,
    ImagePart,
    Message,
    ProviderPart,
    TextPart,
    Tool,
    ToolCall,
    ToolResult,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipelex_core.media import MediaSource
    from pipelex_core.requests import Part, Role
    from pipelex_core.specs import ModelSpec

Prompt: TypeAlias = "str | Sequence[Message | Mapping[str, Any]]"
ToolLike: TypeAlias = "Tool | Mapping[str, Any]"

_PART_CLASSES = (TextPart, ImagePart, DocumentPart, ToolCall, ToolResult, ProviderPart)
_ROLES = ("system", "user", "assistant", "tool")


@frozen(kw_only=True)
class Conversation:
    """A prompt, ready for a request: the system text apart, and how many images and documents there are."""

    messages: tuple[Message, ...]
    system: str | None
    n_images: int
    n_documents: int


def read_prompt(
    prompt: Prompt,
    *,
    system: str | None = None,
    images: Iterable[MediaSource] = (),
    documents: Iterable[MediaSource] = (),
) -> Conversation:
    """The conversation of a call; images and documents go before the text of its last user message.

    Raises:
        UnsupportedInputError: An empty prompt, an unknown role or part, text that is not Unicode, an image or document
            that cannot be read.
    """
    media: list[Part] = [DocumentPart(read_document(source)) for source in _several(documents, "documents")]
    media += [ImagePart(read_image(source)) for source in _several(images, "images")]
    if isinstance(prompt, str):
        messages = [Message(role="user", parts=(*media, TextPart(prompt)))]
    elif _is_list(prompt):
        messages = [_message(message) for message in prompt]
        if media:
            messages = _with_media(messages, media)
    else:
        msg = f"a prompt is a string or a list of messages, not {type(prompt).__name__}"
        raise UnsupportedInputError(msg)
    told = [system] if system else []
    told += [message.text for message in messages if message.role == "system"]
    messages = [message for message in messages if message.role != "system"]
    parts = [part for message in messages for part in message.parts]
    if not any(not isinstance(part, TextPart) or part.text.strip() for part in parts):
        msg = "the prompt is empty"
        raise UnsupportedInputError(msg)
    for text in (*told, *(part.text for part in parts if isinstance(part, TextPart))):
        _check_unicode(text)
    return Conversation(
        messages=tuple(messages),
        system="\n\n".join(told) or None,
        n_images=sum(isinstance(part, ImagePart) for part in parts),
        n_documents=sum(isinstance(part, DocumentPart) for part in parts),
    )


def read_tools(tools: Iterable[ToolLike]) -> tuple[Tool, ...]:
    """Tools, from `Tool`s or mappings `{"name", "description", "parameters"}`.

    Raises:
        UnsupportedInputError: A tool without a name, a doubled name, or parameters that are no JSON schema of an object.
    """
    read: list[Tool] = []
    for tool in tools:
        made = tool if isinstance(tool, Tool) else _tool(tool)
        if any(made.name == other.name for other in read):
            msg = f"two tools are named '{made.name}'"
            raise UnsupportedInputError(msg)
        read.append(made)
    return tuple(read)


def check_inputs(conversation: Conversation, spec: ModelSpec) -> None:
    """Refuse what a model does not take, before anything is sent.

    Raises:
        UnsupportedInputError: Images or documents for a model without them, or too many images.
    """
    for count, kind, noun in ((conversation.n_images, "images", "images"), (conversation.n_documents, "pdf", "PDFs")):
        if count and spec.inputs and kind not in spec.inputs:
            takes = ", ".join(sorted(spec.inputs))
            msg = f"model '{spec.name}' takes no {noun}: its inputs are {takes}"
            raise UnsupportedInputError(msg, backend=spec.backend, model=spec.name)
    if spec.max_prompt_images is not None and conversation.n_images > spec.max_prompt_images:
        msg = f"model '{spec.name}' takes {spec.max_prompt_images} images at most, not {conversation.n_images}"
        raise UnsupportedInputError(msg, backend=spec.backend, model=spec.name)


def _is_list(prompt: object) -> bool:
    return isinstance(prompt, Sequence) and not isinstance(prompt, (bytes, bytearray))


def _message(message: object) -> Message:
    if isinstance(message, Message):
        return message
    if not isinstance(message, Mapping):
        msg = f"a message is a Message or a mapping with role and content, not {type(message).__name__}"
        raise UnsupportedInputError(msg)
    role = message.get("role")
    if role not in _ROLES:
        msg = f"a message's role is one of {', '.join(_ROLES)}, not {role!r}"
        raise UnsupportedInputError(msg)
    content = message.get("content")
    parts = content if isinstance(content, Sequence) and not isinstance(content, (str, bytes)) else [content]
    return Message(role=cast("Role", role), parts=tuple(_part(part) for part in parts))


def _part(part: object) -> Part:
    if isinstance(part, str):
        return TextPart(part)
    if isinstance(part, _PART_CLASSES):
        return part
    if isinstance(part, Mapping):
        try:
            return _part_of_mapping(part)
        except KeyError as error:
            msg = f"a part of type {part.get('type')!r} needs {error}"
            raise UnsupportedInputError(msg) from None
    msg = f"a message's content is text or parts, not {type(part).__name__}"
    raise UnsupportedInputError(msg)


def _part_of_mapping(part: Mapping[str, Any]) -> Part:
    match part.get("type"):
        case "text":
            return TextPart(part["text"])
        case "image":
            return ImagePart(read_image(part["image"]))
        case "document":
            return DocumentPart(read_document(part["document"]))
        case "tool_call":
            return ToolCall(id=part["id"], name=part["name"], arguments=part["arguments"])
        case "tool_result":
            content = part["content"]
            text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
            return ToolResult(
                call_id=part["call_id"], content=text, name=part.get("name"), is_error=bool(part.get("is_error"))
            )
        case other:
            msg = f"a part's type is text, image, document, tool_call or tool_result, not {other!r}"
            raise UnsupportedInputError(msg)


def _with_media(messages: list[Message], media: list[Part]) -> list[Message]:
    """The messages, with images and documents in the last one of the user."""
    for number in reversed(range(len(messages))):
        if messages[number].role == "user":
            changed = Message(role="user", parts=(*media, *messages[number].parts))
            return [*messages[:number], changed, *messages[number + 1 :]]
    return [*messages, Message(role="user", parts=tuple(media))]


def _tool(tool: object) -> Tool:
    if not isinstance(tool, Mapping) or not isinstance(tool.get("name"), str) or not tool["name"]:
        msg = 'a tool is a Tool or a mapping with "name", "description" and "parameters"'
        raise UnsupportedInputError(msg)
    unknown = set(tool) - {"name", "description", "parameters"}
    if unknown:
        msg = f"tool '{tool['name']}' has unknown keys: {', '.join(sorted(unknown))}"
        raise UnsupportedInputError(msg)
    parameters = tool.get("parameters") or {"type": "object", "properties": {}}
    if not isinstance(parameters, Mapping) or parameters.get("type") != "object":
        msg = f"tool '{tool['name']}': parameters must be a JSON schema of type object"
        raise UnsupportedInputError(msg)
    return Tool(name=tool["name"], description=str(tool.get("description") or ""), parameters=parameters)


def _several(sources: Iterable[MediaSource], what: str) -> list[MediaSource]:
    if isinstance(sources, (str, bytes)):
        msg = f"{what} is a list: write {what}=[…]"
        raise UnsupportedInputError(msg)
    return list(sources)


def _check_unicode(text: object) -> None:
    if not isinstance(text, str):
        msg = f"text is expected, not {type(text).__name__}"
        raise UnsupportedInputError(msg)
    if text.isascii():
        return
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        msg = f"the text has a lone surrogate at position {error.start}: it is no valid Unicode and cannot be sent"
        raise UnsupportedInputError(msg) from None
