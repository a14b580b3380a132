"""A request as the body of `POST /v1/messages`: https://platform.claude.com/docs/en/api/messages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pipelex_backend_anthropic._dialects import STRUCTURED, TOOL
from pipelex_backend_anthropic._messages import api_messages, mark_for_caching
from pipelex_backend_anthropic._thinking import fit_budget, reasoning_of
from pipelex_core.dialects import adapt
from pipelex_core.errors import UnsupportedInputError
from pipelex_core.requests import ObjectRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_backend_anthropic._thinking import Reasoning
    from pipelex_core.parts import Tool
    from pipelex_core.requests import TextRequest
    from pipelex_core.specs import ModelSpec

Body = dict[str, Any]

DEFAULT_MAX_TOKENS = 32_000
"""Asked for where a request names no `max_tokens` and the model has as many: the API wants a number."""

UNKNOWN_MAX_TOKENS = 4096
"""Asked for where the spec does not say how many the model has: every Claude model has these."""

_CLAUDE_4 = re.compile(r"claude-(?:(?:opus|sonnet|haiku)-)?4(?![0-9])")
_WEB_SEARCH = {"type": "web_search_20250305", "name": "web_search"}
"""https://platform.claude.com/docs/en/agents-and-tools/tool-use/web-search-tool: the version that every model has."""

_COUNTED = frozenset({"messages", "model", "output_config", "system", "thinking", "tool_choice", "tools"})
_TOOL_CHOICES = {"auto": "auto", "none": "none", "required": "any"}


def message_body(request: TextRequest, options: Mapping[str, Any]) -> Body:
    """The body of a call.

    Args:
        request: What to ask.
        options: The backend's options.

    Raises:
        UnsupportedInputError: A setting or medium that the model, or the API beside another setting, would refuse.
    """
    spec = request.spec
    reasoning = reasoning_of(request)
    body: Body = {
        "model": spec.model_id,
        "max_tokens": _max_tokens(request, reasoning, options.get("claude_4_tokens_limit")),
        "messages": api_messages(
            request.messages,
            spec.model_id,
            takes_prefill=spec.options.get("prefill", True) and not reasoning.is_on,
        ),
    }
    if request.system:
        body["system"] = request.system
    if request.stop:
        body["stop_sequences"] = list(request.stop)
    if reasoning.budget is not None:
        body["thinking"] = fit_budget(reasoning, body["max_tokens"])
    elif reasoning.thinking is not None:
        body["thinking"] = reasoning.thinking
    if reasoning.effort is not None:
        body["output_config"] = {"effort": reasoning.effort}
    _add_sampling(body, request, reasoning)
    _add_tools(body, request, reasoning)
    if request.hosted_tools:
        body["tools"] = [*body.get("tools", ()), dict(_WEB_SEARCH)]
    if isinstance(request, ObjectRequest):
        _add_schema(body, request, reasoning)
    if request.cache or spec.options.get("prompt_caching", options.get("prompt_caching", False)):
        mark_for_caching(body, request.cache)
    return body


def counted_body(request: TextRequest, options: Mapping[str, Any]) -> Body:
    """The body of `POST /v1/messages/count_tokens`: what has tokens, without what says how to answer.

    https://platform.claude.com/docs/en/api/messages-count-tokens
    """
    return {name: value for name, value in message_body(request, options).items() if name in _COUNTED}


def other_tools(body: Body, request: ObjectRequest) -> frozenset[str]:
    """The names of the tools in a body that the object is not asked for by."""
    by_tool = "format" not in body.get("output_config", {})
    return frozenset(
        tool["name"] for tool in body.get("tools", ()) if not by_tool or tool["name"] != request.schema_name
    )


def _max_tokens(request: TextRequest, reasoning: Reasoning, claude_4_limit: int | None) -> int:
    spec = request.spec
    wanted = request.max_tokens
    if wanted is None:
        wanted = min(DEFAULT_MAX_TOKENS, spec.max_tokens or UNKNOWN_MAX_TOKENS)
        if reasoning.budget is not None:  # thinking counts too: leave as much for the answer
            wanted += reasoning.budget
            wanted = min(wanted, spec.max_tokens or wanted)
    if claude_4_limit is not None and _CLAUDE_4.search(spec.model_id):
        return min(wanted, claude_4_limit)
    return wanted


def _add_sampling(body: Body, request: TextRequest, reasoning: Reasoning) -> None:
    if request.seed is not None:
        msg = "Anthropic's API takes no seed: give the model's spec the constraint no_seed"
        raise UnsupportedInputError(msg)
    if request.temperature is not None:
        if reasoning.is_on and request.temperature != 1:
            msg = f"a model that reasons takes no temperature but 1, not {request.temperature:g}: leave one of them out"
            raise UnsupportedInputError(msg)
        body["temperature"] = request.temperature
    if request.top_p is not None:
        if reasoning.is_on and request.top_p < 0.95:
            msg = f"a model that reasons takes no top_p below 0.95, not {request.top_p:g}: leave one of them out"
            raise UnsupportedInputError(msg)
        body["top_p"] = request.top_p


def _add_tools(body: Body, request: TextRequest, reasoning: Reasoning) -> None:
    if not request.tools:
        return
    body["tools"] = [_tool(tool) for tool in request.tools]
    choice = request.tool_choice
    if choice is None:
        return
    if choice not in {"auto", "none"} and not _may_force(request.spec, reasoning):
        why = "while it reasons" if request.spec.options.get("forced_tools", True) else "at all"
        msg = f"model '{request.spec.name}' takes no tool_choice that demands a tool {why}, such as {choice!r}"
        raise UnsupportedInputError(msg)
    kind = _TOOL_CHOICES.get(choice)
    body["tool_choice"] = {"type": kind} if kind else {"type": "tool", "name": choice}


def _add_schema(body: Body, request: ObjectRequest, reasoning: Reasoning) -> None:
    """Ask for an object: by structured output where the model has it and it can express the schema, else by a tool."""
    dialects = (TOOL,) if request.spec.options.get("structured_output") == "tool" else (STRUCTURED, TOOL)
    sent = adapt(request.schema, *dialects)
    if sent.dialect is STRUCTURED:
        body.setdefault("output_config", {})["format"] = {"type": "json_schema", "schema": sent.schema}
        return
    answer = {
        "name": request.schema_name,
        "description": "Give the answer with this tool, and in no other way.",
        "input_schema": sent.schema,
    }
    body["tools"] = [*(tool for tool in body.get("tools", ()) if tool["name"] != request.schema_name), answer]
    if not _may_force(request.spec, reasoning):
        choice: Body = {"type": "auto"}
    elif request.tools:
        choice = {"type": "any"}
    else:
        choice = {"type": "tool", "name": request.schema_name}
    body["tool_choice"] = choice if request.tools else {**choice, "disable_parallel_tool_use": True}


def _may_force(spec: ModelSpec, reasoning: Reasoning) -> bool:
    return bool(spec.options.get("forced_tools", True)) and not reasoning.is_on


def _tool(tool: Tool) -> dict[str, Any]:
    made: dict[str, Any] = {"name": tool.name, "input_schema": adapt(tool.parameters, TOOL).schema}
    return {**made, "description": tool.description} if tool.description else made
