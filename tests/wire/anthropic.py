"""Recorded exchanges of Anthropic's Messages API, direct and through Vertex, as requests of ours."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from attrs import asdict, evolve

import pipelex_backend_vertexai
from pipelex_backend_anthropic import pipelex_backends
from pipelex_core.parts import (
    DocumentPart,
    ImagePart,
    Media,
    Message,
    ProviderPart,
    TextPart,
    Tool,
    ToolCall,
    ToolResult,
)
from pipelex_core.requests import ObjectRequest, TextRequest
from pipelex_core.specs import BackendConfig, ModelSpec, Secret
from tests.wire.harness import Expected, Record, default_expected, no_capability

if TYPE_CHECKING:
    from pipelex_core.backend import Backend
    from pipelex_core.parts import Part

STEMS = ("anthropic__messages", "vertex__anthropic")
WEB_SEARCH = "web_search_20250305"


class MessagesAdapter:
    """The Messages API through the sdk `anthropic`; on Vertex AI with the same bodies under other addresses."""

    def __init__(self) -> None:
        self.stems: tuple[str, ...] = STEMS
        self.replay_options: dict[str, Any] = {}
        self.skipped: dict[str, str] = {}

    def backend(self, record: Record, url: str) -> Backend:
        """The backend `anthropic`, or Claude on Vertex AI where that was recorded."""
        parts = record["request"]["path"].split("/") if record["request"].get("path") else []
        if record["provider"] == "vertex" and "projects" in parts:
            place = {
                "gcp_project_id": parts[parts.index("projects") + 1],
                "gcp_location": parts[parts.index("locations") + 1],
            }
            config = BackendConfig(name="vertexai", endpoint=url, api_key=None, options=place)
            vertex: Backend = pipelex_backend_vertexai.pipelex_backends()["vertexai:anthropic"](config)
            return vertex
        config = BackendConfig(name="anthropic", endpoint=url, api_key=Secret("test-key-0123"))
        backend: Backend = pipelex_backends()["anthropic"](config)
        return backend

    def request(self, record: Record) -> TextRequest:
        """The recorded body in our terms: an object where one was asked for and the answer is not streamed."""
        body = body_of(record)
        request = text_request(record["model"], body)
        format_ = (body.get("output_config") or {}).get("format")
        if record["stream"]:
            return request  # objects are not streamed: the format is left out, a demanded tool stays one
        if format_:
            return as_object(request, "native", format_["schema"], "answer")
        if is_object_by_tool(body):
            tool = body["tools"][0]
            return as_object(evolve(request, tools=(), tool_choice=None), "tool", tool["input_schema"], tool["name"])
        return request

    def expected(self, record: Record) -> Expected:
        """Input with its cached tokens; of thinking the record says no more than that there is some."""
        expected, reported = default_expected(record), record["expect"]
        if expected.input_tokens is not None:
            cached = reported.get("cached_tokens", 0) + reported.get("cache_write_tokens", 0)
            expected = evolve(expected, input_tokens=expected.input_tokens + cached)
        if not isinstance(expected.reasoning, str):
            expected = evolve(expected, reasoning=None)
        if not record["stream"] and is_object_by_tool(body_of(record)) and expected.tool_calls:
            text = json.dumps(expected.tool_calls[0][1], ensure_ascii=False)
            reason = "stop" if expected.finish_reason == "tool_calls" else expected.finish_reason
            return evolve(expected, text=text, tool_calls=(), finish_reason=reason)
        return expected


def body_of(record: Record) -> dict[str, Any]:
    """The recorded body; errors that were quoted somewhere may have none."""
    body: dict[str, Any] = record["request"].get("body") or {}
    return body if "messages" in body else {"messages": [{"role": "user", "content": "Hi."}], **body}


def is_object_by_tool(body: dict[str, Any]) -> bool:
    """Whether a body demands its only tool, which is how objects are asked for without structured output."""
    return (body.get("tool_choice") or {}).get("type") == "tool" and len(body.get("tools") or ()) == 1


def as_object(request: TextRequest, how: str, schema: dict[str, Any], name: str) -> ObjectRequest:
    """A text request as one for an object."""
    spec = evolve(request.spec, options={**request.spec.options, "structured_output": how})
    fields = {**asdict(request, recurse=False), "spec": spec}
    return ObjectRequest(**fields, schema=schema, schema_name=name)


def text_request(model: str, body: dict[str, Any]) -> TextRequest:
    """The recorded body as a text request.

    Raises:
        NoCapabilityError: Such as built-in tools.
    """
    reasoning, options = read_reasoning(body)
    choice = body.get("tool_choice") or {}
    if {"container", "mcp_servers"} & body.keys():
        raise no_capability("remote tool servers and containers")
    return TextRequest(
        spec=ModelSpec(
            name="m",
            backend="anthropic",
            sdk="anthropic",
            model_id=model,
            options={**options, "prompt_caching": "cache_control" in json.dumps(body)},
        ),
        messages=tuple(read_message(message) for message in body["messages"]),
        system=plain_text(body.get("system")) or None,
        temperature=body.get("temperature"),
        top_p=body.get("top_p"),
        max_tokens=body.get("max_tokens"),
        stop=tuple(body.get("stop_sequences") or ()),
        tools=tuple(read_tool(tool) for tool in body.get("tools") or () if tool.get("type") != WEB_SEARCH),
        hosted_tools=("web_search",) if WEB_SEARCH in map(type_of, body.get("tools") or ()) else (),
        tool_choice={"any": "required", "tool": choice.get("name")}.get(choice.get("type", ""), choice.get("type")),
        **reasoning,
    )


def read_reasoning(body: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The reasoning settings of a body, and the options of a model that would send them so."""
    thinking = body.get("thinking") or {}
    effort = (body.get("output_config") or {}).get("effort")
    match thinking.get("type"):
        case "enabled":
            return {"reasoning_budget": thinking["budget_tokens"]}, {}
        case "adaptive":
            return {"reasoning_effort": effort or "high"}, {"thinking": "adaptive"}
        case None:
            return ({"reasoning_effort": effort}, {"thinking": "on"}) if effort else ({}, {})
        case off:
            return {"reasoning_effort": "none"}, {"thinking_off": off}


