"""A request for a message: https://platform.claude.com/docs/en/api/messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_core.parts import Message, ProviderPart, TextPart, ToolCall, ToolResult
from pipelex_serve import fields, media
from pipelex_serve.kept import assistant, is_envelope, unpack
from pipelex_serve.problems import refuse
from pipelex_serve.texts import TextCall

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipelex_core.parts import Part, Tool

_KNOWN = frozenset(
    [
        "model",
        "messages",
        "system",
        "max_tokens",
        "stream",
        "temperature",
        "top_p",
        "stop_sequences",
        "tools",
        "tool_choice",
        "thinking",
        "output_config",
        "output_format",
        "metadata",
        "cache_control",
        "betas",
    ]
)
_CHOICES = {"auto": "auto", "any": "required", "none": "none"}
_PROVIDER = "anthropic"
"""Whose thinking it is that comes without an envelope of this gateway."""


def read_message_call(body: Mapping[str, Any], *, needs_tokens: bool = True) -> TextCall:
    """The call that a request asks for; one to count tokens names no `max_tokens`.

    Raises:
        RefusedError: 400: a parameter is wrong, or asks for what no handle can do.
    """
    _refuse_threads(body)
    most = fields.whole(body, "max_tokens")
    if most is None and needs_tokens:
        msg = "max_tokens: Field required"
        raise refuse(400, msg, code="missing_required_parameter", param="max_tokens")
    messages = fields.rows(body, "messages")
    if not messages:
        msg = "messages: at least one message is required"
        raise refuse(400, msg, code="missing_required_parameter", param="messages")
    tools = tuple(_tools(body))
    return TextCall(
        model=fields.model(body),
        messages=tuple(made for message in messages for made in _messages(message)),
        system=_system(body.get("system")),
        tools=tools,
        tool_choice=_tool_choice(fields.table_of(body, "tool_choice"), tools),
        settings=_settings(body, most),
        schema=_schema(body),
        streams=fields.flag(body, "stream"),
        ignored=fields.unused(body, _KNOWN),
    )


def _refuse_threads(body: Mapping[str, Any]) -> None:
    """Refuse what wants a server that keeps conversations.

    The tool runner of Anthropic's SDKs sends its second turn without the first one: answered without it, the model would
    know nothing of what it was asked.
    """
    if body.get("thread") is not None:
        msg = "thread: this gateway keeps no conversations; send the whole history in messages, and no thread"
        raise refuse(400, msg, code="unsupported_parameter", param="thread")


def _settings(body: Mapping[str, Any], most: int | None) -> dict[str, Any]:
    effort = fields.table_of(body, "output_config").get("effort")
    thinking = fields.table_of(body, "thinking")
    budget: int | None = None
    match thinking.get("type"):
        case "enabled":
            budget = fields.whole(thinking, "budget_tokens")
        case "disabled":
            effort = None
    return fields.settings_of(
        (
            ("max_tokens", most),
            ("temperature", fields.number(body, "temperature")),
            ("top_p", fields.number(body, "top_p")),
            ("stop", tuple(fields.strings(body, "stop_sequences"))),
            ("reasoning_effort", effort if budget is None else None),
            ("reasoning_budget", budget),
        )
    )


def _schema(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    form = fields.table_of(body, "output_config").get("format") or fields.table_of(body, "output_format")
    if not form:
        return None
    if not isinstance(form, dict) or form.get("type") != "json_schema" or not isinstance(form.get("schema"), dict):
        fields.wrong("output_config.format", '{"type": "json_schema", "schema": …}', form)
    schema: Mapping[str, Any] = form["schema"]
    return schema


def _system(system: object) -> str | None:
    if system is None or isinstance(system, str):
        return system or None
    if not isinstance(system, list):
        fields.wrong("system", "a string or a list of text blocks", system)
    texts = [block.get("text") for block in system if isinstance(block, dict)]
    return "\n\n".join(text for text in texts if isinstance(text, str) and text.strip()) or None


# ── Messages ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _messages(message: Mapping[str, Any]) -> Iterator[Message]:
    """The messages that one is: the results of tools are messages of their own here."""
    role, content = message.get("role"), message.get("content")
    blocks: list[Mapping[str, Any]] = fields.rows(message, "content") if not isinstance(content, str) else []
    if isinstance(content, str):
        blocks = [{"type": "text", "text": content}]
    if role == "assistant":
        yield _assistant(blocks)
    elif role == "system":  # Claude Code has some among its messages
        yield Message(role="system", parts=tuple(part for block in blocks for part in _parts(block)))
    elif role == "user":
        results = tuple(_result(block) for block in blocks if block.get("type") == "tool_result")
        if results:
            yield Message(role="tool", parts=results)
        parts = tuple(part for block in blocks if block.get("type") != "tool_result" for part in _parts(block))
        media_parts = tuple(part for block in blocks if block.get("type") == "tool_result" for part in _media_of(block))
        if parts or media_parts or not results:
            yield Message(role="user", parts=(*media_parts, *parts))
    else:
        fields.wrong("messages.role", "user or assistant", role)


def _assistant(blocks: list[Mapping[str, Any]]) -> Message:
    kept: list[ProviderPart] = []
    texts, calls, has_thoughts = [], [], False
    for block in blocks:
        match block.get("type"):
            case "text":
                texts.append(fields.text(block, "text", "messages.content.text"))
            case "tool_use":
                calls.append(_call(block))
            case "thinking" | "redacted_thinking":
                packed = block.get("signature") or block.get("data")
                if is_envelope(packed):
                    kept += unpack(str(packed))
                elif isinstance(packed, str) and packed:
                    has_thoughts = True
    if has_thoughts and not kept:
        own = [_bare(block) for block in blocks if not is_envelope(block.get("signature") or block.get("data"))]
        kept.append(ProviderPart(provider=_PROVIDER, data={"content": own}))
    return assistant(texts, calls, kept)


def _bare(block: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in block.items() if name != "cache_control"}


def _call(block: Mapping[str, Any]) -> ToolCall:
    name = fields.text(block, "name", "messages.content.name")
    return ToolCall(
        id=fields.text(block, "id", "messages.content.id"),
        name=name,
        arguments=fields.arguments(block.get("input"), name),
    )


def _result(block: Mapping[str, Any]) -> ToolResult:
    return ToolResult(
        call_id=fields.text(block, "tool_use_id", "messages.content.tool_use_id"),
        content=_result_text(block.get("content")),
        is_error=fields.flag(block, "is_error"),
    )


def _result_text(content: object) -> str:
    """The text of a result; its images and documents go into the message after it."""
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, list):
        fields.wrong("messages.content.content", "a string or a list of blocks", content)
    texts = [block.get("text") for block in content if isinstance(block, dict) and block.get("type") == "text"]
    return "\n".join(text for text in texts if isinstance(text, str))


def _media_of(block: Mapping[str, Any]) -> Iterator[Part]:
    content = block.get("content")
    for inner in content if isinstance(content, list) else ():
        if isinstance(inner, dict) and inner.get("type") in ("image", "document"):
            yield from _parts(inner)


def _parts(block: Mapping[str, Any]) -> Iterator[Part]:
    source = fields.table_of(block, "source")
    match block.get("type"):
        case "text":
            yield TextPart(fields.text(block, "text", "messages.content.text"))
        case "image" if source.get("type") == "url":
            yield media.image_of_url(source.get("url"))
        case "image" if source.get("type") == "base64":
            yield media.image_of_base64(source.get("data"), source.get("media_type"))
        case "document" if source.get("type") == "url":
            yield media.document_of_url(source.get("url"), block.get("title"))
        case "document" if source.get("type") == "base64":
            yield media.document_of_base64(source.get("data"), source.get("media_type"), block.get("title"))
        case "document" if source.get("type") == "text":
            yield media.document_of_text(source.get("data"), block.get("title"))
        case kind:
            msg = f"messages.content: a block of type {kind!r:.40} is not supported, or its source is not"
            raise refuse(400, msg, code="unsupported_value", param="messages.content.type")


# ── Tools ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _tools(body: Mapping[str, Any]) -> Iterator[Tool]:
    """The tools that the client runs; those that Anthropic's servers would run are no other provider's."""
    for tool in fields.rows(body, "tools"):
        if tool.get("type") in (None, "custom"):
            yield fields.tool(tool.get("name"), tool.get("description"), tool.get("input_schema"))


def _tool_choice(choice: Mapping[str, Any], tools: tuple[Tool, ...]) -> str | None:
    if not choice or not tools:
        return None
    kind = choice.get("type")
    if kind == "tool":
        return fields.text(choice, "name", "tool_choice.name")
    known = _CHOICES.get(kind) if isinstance(kind, str) else None
    if known is None:
        fields.wrong("tool_choice.type", "auto, any, tool or none", kind)
    return known
