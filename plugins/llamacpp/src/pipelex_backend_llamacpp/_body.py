"""A request as the JSON that llama.cpp's server takes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from xllamacpp import json_schema_to_grammar

from pipelex_backend_llamacpp._dialects import GRAMMAR, STYLE
from pipelex_core.dialects import adapt
from pipelex_core.errors import BadRequestError, UnsupportedInputError
from pipelex_core.parts import ProviderPart, TextPart
from pipelex_core.requests import ObjectRequest

if TYPE_CHECKING:
    from pipelex_core.parts import Message
    from pipelex_core.requests import TextRequest

_SCHEMA_PROMPT = "Answer with one JSON document that follows this JSON schema, and nothing else:\n{schema}"


def chat_body(request: TextRequest, *, most_tokens: int) -> bytes:
    """The body of a chat completion, streamed; of an object too.

    Raises:
        UnsupportedInputError: It has images, documents or tools.
        BadRequestError: Its text is not valid Unicode.
    """
    if request.tools and request.tool_choice != "none":
        msg = "tools are not supported by this backend"
        raise UnsupportedInputError(msg)
    body: dict[str, Any] = {
        "messages": _messages(request),
        "max_tokens": most_tokens if request.max_tokens is None else request.max_tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
        "return_progress": True,
    }
    settings = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "seed": request.seed,
        "stop": list(request.stop) or None,
        "thinking_budget_tokens": request.reasoning_budget,
    }
    body |= {name: value for name, value in settings.items() if value is not None}
    if request.seed is not None or request.temperature == 0:
        body["cache_prompt"] = False  # a prompt read in other pieces gives slightly other numbers
    template = _template_settings(request)
    if template:
        body["chat_template_kwargs"] = template
    if isinstance(request, ObjectRequest):
        body["grammar"] = json_schema_to_grammar({**adapt(request.schema, GRAMMAR).schema, "x-guidance": STYLE})
        body["reasoning_format"] = "none"
    try:
        return json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        msg = f"the prompt is not valid Unicode: {error.reason}"
        raise BadRequestError(msg) from None


def _template_settings(request: TextRequest) -> dict[str, Any]:
    """What the chat templates of thinking models ask for; the others do not look at it."""
    effort = request.reasoning_effort
    if effort is not None:
        return {"enable_thinking": effort != "none", "reasoning_effort": effort}
    return {"enable_thinking": False} if isinstance(request, ObjectRequest) else {}


def _messages(request: TextRequest) -> list[dict[str, str]]:
    system = [request.system] if request.system else []
    if isinstance(request, ObjectRequest):
        system.append(_SCHEMA_PROMPT.format(schema=json.dumps(request.schema, ensure_ascii=False)))
    first = [{"role": "system", "content": "\n\n".join(system)}] if system else []
    return first + [{"role": message.role, "content": _content(message)} for message in request.messages]


def _content(message: Message) -> str:
    for part in message.parts:
        if not isinstance(part, TextPart | ProviderPart):
            msg = f"this backend takes text only, not a {type(part).__name__}"
            raise UnsupportedInputError(msg)
    return message.text
