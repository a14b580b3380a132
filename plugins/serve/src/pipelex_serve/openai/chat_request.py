"""A request for a chat completion: https://platform.openai.com/docs/api-reference/chat/create."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from pipelex_core.parts import Message, Part, Role, TextPart, ToolCall, ToolResult
from pipelex_serve import fields, media
from pipelex_serve.kept import assistant, is_envelope, unpack
from pipelex_serve.openai import likelihoods
from pipelex_serve.problems import refuse
from pipelex_serve.texts import TextCall

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipelex_core.parts import ProviderPart, Tool

_KNOWN = frozenset(
    [
        "model",
        "messages",
        "stream",
        "stream_options",
        "temperature",
        "top_p",
        "max_tokens",
        "max_completion_tokens",
        "seed",
        "stop",
        "reasoning",
        "reasoning_effort",
        "thinking",
        "tools",
        "tool_choice",
        "functions",
        "function_call",
        "response_format",
        "n",
        "parallel_tool_calls",
        "logprobs",
        "top_logprobs",
        "modalities",
        "user",
    ]
)
_ROLES: dict[str, Role] = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
_CHOICES = frozenset({"auto", "none", "required"})


def read_chat(body: Mapping[str, Any]) -> TextCall:
    """The call that a request asks for.

    Raises:
        RefusedError: 400: a parameter is wrong, or asks for what no handle can do.
    """
    _refuse_impossible(body)
    tools = tuple(_tools(body))
    schema, schema_name = _schema(fields.table_of(body, "response_format"))
    messages = fields.rows(body, "messages")
    if not messages:
        msg = "'messages' is missing or empty"
        raise refuse(400, msg, code="missing_required_parameter", param="messages")
    return TextCall(
        model=fields.model(body),
        messages=tuple(_message(message) for message in messages),
        tools=tools,
        tool_choice=_tool_choice(body, tools),
        settings=_settings(body),
        schema=schema,
        schema_name=schema_name,
        streams=fields.flag(body, "stream"),
        wide_temperature=True,
        ignored=fields.unused(body, _KNOWN),
    )


def _refuse_impossible(body: Mapping[str, Any]) -> None:
    if "audio" in (body.get("modalities") or ()):
        msg = "'modalities' with audio is not supported: use /v1/audio/speech"
        raise refuse(400, msg, code="unsupported_value", param="modalities")


def _settings(body: Mapping[str, Any]) -> dict[str, Any]:
    most = fields.whole(body, "max_completion_tokens")
    effort, budget = _reasoning(body)
    return fields.settings_of(
        (
            ("temperature", wide_temperature(body)),
            ("top_p", fields.number(body, "top_p")),
            ("max_tokens", fields.whole(body, "max_tokens") if most is None else most),
            ("seed", fields.whole(body, "seed")),
            ("stop", tuple(fields.strings(body, "stop"))),
            ("reasoning_effort", (body.get("reasoning_effort") or effort) if budget is None else None),
            ("reasoning_budget", budget),
            ("logprobs", likelihoods.of_chat(body)),
            ("n", likelihoods.number_of_answers(body)),
        )
    )


def _reasoning(body: Mapping[str, Any]) -> tuple[Any, int | None]:
    """Effort and budget as OpenRouter's `reasoning` and LiteLLM's `thinking` have them, which many clients send everywhere.

    https://openrouter.ai/docs/use-cases/reasoning-tokens, https://docs.litellm.ai/docs/reasoning_content
    """
    reasoning, thinking = fields.table_of(body, "reasoning"), fields.table_of(body, "thinking")
    budget = fields.whole(reasoning, "max_tokens")
    if budget is None and thinking.get("type") == "enabled":
        budget = fields.whole(thinking, "budget_tokens")
    return reasoning.get("effort"), budget


def wide_temperature(body: Mapping[str, Any]) -> float | None:
    """The temperature of OpenAI's protocol, from 0 to 2."""
    temperature = fields.number(body, "temperature")
    if temperature is not None and not 0 <= temperature <= 2:
        fields.wrong("temperature", "a number from 0 to 2", temperature)
    return temperature


# ── Messages ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _message(message: Mapping[str, Any]) -> Message:
    role, content = message.get("role"), message.get("content")
    if role in ("tool", "function"):
        return Message(role="tool", parts=(_result(message),))
    known = _ROLES.get(role) if isinstance(role, str) else None
    if known is None:
        fields.wrong("messages.role", "system, developer, user, assistant or tool", role)
    if known == "assistant":
        return _assistant(message)
    if isinstance(content, str):
        return Message(role=known, parts=(TextPart(content),))
    return Message(role=known, parts=tuple(_parts(content)))


def _result(message: Mapping[str, Any]) -> ToolResult:
    """What a tool gave back; a `function` message of the protocol's first form answers the call of its name."""
    call_id = message.get("tool_call_id") or message.get("name")
    if not isinstance(call_id, str):
        msg = "a message of role tool needs its 'tool_call_id'"
        raise refuse(400, msg, code="missing_required_parameter", param="messages.tool_call_id")
    name = message.get("name")
    return ToolResult(
        call_id=call_id, content=plain_text(message.get("content")), name=name if isinstance(name, str) else None
    )


