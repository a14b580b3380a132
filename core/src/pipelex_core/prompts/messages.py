"""Messages and tools as callers write them: the classes of `parts.py`, or mappings.

A message is `{"role": …, "content": …}`, its content a string, one part, or a list of parts. A part is a string or

    {"type": "text", "text": "…"}
    {"type": "image", "image": path | bytes | URL}
    {"type": "document", "document": path | bytes | URL}
    {"type": "audio", "audio": path | bytes | URL}
    {"type": "tool_call", "id": "…", "name": "…", "arguments": {…}}
    {"type": "tool_result", "call_id": "…", "content": "…", "is_error": false}

What `Message.to_dict` gives, `{"role": …, "parts": […]}`, is a message too, with all that its parts hold: a conversation that
was kept as JSON goes on as it was. `to_dict` of a part is a part, and that of a tool a tool.

A tool is `{"name": …, "description": …, "parameters": JSON schema}`.

The form of OpenAI's chat completions, which much code has already, means the same: parts `image_url`, `file` and `input_audio`,
`tool_calls` beside an assistant's content, messages of role `tool` with a `tool_call_id`, role `developer`, and tools
wrapped in `{"type": "function", "function": …}` (https://platform.openai.com/docs/api-reference/chat/create).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from attrs import evolve

from pipelex_core.errors import PlainDataError, UnsupportedInputError
from pipelex_core.media import read_document, read_image
from pipelex_core.parts import (
    AudioPart,
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
    from pipelex_core.parts import Part, Role
    from pipelex_core.plain import Plain

_PART_CLASSES = (TextPart, ImagePart, DocumentPart, AudioPart, ToolCall, ToolResult, ProviderPart)
_PLAIN_PARTS: dict[str, type[Plain]] = {
    "image": ImagePart,
    "document": DocumentPart,
    "audio": AudioPart,
    "provider": ProviderPart,
}
_TOOL_KEYS = ("type", "name", "description", "parameters", "input_schema", "schema", "strict")
_MESSAGE_KEYS: dict[str, tuple[str, ...]] = {
    "system": ("role", "content"),
    "user": ("role", "content"),
    "assistant": ("role", "content", "tool_calls"),
    "tool": ("role", "content", "tool_call_id", "name"),
}
_PART_KEYS: dict[str, tuple[str, ...]] = {
    "text": ("type", "text"),
    "image": ("type", "image"),
    "image_url": ("type", "image_url"),
    "document": ("type", "document"),
    "file": ("type", "file"),
    "audio": ("type", "audio"),
    "input_audio": ("type", "input_audio"),
    "tool_call": ("type", "id", "name", "arguments", "function"),
    "tool_result": ("type", "call_id", "content", "name", "is_error"),
}
_CALL_KEYS = ("type", "id", "name", "arguments", "function", "index")


def read_message(message: object) -> Message:
    """A message, from a `Message` or a mapping.

    Raises:
        UnsupportedInputError: An unknown role or part, or a key that is missing.
    """
    if isinstance(message, Message):
        return message
    if not isinstance(message, Mapping):
        msg = f"a message is a Message or a mapping with role and content, not {type(message).__name__}"
        raise UnsupportedInputError(msg)
    if "parts" in message:
        whole: Message = _from_plain(Message, message)
        return whole
    role = "system" if message.get("role") == "developer" else message.get("role")
    if role not in _MESSAGE_KEYS:
        raise UnsupportedInputError(f"a message's role is one of {', '.join(_MESSAGE_KEYS)}, not {role!r}")
    _refuse_unknown(message, _MESSAGE_KEYS[role], f"a message of role {role}")
    content, calls = message.get("content"), message.get("tool_calls") or ()
    if role == "tool" and "tool_call_id" in message:
        result = ToolResult(call_id=message["tool_call_id"], content=_as_text(content), name=message.get("name"))
        return Message(role="tool", parts=(result,))
    parts: list[Part] = [_tool_call(call) for call in calls]
    if content is not None or not parts:
        listed = content if isinstance(content, Sequence) and not isinstance(content, (str, bytes)) else [content]
        parts = [*(_part(part) for part in listed), *parts]
    return Message(role=cast("Role", role), parts=tuple(parts))


def read_tool(tool: object) -> Tool:
    """A tool, from a `Tool` or a mapping.

    Raises:
        UnsupportedInputError: No name, an unknown key, or parameters that are not JSON schema of an object.
    """
    if isinstance(tool, Tool):
        return tool
    if isinstance(tool, Mapping) and isinstance(tool.get("function"), Mapping):
        tool = tool["function"]
    if not isinstance(tool, Mapping) or not isinstance(tool.get("name"), str) or not tool["name"]:
        hint = "; `client.run` takes functions, and runs them" if callable(tool) else ""
        raise UnsupportedInputError(f'a tool is a Tool or a mapping with "name", "description" and "parameters"{hint}')
    _refuse_unknown(tool, _TOOL_KEYS, f"tool '{tool['name']}'")
    provided = tool.get("parameters") or tool.get("input_schema") or tool.get("schema")
    parameters = provided or {"type": "object", "properties": {}}
    if not isinstance(parameters, Mapping) or parameters.get("type") != "object":
        raise UnsupportedInputError(f"tool '{tool['name']}': parameters must be a JSON schema of type object")
    return Tool(name=tool["name"], description=str(tool.get("description") or ""), parameters=parameters)


def _part(part: object) -> Part:
    if isinstance(part, str):
        return TextPart(part)
    if isinstance(part, _PART_CLASSES):
        return part
    if isinstance(part, Mapping):
        kind = part.get("type")
        if kind == "provider" or (kind in {"image", "document", "audio"} and "media" in part):
            made: Part = _from_plain(_PLAIN_PARTS[str(kind)], part)
            return made
        try:
            return _part_of_mapping(part)
        except KeyError as error:
            raise UnsupportedInputError(f"a part of type {part.get('type')!r} needs {error}") from None
    raise UnsupportedInputError(f"a message's content is text or parts, not {type(part).__name__}")


def _part_of_mapping(part: Mapping[str, Any]) -> Part:  # noqa: PLR0911 -- one line a kind
    kind = part.get("type")
    if isinstance(kind, str) and kind in _PART_KEYS:
        _refuse_unknown(part, _PART_KEYS[kind], f"a part of type {kind}")
    if kind == "text":
        return TextPart(part["text"])
    if kind in {"image", "image_url"}:
        image = part[kind]
        if isinstance(image, Mapping):
            known = ("url", "detail") if image.get("detail") == "auto" else ("url",)  # any other detail would be lost
            _refuse_unknown(image, known, "an image_url")
            image = image["url"]
        return ImagePart(read_image(image))
    if kind in {"document", "file"}:
        document = part[kind]
        if isinstance(document, Mapping):
            _refuse_unknown(document, ("file_data", "filename"), "a file")
            name = document.get("filename")
            media = read_document(document["file_data"])
            return DocumentPart(evolve(media, name=name) if isinstance(name, str) and name else media)
        return DocumentPart(read_document(document))
    if kind in {"audio", "input_audio"}:
        return _audio(part[kind])
    if kind == "tool_call":
        return _tool_call(part)
    if kind == "tool_result":
        content, failed = _as_text(part["content"]), bool(part.get("is_error"))
        return ToolResult(call_id=part["call_id"], content=content, name=part.get("name"), is_error=failed)
    raise UnsupportedInputError(
        f"a part's type is text, image, document, audio, tool_call or tool_result, not {kind!r}"
    )


def _audio(audio: Any) -> AudioPart:
    """Sound: as of a recording, or in base64 with its format, as OpenAI's chat completions have it."""
    from pipelex_core.audio import read_audio

    if isinstance(audio, Mapping):
        _refuse_unknown(audio, ("data", "format"), "an input_audio")
        data = audio["data"]
        audio = data if not isinstance(data, str) or data[:5] in {"data:", "http:", "https"} else f"data:;base64,{data}"
    return AudioPart(read_audio(audio))


