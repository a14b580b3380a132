"""What is refused before anything is sent: parts that do not belong, text that is not valid Unicode, malformed tools."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pipelex_core.errors import UnsupportedInputError
from pipelex_core.media import read_document, read_image
from pipelex_core.parts import AudioPart, DocumentPart, ImagePart, ProviderPart, TextPart, ToolCall, ToolResult

if TYPE_CHECKING:
    from pipelex_core.parts import Message, Part, Tool

_PARTS: dict[str, tuple[type, ...]] = {
    "system": (TextPart,),
    "user": (TextPart, ImagePart, DocumentPart, AudioPart, ToolResult, ProviderPart),
    "assistant": (TextPart, ImagePart, DocumentPart, ToolCall, ProviderPart),
    "tool": (ToolResult,),
}
_TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def check_message(message: Message) -> None:
    """Refuse an unknown role, and unknown parts or parts that its role does not have.

    Raises:
        UnsupportedInputError: It says which.
    """
    if message.role not in _PARTS:
        raise UnsupportedInputError(f"a message's role is one of {', '.join(_PARTS)}, not {message.role!r}")
    parts: object = message.parts
    if not isinstance(parts, (tuple, list)):
        raise UnsupportedInputError(f"the parts of a message are a tuple, not {type(parts).__name__}")
    for part in message.parts:
        if not isinstance(part, _PARTS[message.role]):
            takes = ", ".join(kind.__name__ for kind in _PARTS[message.role])
            msg = f"a message of role {message.role} is made of {takes}, not of {type(part).__name__}"
            raise UnsupportedInputError(msg)
        _check_part(part)


def check_tool(tool: Tool) -> None:
    """Refuse a tool that a provider would refuse.

    Raises:
        UnsupportedInputError: Its name, description or parameters are wrong.
    """
    name: object = tool.name
    if not isinstance(name, str) or not _TOOL_NAME.fullmatch(name):
        msg = f"a tool's name is made of up to 64 letters, digits, _ and -, which {name!r:.80} is not"
        raise UnsupportedInputError(msg)
    check_text(tool.description, f"the description of tool '{name}'")
    parameters: object = tool.parameters
    if not isinstance(parameters, Mapping) or parameters.get("type") != "object":
        raise UnsupportedInputError(f"tool '{name}': parameters must be a JSON schema of type object")
    check_json(parameters, f"the parameters of tool '{name}'")


def check_text(text: object, what: str = "the text") -> None:
    """Refuse what is not a string, or not valid Unicode.

    Raises:
        UnsupportedInputError: It says which.
    """
    if not isinstance(text, str):
        raise UnsupportedInputError(f"{what} must be a string, not {type(text).__name__}")
    if text.isascii():
        return
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        msg = f"{what} has a lone surrogate at position {error.start}: it is not valid Unicode and cannot be sent"
        raise UnsupportedInputError(msg) from None


def check_json(value: object, what: str) -> None:
    """Refuse what cannot be written as JSON.

    Raises:
        UnsupportedInputError: It says why.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise UnsupportedInputError(f"{what} cannot be written as JSON: {error}") from error
    check_text(text, what)


def _check_part(part: Part) -> None:
    if isinstance(part, TextPart):
        check_text(part.text)
    elif isinstance(part, ImagePart):
        read_image(part.media)
    elif isinstance(part, DocumentPart):
        read_document(part.media)
    elif isinstance(part, AudioPart):
        from pipelex_core.audio import read_audio

        read_audio(part.media)
    elif isinstance(part, ToolCall):
        check_text(part.id, "the id of a tool call")
        check_text(part.name, "the name of a tool call")
        check_json(part.arguments, f"the arguments of tool call '{part.name}'")
    elif isinstance(part, ToolResult):
        check_text(part.call_id, "the call_id of a tool result")
        check_text(part.content, "the content of a tool result")
