"""A recorded request beside the one the plugin sent: what may differ, and why, is all in here."""

from __future__ import annotations

import json
from typing import Any

UNSENT: dict[str, str] = {
    "n": "one answer a call is the default, and a stream is one answer",
    "user": "no end users",
    "name": "no named speakers",
    "store": "stored answers are no capability",
    "metadata": "as store",
    "service_tier": "service tiers are no capability",
    "logprobs": "compared where it is true: an explicit false is the default",
    "top_logprobs": "as logprobs",
    "parallel_tool_calls": "always allowed",
    "web_search_options": "built-in tools are no capability",
    "moderation": "an option of one provider",
    "provider": "OpenRouter's choice of providers is not a capability",
    "usage": "OpenRouter's accounting; the tokens come anyway",
    "reasoning_format": "Groq's; read in every form",
    "stream_options": "always sent, so that there is usage; many recorded clients did without",
    "cache_control": "explicit cache points are no capability",
    "images": "Ollama's own field",
    "annotations": "an answer's field, given back by the recorded client for nothing",
    "refusal": "as annotations",
    "reasoning": "as annotations",
    "provider_metadata": "as annotations",
    **dict.fromkeys(
        ("frequency_penalty", "presence_penalty", "repetition_penalty", "logit_bias", "top_k", "min_p", "top_a"),
        "ways of sampling that few providers share are no settings",
    ),
    **dict.fromkeys(
        (
            "search_parameters",
            "search_mode",
            "search_domain_filter",
            "search_recency_filter",
            "search_context_size",
            "disable_search",
            "return_images",
            "return_related_questions",
            "return_citations",
            "citation_options",
        ),
        "as web_search_options",
    ),
    **dict.fromkeys(
        ("models", "route", "transforms", "plugins", "session_id", "trace", "include_reasoning"),
        "OpenRouter's own",
    ),
    **dict.fromkeys(("options", "keep_alive", "think", "format"), "as images"),
    **dict.fromkeys(
        ("thinking", "enable_thinking", "chat_template_kwargs", "extra_body"), "one endpoint's own word for reasoning"
    ),
    **dict.fromkeys(("prompt_cache_key", "prompt_cache_retention"), "explicit caches are no capability"),
    "safety_identifier": "as user",
    "modalities": "text, which is the default",
    "prediction": "predicted outputs are no capability",
    "verbosity": "no setting of this project",
}
"""Keys of a body, a message or a tool that this project does not send, and why."""

TOLD = "Answer with nothing but a JSON object"


def comparable_chat(body: dict[str, Any], returned: tuple[str, ...]) -> dict[str, Any]:
    """The body in a form in which equal requests are equal."""
    found = {key: value for key, value in body.items() if key not in UNSENT and not _says_nothing(value)}
    found["max_tokens"] = found.pop("max_completion_tokens", None) or found.get("max_tokens")  # one setting, two names
    if isinstance(found.get("reasoning"), dict):  # whether it is shown is left to the endpoint
        wanted = {key: found["reasoning"].get(key) for key in ("effort", "max_tokens")}
        found["reasoning"] = {key: value for key, value in wanted.items() if value is not None}
        if not found["reasoning"]:
            del found["reasoning"]
    if isinstance(found.get("stop"), str):
        found["stop"] = [found["stop"]]
    found["messages"] = _messages(body.get("messages") or [], returned)
    found["tools"] = [_tool(tool) for tool in body.get("tools") or () if "function" in tool]
    found["response_format"] = _format(body.get("response_format"))
    return found


def without_reported_schema(sent: dict[str, Any]) -> dict[str, Any]:
    """A body without the schema that JSON mode needs in its prompt; the recorded clients wrote their own, or none."""
    if sent.get("response_format") != {"type": "json_object"}:
        return sent
    system, *others = sent["messages"]
    prompt, reported, _ = system["content"].rpartition(TOLD)
    assert reported, "JSON mode must tell the schema"
    prompt = prompt.rstrip()
    return {**sent, "messages": [{**system, "content": prompt}, *others] if prompt else others}


def _says_nothing(value: Any) -> bool:
    return value is None or value is False or value == []


def _messages(messages: list[dict[str, Any]], returned: tuple[str, ...]) -> list[dict[str, Any]]:
    """The messages; the system's first ones are one, because a request of ours has one system prompt."""
    result: list[dict[str, Any]] = []
    for message in messages:
        wanted = (*_MESSAGE_KEYS, *returned) if message.get("tool_calls") else _MESSAGE_KEYS
        kept = {key: value for key, value in message.items() if key in wanted and value}
        kept["role"] = "system" if message["role"] == "developer" else message["role"]
        kept["content"] = _content(message.get("content"))
        if "tool_calls" in kept:
            kept["tool_calls"] = [_call(call) for call in kept["tool_calls"]]
        if kept["role"] == "system" and result and all(before["role"] == "system" for before in result):
            result[-1]["content"] = [*result[-1]["content"], {"type": "text", "text": "\n\n"}, *kept["content"]]
            result[-1]["content"] = _content("".join(part["text"] for part in result[-1]["content"]))
        else:
            result.append(kept)
    return result


_MESSAGE_KEYS = ("role", "content", "tool_calls", "tool_call_id")


def _content(content: Any) -> list[dict[str, Any]]:
    """Text and parts in one form; parts lose fields that say nothing."""
    if not content:
        return []
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [_part(part) for part in content]


def _part(part: dict[str, Any]) -> dict[str, Any]:
    kept = {"type": part["type"], part["type"]: part[part["type"]]}
    if part["type"] == "image_url":
        address = part["image_url"]  # some write it alone, and the detail is the provider's choice
        kept["image_url"] = {"url": address if isinstance(address, str) else address["url"]}
    return kept


def _call(call: dict[str, Any]) -> dict[str, Any]:
    function = call["function"]
    arguments = json.loads(function["arguments"] or "{}")
    return {**call, "type": "function", "function": {"name": function["name"], "arguments": arguments}}


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    """A function; whether its schema is strict is not a setting of a tool here, and no description is an empty one."""
    function = tool["function"]
    return {
        "name": function["name"],
        "description": function.get("description") or "",
        "parameters": function.get("parameters") or {"type": "object", "properties": {}},
    }


def _format(format_: dict[str, Any] | None) -> Any:
    if not format_ or format_["type"] != "json_schema":
        return format_
    native = format_["json_schema"]
    return {"name": native.get("name", "answer"), "schema": native.get("schema", {"type": "object"})}
