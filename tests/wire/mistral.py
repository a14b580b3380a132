"""How a record of Mistral's traffic becomes a request of ours, and how the request we send is compared with it."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from attrs import evolve

from pipelex_backend_mistral import pipelex_backends
from pipelex_core.parts import (
    AudioPart,
    DocumentPart,
    ImagePart,
    Media,
    Message,
    Part,
    ProviderPart,
    TextPart,
    Tool,
    ToolCall,
    ToolResult,
)
from pipelex_core.requests import ExtractRequest, ObjectRequest, Request, TextRequest
from pipelex_core.specs import BackendConfig, ModelSpec, ModelType, Secret
from tests.wire.harness import Expected, Record, default_expected, no_capability

if TYPE_CHECKING:
    from pipelex_core.backend import Backend

SKIPPED = {
    "builtin_tools": "no built-in tools in this project",
    "builtin_tool": "no built-in tools in this project",
    "logprobs": "no log probabilities in this project",
    "n_choices": "one answer per request in this project",
    "video_input": "no video input in this project",
}

DEFAULTS = {"n": 1, "prefix": False}
"""What recorders send and we leave out: Mistral's own defaults."""

NOT_OURS = {
    "safe_prompt": "no choice of Mistral's own system prompt",
    "presence_penalty": "no penalties",
    "frequency_penalty": "no penalties",
    "prediction": "no predicted outputs",
    "guardrails": "no guardrails of the provider",
    "service_tier": "no tiers",
    "bbox_annotation_format": "no annotations of images",
    "document_annotation_format": "no annotations of documents",
    "document_annotation_prompt": "no annotations of documents",
    "confidence_scores_granularity": "no confidence scores",
    "extract_footer": "footers stay in the text",
    "extract_header": "headers stay in the text",
    "include_blocks": "no blocks",
    "pages": "a document is read whole",
    "table_format": "tables stay in the text",
    "document_name": "Mistral goes by the type",
    "metadata": "no metadata of requests",
    "parallel_tool_calls": "always allowed, which is the default",
    "prompt_cache_key": "caching is left to Mistral",
    "id": "batch calls' own name",
}
"""What this project has no setting for, each with what it does instead."""


class MistralAdapter:
    """Both formats, told apart by the record's `api`."""

    def __init__(self) -> None:
        self.stems: tuple[str, ...] = ("mistral__chat", "mistral__ocr")
        self.skipped = SKIPPED
        self.replay_options: dict[str, Any] = {}

    def backend(self, record: Record, url: str) -> Backend:
        config = BackendConfig(name="mistral", endpoint=url, api_key=Secret("wire-test-key"))
        made: Backend = pipelex_backends()["mistral"](config)
        return made

    def request(self, record: Record) -> Request:
        known = {"model": record["model"] or "a-model", **(record["request"].get("body") or {})}
        if record["api"] == "ocr":
            return _extract(
                {"document": {"type": "document_url", "document_url": "https://example.org/a.pdf"}, **known}
            )
        return _chat({"messages": [{"role": "user", "content": "Hi."}], **known})

    def expected(self, record: Record) -> Expected:
        # `thinking` only says that there was some: the test looks at it.
        return evolve(default_expected(record), reasoning=None)


def _extract(body: dict[str, Any]) -> ExtractRequest:
    spec = ModelSpec(
        name=body["model"],
        backend="mistral",
        sdk="mistral",
        model_id=body["model"],
        model_type=ModelType.TEXT_EXTRACTOR,
    )
    document = body["document"]
    kind = document["type"]
    if kind == "file":
        raise no_capability("files that lie at the provider already")
    limit = body.get("image_limit")
    return ExtractRequest(
        spec=spec,
        document=_media(_url(document[kind]), "image/png" if kind == "image_url" else "application/pdf"),
        max_nb_images=limit if body.get("include_image_base64") else 0,
        image_min_size=body.get("image_min_size"),
    )


