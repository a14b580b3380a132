"""A `TextRequest` as the body of `POST /v1/chat/completions`: https://docs.mistral.ai/api/endpoint/chat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_backend_mistral._dialects import LOOSE, STRICT
from pipelex_backend_mistral._json import encoded
from pipelex_core.dialects import adapt
from pipelex_core.documents import as_text, is_text
from pipelex_core.efforts import nearest_effort
from pipelex_core.errors import UnsupportedInputError
from pipelex_core.histories import HistoryForm, fit
from pipelex_core.parts import AudioPart, DocumentPart, ImagePart, ProviderPart, TextPart, ToolCall, ToolResult
from pipelex_core.requests import ObjectRequest

if TYPE_CHECKING:
    from pipelex_core.parts import Message, Part, Tool
    from pipelex_core.requests import TextRequest

PROVIDER = "mistral"

_FORM = HistoryForm(provider=PROVIDER, call_id=r"[A-Za-z0-9]{9}", made_id=9, bridge="always", audio=True)
"""Ids have nine letters and digits, and a user's message straight after a tool's is refused (`invalid_request_message_order`)."""


def chat_body(request: TextRequest, *, stream: bool = False) -> dict[str, Any]:
    """What to send; settings that are None are left out.

    Raises:
        UnsupportedInputError: A part or a setting that Mistral's API has no place for.
    """
    body: dict[str, Any] = {"model": request.spec.model_id}
    system = request.system
    if isinstance(request, ObjectRequest):
        if request.spec.options.get("structured_output") == "json_mode":
            body["response_format"] = {"type": "json_object"}
            instruction = f"Answer with one JSON document and nothing else. Its JSON schema:\n{encoded(request.schema)}"
            system = f"{system}\n\n{instruction}" if system else instruction
        else:
            sent = adapt(request.schema, STRICT, LOOSE)
            schema = {"name": request.schema_name, "schema": sent.schema, "strict": sent.dialect is STRICT}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
    body["messages"] = [{"role": "system", "content": system}] if system else []
    for message in fit(request.messages, _FORM, request.spec.model_id):
        body["messages"] += [_assistant(message)] if message.role == "assistant" else _others(message)
    if body["messages"] and body["messages"][-1]["role"] == "assistant":
        body["messages"][-1]["prefix"] = True  # Mistral wants to know that the answer goes on with it
    if request.reasoning_budget is not None:
        msg = "Mistral's models take no reasoning_budget: use reasoning_effort"
        raise UnsupportedInputError(msg)
    settings = {
        "temperature": request.temperature,
        "max_tokens": request.max_tokens,
        "top_p": request.top_p,
        "random_seed": request.seed,
        "stop": list(request.stop) or None,
        "reasoning_effort": _effort(request),
        "prompt_mode": request.spec.options.get("prompt_mode"),
        "logprobs": True if request.logprobs is not None else None,
        "top_logprobs": request.logprobs or None,
        "n": request.n if request.n != 1 else None,
    }
    body |= {name: value for name, value in settings.items() if value is not None}
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
        if request.tool_choice is not None:
            body["tool_choice"] = _tool_choice(request.tool_choice)
    if stream:
        body["stream"] = True
    return body


def _effort(request: TextRequest) -> str | None:
    """The reasoning effort as the model takes it; most know `none` and `high` alone."""
    effort = request.reasoning_effort
    return None if effort is None else nearest_effort(effort, request.spec.options.get("effort_levels", ()))


def size_of(request: TextRequest) -> int:
    """Characters of text in a request, and the output tokens it asks for: it takes so many tokens at most."""
    parts = [part for message in request.messages for part in message.parts]
    texts = [part.text if isinstance(part, TextPart) else getattr(part, "content", "") for part in parts]
    return len(request.system or "") + sum(map(len, texts)) + (request.max_tokens or 0)


def _assistant(message: Message) -> dict[str, Any]:
    """The model's own message; its thinking comes first, as it gave it."""
    thinking: list[Any] = []
    calls = []
    for part in message.parts:
        if isinstance(part, ProviderPart):
            thinking.append(part.data)
        elif isinstance(part, ToolCall):
            function = {"name": part.name, "arguments": encoded(part.arguments)}
            calls.append({"id": part.id, "type": "function", "function": function})
        elif not isinstance(part, TextPart):
            raise _misplaced(part, message)
    content: Any = message.text
    if thinking:
        content = [*thinking, {"type": "text", "text": content}] if content else thinking
    sent: dict[str, Any] = {"role": "assistant", "content": content}
    if calls:
        sent["tool_calls"] = calls
    return sent


def _others(message: Message) -> list[dict[str, Any]]:
    """A user's or a tool's message: each tool's result is a message of its own, what is left is the user's."""
    sent: list[dict[str, Any]] = []
    chunks = []
    for part in message.parts:
        if isinstance(part, ToolResult):
            result = {"role": "tool", "tool_call_id": part.call_id, "content": part.content}
            sent.append({**result, "name": part.name} if part.name else result)
        else:
            chunks.append(_chunk(part, message))
    if chunks:
        only_text = len(chunks) == 1 and chunks[0]["type"] == "text"
        sent.append({"role": message.role, "content": chunks[0]["text"] if only_text else chunks})
    return sent


def _chunk(part: Part, message: Message) -> dict[str, Any]:
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    if isinstance(part, ImagePart):
        return {"type": "image_url", "image_url": part.media.as_url()}
    if isinstance(part, DocumentPart) and is_text(part.media):
        return {"type": "text", "text": as_text(part.media)}
    if isinstance(part, DocumentPart):
        return {"type": "document_url", "document_url": part.media.as_url()}
    if isinstance(part, AudioPart):  # https://docs.mistral.ai/capabilities/audio
        return {"type": "input_audio", "input_audio": part.media.url or part.media.base64()}
    raise _misplaced(part, message)


def _misplaced(part: Part, message: Message) -> UnsupportedInputError:
    return UnsupportedInputError(f"a message of role '{message.role}' has no place for a {type(part).__name__}")


def _tool(tool: Tool) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": adapt(tool.parameters, LOOSE).schema}
    return {"type": "function", "function": function}


def _tool_choice(choice: str) -> Any:
    if choice in {"auto", "none", "required"}:
        return choice
    return {"type": "function", "function": {"name": choice}}
