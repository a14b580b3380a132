"""The Responses API: a request as its body.

https://platform.openai.com/docs/api-reference/responses/create

Nothing is stored at the provider. What it has to see again, its encrypted reasoning above all, travels in a
`ProviderPart` that holds the answer's output items as they came.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pipelex_backend_openai._dialects import for_objects, for_tools
from pipelex_backend_openai._messages import form_of
from pipelex_backend_openai._objects import ObjectBody, effort_of, reported_schema, tool_choice
from pipelex_core.dialects import adapt
from pipelex_core.documents import file_name
from pipelex_core.errors import UnsupportedInputError
from pipelex_core.histories import fit
from pipelex_core.parts import DocumentPart, ImagePart, ProviderPart, TextPart, ToolCall, ToolResult

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipelex_backend_openai._traits import Traits
    from pipelex_core.parts import Message, Part
    from pipelex_core.requests import ObjectRequest, TextRequest

LONGEST_CALL_ID = 64
ENCRYPTED_REASONING = "reasoning.encrypted_content"
LOGPROBS = "message.output_text.logprobs"
_REASONING_MODELS = frozenset(["temperature_must_be_1", "no_temperature"])


def response_body(request: TextRequest, traits: Traits, provider: str) -> dict[str, Any]:
    """What every request has; settings that are not set are not sent, settings that the API lacks are refused."""
    _refuse(request)
    body: dict[str, Any] = {
        "model": request.spec.model_id,
        "input": [
            item
            for message in fit(request.messages, form_of(provider, LONGEST_CALL_ID), request.spec.model_id)
            for item in _items(message)
        ],
        "store": False,
    }
    if request.system is not None:
        body["instructions"] = request.system
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.max_tokens is not None:
        body["max_output_tokens"] = request.max_tokens
    if request.top_p is not None:
        body["top_p"] = request.top_p
    reasoning = {"effort": effort_of(request, traits), "summary": traits.reasoning_summary}
    if any(reasoning.values()):
        body["reasoning"] = {name: value for name, value in reasoning.items() if value is not None}
    includes = _includes(request, traits)
    if includes:
        body["include"] = includes
    if request.logprobs:
        body["top_logprobs"] = request.logprobs
    if request.tools or request.hosted_tools:
        body["tools"] = _tools(request, traits)
    if request.tool_choice is not None:
        body["tool_choice"] = tool_choice(request.tool_choice, lambda name: {"type": "function", "name": name})
    return body


def response_object_body(request: ObjectRequest, traits: Traits, provider: str) -> ObjectBody:
    """The request in the way the endpoint is made to answer with an object."""
    if traits.structured_output == "json_mode":
        body = response_body(request, traits, provider)
        body["input"].insert(0, {"role": "system", "content": reported_schema(request)})  # `instructions` do not count
        body["text"] = {"format": {"type": "json_object"}}
        return ObjectBody(body=body)
    body = response_body(request, traits, provider)
    takes = for_objects(traits, request.spec.model_id)
    sent = adapt(request.schema, *takes)
    strict = sent.dialect is not takes[-1]
    if traits.structured_output == "tool":
        tool = _tool(request.schema_name, "Give the answer.", sent.schema, strict=strict)
        body["tools"] = [*body.get("tools", ()), tool]
        others = tuple(tool.name for tool in request.tools)
        body["tool_choice"] = "required" if others else {"type": "function", "name": request.schema_name}
        return ObjectBody(body=body, tool=request.schema_name, sent=sent, others=others)
    format_ = {"type": "json_schema", "name": request.schema_name, "schema": sent.schema, "strict": strict}
    body["text"] = {"format": format_}
    return ObjectBody(body=body, sent=sent)


def _refuse(request: TextRequest) -> None:
    refused = {
        "stop": bool(request.stop),
        "seed": request.seed is not None,
        "n": request.n is not None and request.n > 1,
        "reasoning_budget": request.reasoning_budget is not None,
    }
    for name, is_set in refused.items():
        if is_set:
            msg = f"the Responses API takes no {name}"
            raise UnsupportedInputError(msg)


def _includes(request: TextRequest, traits: Traits) -> list[str]:
    """What is included on demand only."""
    reasoning = [ENCRYPTED_REASONING] if _reasons(request, traits) else []
    return [*reasoning, LOGPROBS] if request.logprobs is not None else reasoning


def _reasons(request: TextRequest, traits: Traits) -> bool:
    """Whether to ask for encrypted reasoning, which models that do not reason refuse to give."""
    if traits.encrypted_reasoning is not None:
        return traits.encrypted_reasoning
    return request.reasoning_effort is not None or not _REASONING_MODELS.isdisjoint(request.spec.constraints)


def _tools(request: TextRequest, traits: Traits) -> list[dict[str, Any]]:
    takes = for_tools(traits)
    tools = [_tool(tool.name, tool.description, adapt(tool.parameters, takes).schema) for tool in request.tools]
    if not request.hosted_tools:
        return tools
    if not traits.web_search:
        msg = "this endpoint has no hosted web_search: leave hosted_tools out, or set `web_search` where it has one"
        raise UnsupportedInputError(msg)
    return [*tools, {"type": "web_search"}]  # https://platform.openai.com/docs/guides/tools-web-search


def _tool(name: str, description: str, parameters: Any, *, strict: bool = False) -> dict[str, Any]:
    """A function; `strict` is sent because its default is true here, other than in chat completions."""
    tool = {"type": "function", "name": name, "description": description, "parameters": parameters, "strict": strict}
    if not description:
        del tool["description"]
    return tool


# ── The conversation ──────────────────────────────────────────────────────────────────────────────────────────────


def _items(message: Message) -> Iterator[dict[str, Any]]:
    """The input items of one message."""
    if message.role == "assistant":
        yield from _assistant_items(message)
        return
    content: list[Part] = []
    for part in message.parts:
        if isinstance(part, ToolResult):
            yield {"type": "function_call_output", "call_id": part.call_id, "output": part.content}
        elif isinstance(part, TextPart | ImagePart | DocumentPart):
            content.append(part)
    if len(content) == 1 and isinstance(content[0], TextPart):
        yield {"role": message.role, "content": content[0].text}
    elif content:
        yield {"role": message.role, "content": [_content_part(part) for part in content]}


def _content_part(part: Part) -> dict[str, Any]:
    if isinstance(part, ImagePart):
        return {"type": "input_image", "image_url": part.media.as_url()}
    if isinstance(part, DocumentPart):
        if part.media.url is not None:
            return {"type": "input_file", "file_url": part.media.url}
        return {"type": "input_file", "filename": file_name(part.media), "file_data": part.media.as_url()}
    assert isinstance(part, TextPart)  # noqa: S101 -- all that `_items` lets through
    return {"type": "input_text", "text": part.text}


def _assistant_items(message: Message) -> Iterator[dict[str, Any]]:
    """What the model answered: its own items where they are known and call the same, else its text and its calls of tools.

    Nothing is stored at the provider, so reasoning goes back only where its content, encrypted or not, is with it.
    """
    calls = [part for part in message.parts if isinstance(part, ToolCall)]
    for part in message.parts:
        if isinstance(part, ProviderPart):
            items = part.data.get("output", ())
            if [item.get("call_id") for item in items if item.get("type") == "function_call"] == [
                call.id for call in calls
            ]:
                kept = [item for item in items if item.get("type") != "reasoning" or has_content(item)]
                while kept and kept[-1].get("type") == "reasoning":
                    kept.pop()  # nothing follows that it led to: the answer was cut
                yield from kept
                return
    if message.text:
        yield {"role": "assistant", "content": message.text}
    for call in calls:
        arguments = json.dumps(call.arguments, ensure_ascii=False, separators=(",", ":"))
        yield {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": arguments}


def has_content(reasoning: Mapping[str, Any]) -> bool:
    """Whether an item of reasoning says something without the provider's store."""
    return bool(reasoning.get("encrypted_content") or reasoning.get("content"))