def _assistant(message: Mapping[str, Any]) -> Message:
    content = message.get("content")
    texts = (
        [content] if isinstance(content, str) else [part.text for part in _parts(content) if isinstance(part, TextPart)]
    )
    if not any(texts) and isinstance(message.get("refusal"), str):
        texts = [message["refusal"]]
    calls = [_call(call) for call in fields.rows(message, "tool_calls", "messages.tool_calls")]
    first = message.get("function_call")
    if isinstance(first, dict):
        calls.append(_call({"id": first.get("name"), "function": first}))
    return assistant(texts, calls, _kept(message))


def _kept(message: Mapping[str, Any]) -> Iterator[ProviderPart]:
    details = message.get("reasoning_details")
    for detail in details if isinstance(details, list) else ():
        data = detail.get("data") if isinstance(detail, dict) else None
        if is_envelope(data):
            yield from unpack(cast("str", data))


def _call(call: Mapping[str, Any]) -> ToolCall:
    function = fields.table_of(call, "function")
    name = fields.text(function, "name", "messages.tool_calls.function.name")
    return ToolCall(
        id=fields.text(call, "id", "messages.tool_calls.id"),
        name=name,
        arguments=fields.arguments(function.get("arguments"), name),
    )


def _parts(content: object) -> Iterator[Part]:
    if content is None:
        return
    if isinstance(content, str):
        yield TextPart(content)
        return
    if not isinstance(content, list):
        fields.wrong("messages.content", "a string or a list of parts", content)
    for part in content:
        if isinstance(part, str):
            yield TextPart(part)
        elif isinstance(part, dict):
            yield _part(part)
        else:
            fields.wrong("messages.content", "a list of objects", content)


def _part(part: Mapping[str, Any]) -> Part:
    match part.get("type"):
        case "text" | "input_text" | "output_text":
            return TextPart(fields.text(part, "text", "messages.content.text"))
        case "refusal":
            return TextPart(fields.text(part, "refusal", "messages.content.refusal"))
        case "image_url":
            image = part.get("image_url")
            return media.image_of_url(image.get("url") if isinstance(image, dict) else image)
        case "file":
            return _file(fields.table_of(part, "file"))
        case "input_audio":
            return media.audio_of_base64(fields.table_of(part, "input_audio").get("data"))
    msg = f"a part of type {part.get('type')!r:.40} is not supported: send text, image_url, input_audio or file"
    raise refuse(400, msg, code="unsupported_value", param="messages.content.type")


def _file(file: Mapping[str, Any]) -> Part:
    data, name = file.get("file_data"), file.get("filename")
    if not isinstance(data, str):
        msg = "a file is sent as 'file_data': this gateway keeps no files, so it knows no 'file_id'"
        raise refuse(400, msg, code="unsupported_value", param="messages.content.file")
    if data[:5].lower() == "data:" or "://" in data[:10]:
        return media.document_of_url(data, name)
    return media.document_of_base64(data, None, name)


def plain_text(content: object) -> str:
    """What a tool gave back, as text: parts of text joined, anything else as JSON."""
    if isinstance(content, str):
        return content
    if content is None:
        return ""
    if isinstance(content, list) and all(
        isinstance(part, dict) and isinstance(part.get("text"), str) for part in content
    ):
        return "".join(part["text"] for part in content)
    from pipelex_serve.jsons import encode

    return encode(content).decode("utf-8")


# ── Tools and schemas ─────────────────────────────────────────────────────────────────────────────────────────────


def _tools(body: Mapping[str, Any]) -> Iterator[Tool]:
    for tool in fields.rows(body, "tools"):
        if tool.get("type", "function") != "function":
            msg = f"a tool of type {tool.get('type')!r:.40} is not supported: send functions"
            raise refuse(400, msg, code="unsupported_value", param="tools.type")
        function = fields.table_of(tool, "function")
        yield fields.tool(function.get("name"), function.get("description"), function.get("parameters"))
    for function in fields.rows(body, "functions"):
        yield fields.tool(function.get("name"), function.get("description"), function.get("parameters"))


def _tool_choice(body: Mapping[str, Any], tools: tuple[Tool, ...]) -> str | None:
    choice = body.get("tool_choice", body.get("function_call"))
    if choice is None or not tools:
        return None
    if isinstance(choice, str):
        if choice not in _CHOICES:
            fields.wrong("tool_choice", "auto, none, required or a function", choice)
        return choice
    if isinstance(choice, dict) and choice.get("type") == "allowed_tools":
        mode = fields.table_of(choice, "allowed_tools").get("mode", "auto")
        return mode if isinstance(mode, str) and mode in _CHOICES else "auto"
    function = choice.get("function", choice) if isinstance(choice, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(name, str):
        fields.wrong("tool_choice", "auto, none, required or a function", choice)
    return name


def _schema(form: Mapping[str, Any]) -> tuple[Mapping[str, Any] | None, str]:
    """The schema of the answer, and its name."""
    kind = form.get("type")
    if kind in (None, "text"):
        return None, "answer"
    if kind == "json_object":
        return {"type": "object"}, "answer"
    if kind != "json_schema":
        fields.wrong("response_format.type", "text, json_object or json_schema", kind)
    described = fields.table_of(form, "json_schema")
    schema, name = described.get("schema"), described.get("name")
    if not isinstance(schema, dict):
        fields.wrong("response_format.json_schema.schema", "a JSON schema", schema)
    return schema, name if isinstance(name, str) and name else "answer"
