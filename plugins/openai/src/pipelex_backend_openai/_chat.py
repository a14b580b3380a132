"""Chat completions: a request as its body, and the answer, whole or streamed, as a `TextAnswer`.

https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from pipelex_backend_openai._dialects import for_objects, for_tools
from pipelex_backend_openai._messages import chat_messages
from pipelex_backend_openai._objects import ObjectBody, effort_of, reported_schema, tool_choice
from pipelex_core.dialects import adapt
from pipelex_core.errors import UnsupportedInputError

if TYPE_CHECKING:
    from pipelex_backend_openai._traits import Traits
    from pipelex_core.requests import ObjectRequest, TextRequest


def chat_body(request: TextRequest, traits: Traits, provider: str) -> dict[str, Any]:
    """What every chat request has; settings that are not set are not sent."""
    body: dict[str, Any] = {
        "model": request.spec.model_id,
        "messages": chat_messages(request, traits, provider),
    }
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.max_tokens is not None:
        body[traits.max_tokens_parameter] = request.max_tokens
    if request.top_p is not None:
        body["top_p"] = request.top_p
    if request.seed is not None:
        body["seed"] = request.seed
    if request.stop:
        body["stop"] = list(request.stop)
    if request.logprobs is not None or request.n is not None:
        body.update(_several(request))
    if request.reasoning_effort is not None or request.reasoning_budget is not None:
        body.update(_reasoning(request, traits))
    if request.tools:
        takes = for_tools(traits)
        body["tools"] = [
            _tool(tool.name, tool.description, adapt(tool.parameters, takes).schema) for tool in request.tools
        ]
    if request.tool_choice is not None:
        body["tool_choice"] = tool_choice(request.tool_choice, _named)
    return body


def streamed(body: dict[str, Any], traits: Traits) -> dict[str, Any]:
    """The body of the same request, with its answer streamed."""
    body["stream"] = True
    if traits.usage_in_stream:
        body["stream_options"] = {"include_usage": True}
    return body


def _several(request: TextRequest) -> dict[str, Any]:
    """How likely tokens were, and further answers."""
    wanted = {
        "logprobs": True if request.logprobs is not None else None,
        "top_logprobs": request.logprobs or None,
        "n": request.n if request.n != 1 else None,
    }
    return {name: value for name, value in wanted.items() if value is not None}


def _reasoning(request: TextRequest, traits: Traits) -> dict[str, Any]:
    if traits.reasoning_parameter == "reasoning":
        if request.reasoning_budget is not None:  # it says more than an effort, and OpenRouter takes one of the two
            return {"reasoning": {"max_tokens": request.reasoning_budget}}
        return {"reasoning": {"effort": effort_of(request, traits)}}
    if request.reasoning_budget is not None:
        msg = "this endpoint takes a reasoning effort, but no budget in tokens"
        raise UnsupportedInputError(msg)
    return {"reasoning_effort": effort_of(request, traits)}


def _tool(name: str, description: str, parameters: Any, **more: Any) -> dict[str, Any]:
    function = {"name": name, "description": description, "parameters": parameters, **more}
    if not description:
        del function["description"]
    return {"type": "function", "function": function}


def _named(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name}}


# ── Objects ───────────────────────────────────────────────────────────────────────────────────────────────────────


def object_body(request: ObjectRequest, traits: Traits, provider: str) -> ObjectBody:
    """The request in the way the endpoint is made to answer with an object."""
    if traits.structured_output == "json_mode":
        system = "\n\n".join(text for text in (request.system, reported_schema(request)) if text)
        body = chat_body(evolve(request, system=system), traits, provider)
        body["response_format"] = {"type": "json_object"}
        return ObjectBody(body=body)
    body = chat_body(request, traits, provider)
    takes = for_objects(traits, request.spec.model_id)
    sent = adapt(request.schema, *takes)
    flag = {"strict": sent.dialect is not takes[-1]} if traits.strict_schemas else {}
    if traits.structured_output == "tool":
        description = "Give the answer."
        tools = body.setdefault("tools", [])
        tools.append(_tool(request.schema_name, description, sent.schema, **flag))
        others = tuple(tool.name for tool in request.tools)
        body["tool_choice"] = "required" if others else _named(request.schema_name)
        return ObjectBody(body=body, tool=request.schema_name, sent=sent, others=others)
    body["response_format"] = {
        "type": "json_schema",
        "json_schema": {"name": request.schema_name, "schema": sent.schema, **flag},
    }
    return ObjectBody(body=body, sent=sent)
