"""A request as the parameters of Converse: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pipelex_backend_bedrock._dialects import STRUCTURED, TOOL
from pipelex_backend_bedrock._messages import converse_messages, has_tool_blocks
from pipelex_backend_bedrock._reasoning import reasoning_of
from pipelex_core.dialects import adapt
from pipelex_core.errors import UnsupportedInputError
from pipelex_core.parts import Tool
from pipelex_core.requests import ObjectRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pipelex_core.dialects import Adapted
    from pipelex_core.requests import TextRequest

_CACHE_POINT: dict[str, Any] = {"cachePoint": {"type": "default"}}
_GUARDRAIL = {"identifier": "guardrailIdentifier", "version": "guardrailVersion", "trace": "trace"}
_LEAST_TOP_P = 0.95
_NO_LONGER = "Was available earlier in this conversation, and no longer is: do not call it."
_ANSWER_TOOL = "Give the answer. Always call this tool, once, and with all of the answer."


def converse_parameters(request: TextRequest, backend_options: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of `converse` and `converse_stream`; what the request leaves out is not sent.

    Raises:
        UnsupportedInputError: Something that Converse, or this model, does not take.
    """
    if request.seed is not None:
        msg = "Bedrock takes no seed"
        raise UnsupportedInputError(msg)
    options = request.spec.options
    reasoning = reasoning_of(request)
    if reasoning.thinks:
        _refuse_beside_thinking(request)
    results_alone = bool(options.get("results_alone"))
    messages = converse_messages(
        request.messages,
        request.spec.model_id,
        results_alone=results_alone,
        takes_prefill=options.get("prefill", True) and not reasoning.thinks,
    )
    guardrail = options.get("guardrail") or backend_options.get("guardrail")
    tier = options.get("service_tier")
    sent: dict[str, Any] = {
        "system": [{"text": request.system}] if request.system else None,
        "inferenceConfig": _inference(request),
        "toolConfig": _tools(request, messages, thinks=reasoning.thinks),
        "additionalModelRequestFields": {**options.get("additional_fields", {}), **reasoning.fields},
        "outputConfig": _output(request, reasoning.effort),
        "guardrailConfig": _guardrail(guardrail) if guardrail else None,
        "serviceTier": {"type": tier} if tier else None,
    }
    sent = {name: value for name, value in sent.items() if value}
    sent.update(modelId=request.spec.model_id, messages=messages)
    points = options.get("cache_points", ("system", "messages") if request.cache else ())
    _set_cache_points(sent, points, request.cache)
    return sent


def _refuse_beside_thinking(request: TextRequest) -> None:
    """Refuse what a Claude that thinks does not take.

    https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-extended-thinking.html
    """
    if request.temperature not in {None, 1}:
        msg = f"a model that reasons takes no temperature but 1, not {request.temperature:g}: leave one of them out"
        raise UnsupportedInputError(msg)
    if request.top_p is not None and request.top_p < _LEAST_TOP_P:
        msg = f"a model that reasons takes no top_p below {_LEAST_TOP_P}, not {request.top_p:g}: leave one of them out"
        raise UnsupportedInputError(msg)
    if request.tools and request.tool_choice not in {None, "auto", "none"}:
        msg = f"a model that reasons cannot be made to call a tool: leave out tool_choice {request.tool_choice!r}, or the reasoning"
        raise UnsupportedInputError(msg)


def asks_by_tool(request: TextRequest) -> bool:
    """Whether the answer is an object that is asked for as a tool call: by choice, or because no schema expresses it."""
    return isinstance(request, ObjectRequest) and _sent(request).dialect is TOOL


def _sent(request: ObjectRequest) -> Adapted:
    by_schema = request.spec.options.get("structured_output") == "json_schema"
    return adapt(request.schema, STRUCTURED, TOOL) if by_schema else adapt(request.schema, TOOL)


def _inference(request: TextRequest) -> dict[str, Any]:
    wanted = {"maxTokens": request.max_tokens, "temperature": request.temperature, "topP": request.top_p}
    inference: dict[str, Any] = {name: value for name, value in wanted.items() if value is not None}
    if request.stop:
        inference["stopSequences"] = list(request.stop)
    return inference


def _tools(request: TextRequest, messages: list[dict[str, Any]], *, thinks: bool) -> dict[str, Any]:
    tools, choice = list(request.tools), request.tool_choice
    if isinstance(request, ObjectRequest) and asks_by_tool(request):
        tools.append(Tool(name=request.schema_name, description=_ANSWER_TOOL, parameters=_sent(request).schema))
        forced = not thinks and request.spec.options.get("structured_output") != "offered_tool"
        choice = "auto" if not forced else "required" if request.tools else request.schema_name
    if not tools:
        earlier = [{"toolSpec": _tool(tool)} for tool in _called_before(messages)]
        return {"tools": earlier} if earlier else {}
    if choice == "none":
        if has_tool_blocks(messages):
            msg = "Bedrock cannot forbid tools in a conversation that has called some: leave tool_choice out"
            raise UnsupportedInputError(msg)
        return {}
    config: dict[str, Any] = {"tools": [{"toolSpec": _tool(tool)} for tool in tools]}
    if choice is not None:
        config["toolChoice"] = {"auto": {"auto": {}}, "required": {"any": {}}}.get(choice) or {"tool": {"name": choice}}
    return config


def _called_before(messages: list[dict[str, Any]]) -> list[Tool]:
    """The tools of a conversation that offers none any more: Converse refuses calls and results without a `toolConfig`.

    https://github.com/langchain-ai/langchain-aws, chat_models/bedrock_converse.py
    """
    called = [block["toolUse"]["name"] for message in messages for block in message["content"] if "toolUse" in block]
    return [Tool(name=name, description=_NO_LONGER, parameters={"type": "object"}) for name in dict.fromkeys(called)]


def _set_cache_points(sent: dict[str, Any], where: Iterable[str], ttl: str | None) -> None:
    """Ask for what precedes them to be cached: https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html."""
    last = sent["messages"][-1:]
    ends = {
        "system": sent.get("system"),
        "tools": sent["toolConfig"]["tools"] if "toolConfig" in sent else None,
        "messages": last[0]["content"] if last and last[0]["role"] == "user" else None,
    }
    for name in where:
        if name not in ends:
            msg = f"a cache point follows system, tools or messages, not {name!r}"
            raise UnsupportedInputError(msg)
        end = ends[name]
        if end is not None:
            end.append({"cachePoint": {"type": "default", "ttl": ttl}} if ttl == "1h" else _CACHE_POINT)


def _tool(tool: Tool) -> dict[str, Any]:
    spec: dict[str, Any] = {"name": tool.name, "inputSchema": {"json": dict(adapt(tool.parameters, TOOL).schema)}}
    if tool.description:
        spec["description"] = tool.description
    return spec


def _output(request: TextRequest, effort: str | None) -> dict[str, Any]:
    output: dict[str, Any] = {}
    if isinstance(request, ObjectRequest) and not asks_by_tool(request):
        schema = {"name": request.schema_name, "schema": json.dumps(_sent(request).schema, ensure_ascii=False)}
        output["textFormat"] = {"type": "json_schema", "structure": {"jsonSchema": schema}}
    if effort is not None:
        output["effort"] = effort
    return output


def _guardrail(guardrail: Mapping[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(guardrail) - set(_GUARDRAIL))
    if unknown or not {"identifier", "version"} <= set(guardrail):
        msg = f"a guardrail has identifier, version and trace, not {', '.join(guardrail)}"
        raise UnsupportedInputError(msg)
    return {_GUARDRAIL[name]: str(value) for name, value in guardrail.items()}