def type_of(tool: dict[str, Any]) -> str:
    """The type of a tool."""
    return str(tool.get("type", "custom"))


def read_tool(tool: dict[str, Any]) -> Tool:
    """A tool of the caller's own."""
    if type_of(tool) != "custom":
        raise no_capability(f"the hosted tool {type_of(tool)}: web_search is the only one")
    return Tool(name=tool["name"], description=tool.get("description") or "", parameters=tool["input_schema"])


def read_message(message: dict[str, Any]) -> Message:
    """One message in our terms."""
    if message["role"] == "system":
        raise no_capability("system prompts in the middle of a conversation")
    content = message["content"]
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    return Message(role=message["role"], parts=tuple(read_block(block, message["role"]) for block in blocks))


def read_block(block: dict[str, Any], role: str) -> Part:  # noqa: PLR0911 -- one a kind of block
    """One block in our terms; what only the provider understands, in the provider's."""
    match block["type"]:
        case "text":
            return TextPart(block["text"])
        case "image":
            return ImagePart(read_media(block["source"], "image/jpeg"))
        case "document":
            return DocumentPart(evolve(read_media(block["source"], "application/pdf"), name=block.get("title")))
        case "tool_use":
            return ToolCall(id=block["id"], name=block["name"], arguments=block["input"])
        case "tool_result" if not is_plain(block.get("content")):
            return ProviderPart(
                provider="anthropic", data=_trimmed(block)
            )  # a picture, say: in the provider's own form
        case "tool_result":
            content = plain_text(block.get("content"))
            return ToolResult(call_id=block["tool_use_id"], content=content, is_error=bool(block.get("is_error")))
        case kind if role == "assistant":
            return ProviderPart(provider="anthropic", data={**block, "type": kind})
        case kind:
            raise no_capability(f"{kind} blocks in prompts")


def read_media(source: dict[str, Any], media_type: str) -> Media:
    """The source of an image or document."""
    match source["type"]:
        case "base64":
            return Media(data=base64.b64decode(source["data"]), media_type=source["media_type"])
        case "text":
            return Media(data=source["data"].encode(), media_type=source["media_type"])
        case "url":
            return Media(url=source["url"], media_type=media_type)
        case kind:
            raise no_capability(f"sources of type {kind}: a document is bytes or a URL")