def _from_plain(kind: type[Plain], data: Mapping[str, Any]) -> Any:
    try:
        return kind.from_dict(data)
    except PlainDataError as error:
        raise UnsupportedInputError(str(error)) from None


def _tool_call(call: object) -> ToolCall:
    """A call, from a `ToolCall` or a mapping; its arguments may be JSON text."""
    if isinstance(call, ToolCall):
        return call
    if not isinstance(call, Mapping):
        raise UnsupportedInputError(f"a tool call is a ToolCall or a mapping, not {type(call).__name__}")
    _refuse_unknown(call, _CALL_KEYS, "a tool call")
    function = call.get("function")
    if isinstance(function, Mapping):
        _refuse_unknown(function, ("name", "arguments"), "the function of a tool call")
    named = function if isinstance(function, Mapping) else call
    try:
        identity, name, arguments = call["id"], named["name"], named["arguments"]
        if isinstance(arguments, str):
            arguments = json.loads(arguments or "{}")
    except KeyError as error:
        raise UnsupportedInputError(f"a tool call needs {error}") from None
    except ValueError as error:
        raise UnsupportedInputError(f"the arguments of a tool call are not JSON: {error}") from None
    if not isinstance(arguments, Mapping):
        raise UnsupportedInputError(f"the arguments of tool call '{name}' are not an object")
    return ToolCall(id=identity, name=name, arguments=arguments)


def _refuse_unknown(provided: Mapping[Any, Any], known: Sequence[str], what: str) -> None:
    """Refuse a key that would be ignored; one without a value says nothing, and providers' own messages have such."""
    for key, value in provided.items():
        if key not in known and value is not None and value not in ("", [], {}):
            from pipelex_core.near import did_you_mean

            hint = did_you_mean(str(key), known)
            raise UnsupportedInputError(f"{what} has no key {key!r}: {hint or 'its keys are ' + ', '.join(known)}")


def _as_text(content: object) -> str:
    """What a tool gave back: a text as it is, text parts joined, anything else as JSON."""
    if isinstance(content, str):
        return content
    if (
        isinstance(content, list)
        and content
        and all(isinstance(p, Mapping) and p.get("type") == "text" for p in content)
    ):
        return "".join(str(part.get("text", "")) for part in content)
    return json.dumps(content, ensure_ascii=False, default=str)
