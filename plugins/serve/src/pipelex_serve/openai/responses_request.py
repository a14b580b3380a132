"""A request for a response: https://platform.openai.com/docs/api-reference/responses/create."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_core.parts import Message, TextPart, ToolCall, ToolResult
from pipelex_serve import fields, media
from pipelex_serve.kept import assistant, is_envelope, unpack
from pipelex_serve.openai.chat_request import plain_text, wide_temperature
from pipelex_serve.openai.likelihoods import of_response
from pipelex_serve.problems import refuse
from pipelex_serve.texts import TextCall

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipelex_core.parts import Part, ProviderPart, Role, Tool

_KNOWN = frozenset(
    [
        "model",
        "input",
        "instructions",
        "stream",
        "store",
        "include",
        "tools",
        "tool_choice",
        "temperature",
        "top_p",
        "top_logprobs",
        "max_output_tokens",
        "reasoning",
        "text",
        "parallel_tool_calls",
        "previous_response_id",
        "conversation",
        "background",
        "metadata",
        "user",
        "stream_options",
        "truncation",
    ]
)
_ROLES: dict[str, Role] = {"system": "system", "developer": "system", "user": "user"}
_CHOICES = frozenset({"auto", "none", "required"})


def read_response_call(body: Mapping[str, Any]) -> TextCall:
    """The call that a request asks for.

    Raises:
        RefusedError: 400: a parameter is wrong, or asks for what no handle can do.
    """
    _refuse_state(body)
    ignored: list[str] = [*fields.unused(body, _KNOWN)]
    tools = tuple(_tools(body, ignored))
    schema, name = _schema(fields.table_of(fields.table_of(body, "text"), "format"))
    instructions = body.get("instructions")
    if instructions is not None and not isinstance(instructions, str):
        fields.wrong("instructions", "a string", instructions)
    return TextCall(
        model=fields.model(body),
        messages=tuple(_messages(body.get("input"), ignored)),
        system=instructions or None,
        tools=tools,
        tool_choice=_tool_choice(body.get("tool_choice"), tools),
        settings=_settings(body),
        schema=schema,
        schema_name=name,
        streams=fields.flag(body, "stream"),
        wide_temperature=True,
        ignored=tuple(dict.fromkeys(ignored)),
    )


def _refuse_state(body: Mapping[str, Any]) -> None:
    reported = "this gateway stores nothing: send the whole conversation as 'input'"
    if fields.flag(body, "store"):
        msg = f"'store' must be false: {reported}"
        raise refuse(400, msg, code="unsupported_value", param="store")
    for name in ("previous_response_id", "conversation"):
        if body.get(name) is not None:
            msg = f"'{name}' is not supported: {reported}"
            raise refuse(400, msg, code="unsupported_parameter", param=name)
    if fields.flag(body, "background"):
        msg = f"'background' must be false: {reported}"
        raise refuse(400, msg, code="unsupported_value", param="background")


def _settings(body: Mapping[str, Any]) -> dict[str, Any]:
    return fields.settings_of(
        (
            ("temperature", wide_temperature(body)),
            ("top_p", fields.number(body, "top_p")),
            ("max_tokens", fields.whole(body, "max_output_tokens")),
            ("reasoning_effort", fields.table_of(body, "reasoning").get("effort")),
            ("logprobs", of_response(body)),
        )
    )


# ── The conversation ──────────────────────────────────────────────────────────────────────────────────────────────


def _messages(provided: object, ignored: list[str]) -> Iterator[Message]:
    """The messages of the input; neighbouring items that the model made are one message."""
    if isinstance(provided, str):
        yield Message(role="user", parts=(TextPart(provided),))
        return
    if not isinstance(provided, list) or not provided:
        if provided is None or provided == []:
            msg = "'input' is missing or empty"
            raise refuse(400, msg, code="missing_required_parameter", param="input")
        fields.wrong("input", "a string or a list of items", provided)
    stated = _Turn()
    for item in provided:
        if not isinstance(item, dict):
            fields.wrong("input", "a list of objects", item)
        if stated.take(item):
            continue
        yield from stated.message()
        yield from _other(item, ignored)
    yield from stated.message()


def _other(item: Mapping[str, Any], ignored: list[str]) -> Iterator[Message]:
    """An item that is not the model's."""
    kind = item.get("type", "message")
    if kind == "message":
        role = item.get("role")
        known = _ROLES.get(role) if isinstance(role, str) else None
        if known is None:
            fields.wrong("input.role", "system, developer, user or assistant", role)
        yield Message(role=known, parts=tuple(_parts(item.get("content"))))
    elif kind in ("function_call_output", "custom_tool_call_output"):
        call_id = fields.text(item, "call_id", "input.call_id")
        output = item.get("output")
        yield Message(role="tool", parts=(ToolResult(call_id=call_id, content=_output_text(output)),))
        pictures = tuple(_media_of(output))
        if pictures:
            yield Message(role="user", parts=pictures)
    else:
        ignored.append(f"input.{str(kind)[:40]}")