def _chat(body: dict[str, Any]) -> TextRequest:
    sent = list(body["messages"])
    system = None
    if sent and sent[0]["role"] == "system":
        content = sent.pop(0)["content"]
        system = content if isinstance(content, str) else "".join(chunk["text"] for chunk in content)
    response_format = body.get("response_format") or {}
    options = {name: body[name] for name in ("prompt_mode",) if body.get(name)}
    if response_format.get("type") == "json_object":
        options["structured_output"] = "json_mode"
    spec = ModelSpec(name=body["model"], backend="mistral", sdk="mistral", model_id=body["model"], options=options)
    choice = body.get("tool_choice") if body.get("tools") else None
    stop = body.get("stop") or ()
    settings: dict[str, Any] = {
        "spec": spec,
        "messages": tuple(Message(role=message["role"], parts=_parts(message)) for message in sent),
        "system": system,
        "temperature": body.get("temperature"),
        "max_tokens": body.get("max_tokens"),
        "top_p": body.get("top_p"),
        "seed": body.get("random_seed"),
        "stop": (stop,) if isinstance(stop, str) else tuple(stop),
        "reasoning_effort": body.get("reasoning_effort"),
        "tools": tuple(_tool(tool) for tool in body.get("tools") or ()),
        "tool_choice": choice["function"]["name"] if isinstance(choice, dict) else _any_is_required(choice),
    }
    if response_format.get("type") in {"json_schema", "json_object"} and not body.get("stream"):
        requested = response_format.get("json_schema") or {"schema": {"type": "object"}, "name": "answer"}
        schema = requested.get("schema") or requested.get("schema_definition") or {"type": "object"}
        return ObjectRequest(schema=schema, schema_name=requested.get("name") or "answer", **settings)
    return TextRequest(**settings)


def _parts(message: dict[str, Any]) -> tuple[Part, ...]:
    content = message.get("content")
    if message["role"] == "tool":
        text = content if isinstance(content, str) else "".join(chunk["text"] for chunk in content or ())
        return (ToolResult(call_id=message["tool_call_id"], content=text, name=message.get("name")),)
    parts: list[Part] = [TextPart(content)] if isinstance(content, str) and content else []
    for chunk in content if isinstance(content, list) else ():
        match chunk["type"]:
            case "text":
                parts.append(TextPart(chunk["text"]))
            case "thinking":
                parts.append(ProviderPart(provider="mistral", data=chunk))
            case "image_url":
                parts.append(ImagePart(_media(_url(chunk["image_url"]), "image/png")))
            case "document_url":
                parts.append(DocumentPart(_media(_url(chunk["document_url"]), "application/pdf")))
            case "input_audio":
                parts.append(AudioPart(Media(data=base64.b64decode(_sound(chunk)), media_type="audio/wav")))
            case kind:
                raise no_capability(f"chunks of type {kind}")
    for call in message.get("tool_calls") or ():
        function = call["function"]
        parts.append(ToolCall(id=call["id"], name=function["name"], arguments=_json(function["arguments"])))
    return tuple(parts)


def _tool(tool: dict[str, Any]) -> Tool:
    if "function" not in tool:
        raise no_capability(f"tools of type {tool.get('type')}")
    function = tool["function"]
    parameters = function.get("parameters") or {"type": "object", "properties": {}}
    return Tool(name=function["name"], description=function.get("description") or "", parameters=parameters)


def _media(url: str, media_type: str) -> Media:
    if not url.startswith("data:"):
        return Media(url=url, media_type=media_type)
    head, _, data = url.partition(",")
    return Media(data=base64.b64decode(data), media_type=head.removeprefix("data:").partition(";")[0])


def _sound(chunk: dict[str, Any]) -> str:
    """Base64, alone as Mistral has it, or in an object as OpenAI does."""
    value = chunk["input_audio"]
    return str(value["data"] if isinstance(value, dict) else value)


def _url(value: Any) -> str:
    return str(value["url"] if isinstance(value, dict) else value)


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _any_is_required(choice: Any) -> Any:
    return "required" if choice == "any" else choice


