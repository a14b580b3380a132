"""Requests of DSPy's engines as calls of pipelex-core."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dspy import lm15

from pipelex_adapters import KEPT, is_unchanged, media_part

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_SETTINGS = {"max_tokens": "max_tokens", "temperature": "temperature", "top_p": "top_p", "seed": "seed"}
_LACKING = (
    "top_k",
    "frequency_penalty",
    "presence_penalty",
    "service_tier",
    "user_id",
    "store",
    "logprobs",
    "probabilities",
)
_CHOICES = {"auto": "auto", "required": "required", "none": "none"}
_DROPPED = (lm15.ThinkingPart, lm15.CitationPart)


def call_of(
    request: lm15.Request, further: Mapping[str, Any]
) -> tuple[list[Any], dict[str, Any] | None, dict[str, Any]]:
    """The prompt, the schema of an object that is asked for, and the arguments.

    Args:
        request: DSPy's.
        further: Arguments of every call; those of the request win.

    Raises:
        UnsupportedFeatureError: Of DSPy; for what pipelex-core has not.
    """
    config = request.config
    for name in _LACKING:
        if getattr(config, name, None) is not None:
            msg = f"pipelex-core has no setting {name}"
            raise lm15.UnsupportedFeatureError(msg, feature=f"config.{name}", provider="pipelex")
    own = {ours: getattr(config, theirs) for theirs, ours in _SETTINGS.items()}
    own |= {"stop": list(config.stop) or None, **_reasoning(config.reasoning), **_tools(request)}
    system = _text(request.system)
    arguments = {**further, **{key: value for key, value in own.items() if value is not None}}
    arguments |= {"system": system} if system else {}
    arguments |= dict(config.extensions or {})
    wanted = config.response_format
    schema = None if wanted is None else dict(wanted.get("schema") or {"type": "object"})
    return [each for message in request.messages for each in _messages(message)], schema, arguments


def _text(system: Any) -> str | None:
    if system is None or isinstance(system, str):
        return system
    return "\n\n".join(part.text for part in system)


def _reasoning(reasoning: Any) -> dict[str, Any]:
    if reasoning is None:
        return {}
    effort = "none" if reasoning.effort == "off" else reasoning.effort
    return {"reasoning_effort": effort, "reasoning_budget": reasoning.thinking_budget}


def _tools(request: lm15.Request) -> dict[str, Any]:
    choice, tools = request.config.tool_choice, list(request.tools)
    for tool in tools:
        if not isinstance(tool, lm15.FunctionTool):
            msg = f"pipelex-core runs no tool of a provider's own, such as {tool.name}"
            raise lm15.UnsupportedFeatureError(msg, feature="tools", provider="pipelex")
    if choice is not None and choice.allowed:
        tools = [tool for tool in tools if tool.name in choice.allowed]
    if not tools:
        return {}
    described = [{"name": t.name, "description": t.description or "", "parameters": dict(t.parameters)} for t in tools]
    only = choice is not None and choice.mode == "required" and len(tools) == 1
    return {"tools": described, "tool_choice": tools[0].name if only else _CHOICES[choice.mode] if choice else None}


def _messages(message: lm15.Message) -> Iterator[Any]:
    """A message; one of tools is a message for each result."""
    kept = next((state.data for state in message.continuation if state.provider == "pipelex"), None)
    text = "".join(part.text for part in message.parts if isinstance(part, lm15.TextPart))
    calls = [part.id for part in message.parts if isinstance(part, lm15.ToolCallPart)]
    if kept is not None and is_unchanged(kept[KEPT], text, calls):
        yield kept[KEPT]
        return
    results = [part for part in message.parts if isinstance(part, lm15.ToolResultPart)]
    if results:
        yield {"role": "tool", "content": [_result(part) for part in results]}
    role = "system" if message.role == "developer" else message.role
    if parts := [*_parts(part for part in message.parts if part not in results)]:
        yield {"role": "user" if role == "tool" else role, "content": parts}


def _result(part: lm15.ToolResultPart) -> dict[str, Any]:
    text = "\n".join(each for each in _parts(part.content) if isinstance(each, str))
    return {"type": "tool_result", "call_id": part.id, "name": part.name, "content": text, "is_error": part.is_error}


def _parts(parts: Iterable[Any]) -> Iterator[Any]:
    for part in parts:
        if isinstance(part, (lm15.TextPart, lm15.RefusalPart)):
            yield part.text
        elif isinstance(part, lm15.ToolCallPart):
            yield {"type": "tool_call", "id": part.id, "name": part.name, "arguments": dict(part.input)}
        elif isinstance(part, (lm15.ImagePart, lm15.DocumentPart)) and part.file_id is None:
            kind = part.type
            yield {"type": kind, kind: part.url} if part.url is not None else media_part(part.bytes, part.media_type)
        elif not isinstance(part, _DROPPED):
            msg = f"pipelex-core takes no {type(part).__name__} in a prompt"
            raise lm15.UnsupportedFeatureError(msg, feature="messages", provider="pipelex")
