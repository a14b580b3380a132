"""A request as the body of an endpoint's chat completions.

https://cloud.google.com/vertex-ai/generative-ai/docs/migrate/openai/overview; the containers of Model Garden (vLLM, TGI)
take the same form.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pipelex_core.dialects import Dialect, adapt
from pipelex_core.documents import as_text, is_text
from pipelex_core.errors import UnsupportedInputError
from pipelex_core.parts import AudioPart, DocumentPart, ImagePart, TextPart, ToolCall, ToolResult
from pipelex_core.requests import ObjectRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelex_core.parts import Message, Part, Tool
    from pipelex_core.requests import TextRequest

_WHOLE = Dialect(name="chat completions of a Vertex AI endpoint", plain_root=True, is_whole=True)
_MODES = frozenset({"auto", "none", "required"})


def chat_body(request: TextRequest, model: str, *, stream: bool = False) -> dict[str, Any]:
    """What to send; settings that are None are not in it.

    Raises:
        UnsupportedInputError: A part or a setting that chat completions have no place for.
    """
    if request.reasoning_budget is not None:
        msg = f"model '{request.spec.name}' takes a reasoning_effort, but no reasoning_budget in tokens"
        raise UnsupportedInputError(msg)
    if request.logprobs is not None or (request.n or 1) > 1:
        msg = f"model '{request.spec.name}' gives one answer a call, and does not tell how likely its tokens were"
        raise UnsupportedInputError(msg)
    settings = {
        "temperature": request.temperature,
        "max_tokens": request.max_tokens,
        "top_p": request.top_p,
        "seed": request.seed,
        "stop": list(request.stop) or None,
        "reasoning_effort": request.reasoning_effort,
    }
    body: dict[str, Any] = {"model": model, "messages": list(_messages(request))}
    body |= {name: value for name, value in settings.items() if value is not None}
    if isinstance(request, ObjectRequest):
        schema = {"name": request.schema_name, "schema": adapt(request.schema, _WHOLE).schema}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
        if request.tool_choice is not None:
            body["tool_choice"] = _choice(request.tool_choice)
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return body


def _messages(request: TextRequest) -> Iterator[dict[str, Any]]:
    if request.system is not None:
        yield {"role": "system", "content": request.system}
    for message in request.messages:
        if message.role == "assistant":
            yield _assistant(message)
        else:
            yield from _others(message, request)


def _assistant(message: Message) -> dict[str, Any]:
    """The model's message; provider parts are of other providers, because an endpoint has none."""
    calls = [part for part in message.parts if isinstance(part, ToolCall)]
    sent: dict[str, Any] = {"role": "assistant", "content": message.text or (None if calls else "")}
    if calls:
        sent["tool_calls"] = [_call(call) for call in calls]
    return sent


def _others(message: Message, request: TextRequest) -> Iterator[dict[str, Any]]:
    """One message for each tool's result, then what the user says."""
    content: list[dict[str, Any]] = []
    for part in message.parts:
        if isinstance(part, ToolResult):
            yield {"role": "tool", "tool_call_id": part.call_id, "content": part.content}
        elif isinstance(part, TextPart | ImagePart | DocumentPart | AudioPart):
            content.append(_content(part, request))
    if content:
        only_text = len(content) == 1 and content[0]["type"] == "text"
        yield {"role": "user", "content": content[0]["text"] if only_text else content}


def _content(part: Part, request: TextRequest) -> dict[str, Any]:
    if isinstance(part, ImagePart):
        return {"type": "image_url", "image_url": {"url": part.media.as_url()}}
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    if isinstance(part, DocumentPart) and is_text(part.media):
        return {"type": "text", "text": as_text(part.media)}
    if isinstance(part, AudioPart):
        msg = f"model '{request.spec.name}' takes no audio in a prompt: transcribe it, and send the text"
        raise UnsupportedInputError(msg)
    msg = f"model '{request.spec.name}' takes documents that are text, and no others: extract the text first"
    raise UnsupportedInputError(msg)


def _call(call: ToolCall) -> dict[str, Any]:
    arguments = json.dumps(call.arguments, ensure_ascii=False, separators=(",", ":"))
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _tool(tool: Tool) -> dict[str, Any]:
    parameters = adapt(tool.parameters, _WHOLE).schema
    function = {"name": tool.name, "description": tool.description, "parameters": parameters}
    return {"type": "function", "function": function}


def _choice(choice: str) -> Any:
    return choice if choice in _MODES else {"type": "function", "function": {"name": choice}}