def is_plain(content: Any) -> bool:
    """Whether the content of a tool's result is text."""
    return not isinstance(content, list) or all(block["type"] == "text" for block in content)


def plain_text(content: Any) -> str:
    """Content as one text."""
    if content is None or isinstance(content, str):
        return content or ""
    if any(block["type"] != "text" for block in content):
        raise no_capability("anything but text in the result of a tool")
    return "\n\n".join(block["text"] for block in content)


# ── Comparing a request with the recorded one ─────────────────────────────────────────────────────────────────────

NOT_SENT = {
    "anthropic_version": "Vertex's own place for the version",
    "context_management": "no setting of ours: clears old tool results at the provider",
    "metadata": "no setting of ours: names the caller's user",
    "model": "compared apart: Vertex has it in the path",
    "output_format": "a beta's place of output_config.format, which the API itself refuses in the record",
    "service_tier": "no setting of ours",
    "betas": "no setting of ours: opts into features of the API",
    "cache_control": "prompt_caching marks places of its own",
    "inference_geo": "no setting of ours: where the model runs",
    "speed": "no setting of ours",
    "stream": "compared apart: some clients send false",
    "top_k": "no setting of ours",
}
"""What of a recorded body this plugin never sends, or what is compared in another way; with the reason."""

NOT_OF_BLOCKS = {
    "cache_control": "prompt_caching marks places of its own",
    "caller": "what answers say of a call besides; the API does not ask for it",
    "citations": "no setting of ours",
    "context": "no setting of ours: a note on a document",
    "defer_loading": "belongs to the built-in tool search",
    "disable_parallel_tool_use": "sent where an object is asked for, and nowhere else",
    "display": "how much of its thinking a model shows is left to its default",
    "eager_input_streaming": "no setting of ours",
    "allowed_callers": "belongs to the built-in execution of code",
    "input_examples": "no setting of ours",
    "strict": "no setting of ours: tool arguments are not constrained",
}
"""What of a block, tool or choice is not compared; with the reason."""


def comparable(body: dict[str, Any], *, is_object: bool, is_streamed: bool) -> dict[str, Any]:
    """A body, recorded or sent, without what differs for a known reason."""
    made = {key: value for key, value in body.items() if key not in NOT_SENT and value not in (None, [], {})}
    made["system"] = plain_text(body.get("system"))
    made["messages"] = _messages(body["messages"])
    tools = [_trimmed(tool) for tool in body.get("tools") or ()]
    if is_object and is_object_by_tool(body):
        tools[0].pop("description", None)  # what the tool for an object says of itself is ours
    made["tools"] = [
        {key: value for key, value in tool.items() if (key, value) != ("description", "")} for tool in tools
    ]
    made["tool_choice"] = _trimmed(body.get("tool_choice") or {})
    thinking = _trimmed(body.get("thinking") or {})
    made["thinking"] = {} if thinking.get("type") == "disabled" else thinking  # off is what leaving it out means
    config = dict(body.get("output_config") or {})
    if is_streamed:
        config.pop("format", None)  # objects are not streamed
    if thinking.get("type") in {"enabled", "disabled"} or config.get("effort") == "high":
        config.pop("effort", None)  # one reasoning setting is sent, not two; and high is the API's default
    made["output_config"] = config
    return made


def _messages(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Contents as blocks, neighbours of one role joined, results as text."""
    made: list[dict[str, Any]] = []
    for message in messages:
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        blocks = [_block(block) for block in blocks if block.get("text") != ""]
        if made and made[-1]["role"] == message["role"]:
            made[-1]["content"] += blocks
        elif blocks:
            made.append({"role": message["role"], "content": blocks})
    return made


def _block(block: dict[str, Any]) -> dict[str, Any]:
    made = _trimmed(block)
    if made["type"] == "tool_result" and is_plain(made.get("content")):
        made = {"type": "tool_result", "tool_use_id": made["tool_use_id"], "content": plain_text(made.get("content"))}
        return {**made, "is_error": True} if block.get("is_error") else made
    if made["type"] == "document" and made.get("title") is None:
        made.pop("title", None)
    return made


def _trimmed(table: dict[str, Any]) -> dict[str, Any]:
    return {
        key: value for key, value in table.items() if key not in NOT_OF_BLOCKS and (key, value) != ("type", "custom")
    }