def _output_text(output: object) -> str:
    """The text of a tool's output; its images and files go into the message after it."""
    if isinstance(output, list) and all(isinstance(part, dict) for part in output):
        return "\n".join(part["text"] for part in output if isinstance(part.get("text"), str))
    return plain_text(output)


def _media_of(output: object) -> Iterator[Part]:
    for part in output if isinstance(output, list) else ():
        if isinstance(part, dict) and part.get("type") in ("input_image", "input_file"):
            yield _part(part)


class _Turn:
    """The model's output in one turn, item by item."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._calls: list[ToolCall] = []
        self._kept: list[ProviderPart] = []

    def take(self, item: Mapping[str, Any]) -> bool:
        """Take an item that the model made; false for any other."""
        kind = item.get("type", "message")
        if kind == "message" and item.get("role") == "assistant":
            self._texts += (part.text for part in _parts(item.get("content")) if isinstance(part, TextPart))
        elif kind == "function_call":
            name = fields.text(item, "name", "input.name")
            space = item.get("namespace")
            whole = f"{space}__{name}" if isinstance(space, str) and space else name
            arguments = fields.arguments(item.get("arguments"), name)
            self._calls.append(
                ToolCall(id=fields.text(item, "call_id", "input.call_id"), name=whole, arguments=arguments)
            )
        elif kind == "reasoning":
            packed = item.get("encrypted_content")
            if is_envelope(packed):
                self._kept += unpack(str(packed))
        else:
            return False
        return True

    def message(self) -> Iterator[Message]:
        """The message of what was taken; nothing where that is only reasoning which nobody here can read."""
        if self._texts or self._calls:
            yield assistant(self._texts, self._calls, self._kept)
        self.__init__()  # type: ignore[misc]  # the next turn begins empty


def _parts(content: object) -> Iterator[Part]:
    if isinstance(content, str):
        yield TextPart(content)
        return
    if not isinstance(content, list):
        fields.wrong("input.content", "a string or a list of parts", content)
    for part in content:
        if not isinstance(part, dict):
            fields.wrong("input.content", "a list of objects", part)
        yield _part(part)


def _part(part: Mapping[str, Any]) -> Part:
    match part.get("type"):
        case "input_text" | "output_text" | "text":
            return TextPart(fields.text(part, "text", "input.content.text"))
        case "refusal":
            return TextPart(fields.text(part, "refusal", "input.content.refusal"))
        case "input_image" if part.get("image_url") is not None:
            return media.image_of_url(part["image_url"])
        case "input_file" if isinstance(part.get("file_data"), str):
            data: str = part["file_data"]
            if data[:5].lower() == "data:":
                return media.document_of_url(data, part.get("filename"))
            return media.document_of_base64(data, None, part.get("filename"))
        case "input_file" if part.get("file_url") is not None:
            return media.document_of_url(part["file_url"], part.get("filename"))
    msg = f"a part of type {part.get('type')!r:.40} is not supported as it is: this gateway keeps no files, and takes text, images and documents"
    raise refuse(400, msg, code="unsupported_value", param="input.content")


# ── Tools and schemas ─────────────────────────────────────────────────────────────────────────────────────────────


def _tools(body: Mapping[str, Any], ignored: list[str], prefix: str = "") -> Iterator[Tool]:
    """The functions that the client runs, those of namespaces under a joined name; what OpenAI's servers run is left out."""
    for tool in fields.rows(body, "tools"):
        kind = tool.get("type")
        if kind == "function":
            name = tool.get("name")
            joined = f"{prefix}{name}" if isinstance(name, str) else name
            yield fields.tool(joined, tool.get("description"), tool.get("parameters"))
        elif kind == "namespace":
            yield from _tools(tool, ignored, f"{fields.text(tool, 'name', 'tools.name')}__")
        elif kind is not None:
            ignored.append(f"tools.{str(kind)[:40]}")


def _tool_choice(choice: object, tools: tuple[Tool, ...]) -> str | None:
    if choice is None or not tools:
        return None
    if isinstance(choice, str) and choice in _CHOICES:
        return choice
    if isinstance(choice, dict):
        if choice.get("type") == "allowed_tools":
            mode = choice.get("mode")
            return mode if isinstance(mode, str) and mode in _CHOICES else "auto"
        if choice.get("type") == "function":
            return fields.text(choice, "name", "tool_choice.name")
        return "auto"  # a tool of OpenAI's servers
    return fields.wrong("tool_choice", "auto, none, required or a function", choice)


def _schema(form: Mapping[str, Any]) -> tuple[Mapping[str, Any] | None, str]:
    kind = form.get("type")
    if kind in (None, "text"):
        return None, "answer"
    if kind == "json_object":
        return {"type": "object"}, "answer"
    schema, name = form.get("schema"), form.get("name")
    if kind != "json_schema" or not isinstance(schema, dict):
        fields.wrong("text.format", "text, json_object, or json_schema with a schema", form)
    return schema, name if isinstance(name, str) and name else "answer"