# ── Comparing requests ────────────────────────────────────────────────────────────────────────────────────────────


def comparable(body: dict[str, Any]) -> dict[str, Any]:
    """A request with every tolerated difference taken out; each has its reason beside it."""
    kept = {
        name: value
        for name, value in body.items()
        if value is not None and DEFAULTS.get(name, ...) != value and name not in NOT_OURS
    }
    return _comparable_ocr(kept) if "document" in kept else _comparable_chat(kept)


def _comparable_ocr(kept: dict[str, Any]) -> dict[str, Any]:
    document = {name: value for name, value in kept["document"].items() if name not in NOT_OURS}
    kept["document"] = {name: _url(value) for name, value in document.items()}
    if not kept.get("include_image_base64"):  # false is the default, and no image needs no limit
        kept["include_image_base64"] = False
        kept.pop("image_limit", None)
    return kept


def _comparable_chat(kept: dict[str, Any]) -> dict[str, Any]:
    requested = (kept.get("response_format") or {}).get("type")
    if requested == "text" or kept.get("stream"):  # the default; and objects are not streamed in this project
        kept.pop("response_format", None)
    if requested == "json_object":  # everyone words the instruction in an own way
        kept["messages"] = [message for message in kept["messages"] if message["role"] != "system"]
    if not kept.get("stream"):  # false is the default
        kept.pop("stream", None)
    if not kept.get("tools"):  # a choice without tools is none
        kept.pop("tool_choice", None)
    if "tool_choice" in kept:  # the two words mean the same
        kept["tool_choice"] = _any_is_required(kept["tool_choice"])
    if isinstance(kept.get("stop"), str):
        kept["stop"] = [kept["stop"]]
    if "tools" in kept:  # `type` is "function" by default
        kept["tools"] = [{"type": "function", "function": _comparable_tool(tool)} for tool in kept["tools"]]
    ids: dict[str, str] = {}
    messages = [_comparable_message(message, ids) for message in kept["messages"]]
    # What stands between a tool's result and a user's message is not a part of the conversation.
    kept["messages"] = [message for message in messages if message != _BRIDGE]
    return kept


_BRIDGE = {"role": "assistant", "content": [{"type": "text", "text": "OK"}]}


def _comparable_tool(tool: dict[str, Any]) -> dict[str, Any]:
    return {"description": "", **{name: value for name, value in tool["function"].items() if value is not None}}


def _comparable_message(message: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    """Text alone is the same as one chunk of text, and no text the same as none; calls are counted, ids may differ."""
    content = message.get("content")
    chunks = [{"type": "text", "text": content}] if isinstance(content, str) else list(content or ())
    sent = {name: value for name, value in message.items() if DEFAULTS.get(name, ...) != value and value is not None}
    sent["content"] = [_comparable_chunk(chunk) for chunk in chunks if chunk.get("text") != ""]
    if message["role"] != "user":  # several chunks of text are one text to us
        text = "".join(chunk["text"] for chunk in chunks if chunk["type"] == "text")
        sent["content"] = [chunk for chunk in sent["content"] if chunk["type"] != "text"]
        sent["content"] += [{"type": "text", "text": text}] if text else []
    if "tool_calls" in sent:
        sent["tool_calls"] = [
            {
                "id": ids.setdefault(call["id"], f"call {len(ids)}"),
                "name": call["function"]["name"],
                "arguments": _json(call["function"]["arguments"]),
            }
            for call in message["tool_calls"]
        ]
    if "tool_call_id" in sent:
        sent["tool_call_id"] = ids.setdefault(sent["tool_call_id"], f"call {len(ids)}")
    return sent


def _comparable_chunk(chunk: dict[str, Any]) -> dict[str, Any]:
    if chunk["type"] == "image_url":  # a URL alone, or in an object
        return {"type": "image_url", "image_url": _url(chunk["image_url"])}
    if chunk["type"] == "input_audio":
        return {"type": "input_audio", "input_audio": _sound(chunk)}
    return {name: value for name, value in chunk.items() if name not in NOT_OURS}
