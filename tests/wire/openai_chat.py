"""Recorded chat completions, of OpenAI and of what is compatible, as requests of ours."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any

from attrs import evolve

from pipelex_backend_openai import pipelex_backends
from pipelex_core.parts import (
    AudioPart,
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
    from collections.abc import Iterator

    from pipelex_core.backend import Backend
    from pipelex_core.parts import Part, Role

STEMS = (
    "openai__chat",
    "groq__chat",
    "xai__chat",
    "openrouter__chat",
    "ollama__chat",
    "deepseek__chat",
    "perplexity__chat",
    "other_compat__chat",
    "azure_openai__chat",
    "azure_openai__chat_foundry",
    "gemini__openai_compat",
)

SKIPPED = {"audio_output": "an answer of sound is no capability: `speak` is"}

MODES = {"json_object": "json_mode", "json_schema": "json_schema"}

GIVEN_BACK = ("reasoning_content", "reasoning_details", "extra_content")
"""What some endpoints want back with an assistant's tool calls."""


class ChatAdapter:
    """Chat completions through the sdks `openai` and `azure_openai`."""

    def __init__(self) -> None:
        self.stems: tuple[str, ...] = STEMS
        self.skipped = SKIPPED
        self.replay_options: dict[str, Any] = {}

    def backend(self, record: Record, url: str) -> Backend:
        """The backend that the record's provider would be in backends.toml."""
        name = record["provider"]
        path = record["request"]["path"].removesuffix("/chat/completions")
        if name != "azure_openai":
            return make("openai", BackendConfig(name=name, endpoint=url + path, api_key=Secret("test-key-0123")))
        version = re.search(r"api-version=([^&]+)", str(record["request"].get("query") or ""))
        if version and path.startswith("/openai/deployments/"):
            path = ""
        config = BackendConfig(
            name=name,
            endpoint=url + path,
            api_key=Secret("test-key-0123"),
            options={"api_version": version[1]} if version else {},
        )
        return make("azure_openai", config)

    def request(self, record: Record) -> TextRequest:
        """The recorded body in our terms: an object where one was asked for and the answer is not streamed."""
        body = record["request"].get("body") or {}
        request = text_request(record, body)
        format_ = body.get("response_format")
        if not format_ or format_["type"] == "text" or record["stream"]:
            return request
        if format_["type"] not in MODES:
            raise no_capability(f"answers in the form of a {format_['type']}")
        native = format_.get("json_schema") or {}
        spec = evolve(request.spec, options={"structured_output": MODES[format_["type"]]})
        return ObjectRequest(
            **{**fields_of(request), "spec": spec},
            schema=native.get("schema", {"type": "object"}),
            schema_name=native.get("name", "answer"),
        )

    def expected(self, record: Record) -> Expected:
        """As recorded; xAI's output leaves reasoning out, and whether there is reasoning is all that is known of it."""
        expected = evolve(default_expected(record), reasoning=None)
        if record["provider"] == "xai" and expected.output_tokens is not None:
            return evolve(expected, output_tokens=expected.output_tokens + (expected.reasoning_tokens or 0))
        return expected


def make(sdk: str, config: BackendConfig) -> Backend:
    """A backend by the plugin's own factory."""
    factory = pipelex_backends()[sdk]
    backend: Backend = factory(config)
    return backend


def fields_of(request: TextRequest) -> dict[str, Any]:
    """The fields of a text request, for a request of another class."""
    from attrs import fields

    return {attribute.name: getattr(request, attribute.name) for attribute in fields(TextRequest)}


def text_request(record: Record, body: dict[str, Any]) -> TextRequest:
    """The recorded body as a text request, whatever it asks for besides."""
    messages = list(body.get("messages") or ())
    system = []
    while messages and messages[0]["role"] in ("system", "developer"):
        system.append(plain_text(messages.pop(0)["content"]))
    reasoning = body.get("reasoning") or {}
    choice = body.get("tool_choice")
    stop = body.get("stop") or ()
    return TextRequest(
        spec=ModelSpec(
            name="m",
            backend=record["provider"],
            sdk="openai",
            model_id=deployment(record) or body.get("model") or record["model"],
        ),
        messages=tuple(message(each, record["provider"]) for each in messages),
        system="\n\n".join(system) if system else None,
        temperature=body.get("temperature"),
        max_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
        top_p=body.get("top_p"),
        seed=body.get("seed"),
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        reasoning_effort=body.get("reasoning_effort") or reasoning.get("effort"),
        reasoning_budget=reasoning.get("max_tokens"),
        logprobs=(body.get("top_logprobs") or 0) if body.get("logprobs") is True else None,
        n=None if body.get("stream") else body.get("n"),
        tools=tuple(tools(body)),
        tool_choice=named_choice(choice) if isinstance(choice, dict) else choice,
    )


def named_choice(choice: dict[str, Any]) -> str:
    """The name of a function that has to be called."""
    if "function" not in choice:
        raise no_capability(f"a choice of tools of type {choice.get('type')}")
    return str(choice["function"]["name"])


def deployment(record: Record) -> str:
    """The deployment in an Azure path, or nothing."""
    found = re.search(r"/deployments/([^/]+)/", record["request"]["path"])
    return found[1] if found else ""


def tools(body: dict[str, Any]) -> Iterator[Tool]:
    """The functions among the tools; built-in ones are no capability of this project."""
    for tool in body.get("tools") or ():
        function = tool.get("function")
        if function:
            more = {"parameters": function["parameters"]} if "parameters" in function else {}
            yield Tool(name=function["name"], description=function.get("description") or "", **more)


def message(recorded: dict[str, Any], provider: str) -> Message:
    """One message in our terms."""
    role: Role = "system" if recorded["role"] == "developer" else recorded["role"]
    if recorded["role"] == "function" or recorded.get("function_call"):
        raise no_capability("functions as they were before tools")
    if role == "tool":
        result = ToolResult(call_id=recorded["tool_call_id"], content=plain_text(recorded["content"]))
        return Message(role="tool", parts=(result,))
    parts: list[Part] = list(content(recorded.get("content")))
    calls = recorded.get("tool_calls") or ()
    for call in calls:
        if "function" not in call:
            raise no_capability(f"tools of type {call.get('type')}")
        function = call["function"]
        parts.append(
            ToolCall(id=call["id"], name=function["name"], arguments=json.loads(function["arguments"] or "{}"))
        )
    data: dict[str, Any] = {}
    back = {name: recorded[name] for name in GIVEN_BACK if recorded.get(name)}
    by_call = {call["id"]: {name: call[name] for name in GIVEN_BACK if name in call} for call in calls}
    if back:
        data["message"] = back
    if any(by_call.values()):
        data["tool_calls"] = by_call
    if calls and data:
        parts.append(ProviderPart(provider=f"{provider}/chat", data=data))
    return Message(role=role, parts=tuple(parts))


def content(recorded: Any) -> Iterator[Part]:
    """The parts of a message's content."""
    if isinstance(recorded, str):
        yield TextPart(recorded)
        return
    for part in recorded or ():
        kind = part["type"]
        if kind in ("text", "refusal"):
            yield TextPart(part[kind])
        elif kind == "image_url":
            address = part["image_url"]
            yield ImagePart(media(address if isinstance(address, str) else address["url"], "image/jpeg"))
        elif kind == "file":
            file = part["file"]
            if "file_data" not in file:
                raise no_capability("files that lie at the provider already")
            yield DocumentPart(evolve(media(file["file_data"], "application/pdf"), name=file.get("filename")))
        elif kind == "input_audio":
            sound = part["input_audio"]
            kinds = {"wav": "audio/wav", "mp3": "audio/mpeg"}
            yield AudioPart(Media(data=base64.b64decode(sound["data"]), media_type=kinds[sound["format"]]))
        elif kind == "file_url":
            yield DocumentPart(media(part["file_url"]["url"], "application/pdf"))
        else:
            raise no_capability(f"parts of type {kind}")


def media(url: str, media_type: str) -> Media:
    """A data URL as bytes, any other as it is; Perplexity has bare base64."""
    if url.startswith("http"):
        return Media(url=url, media_type=media_type)
    if url.startswith("data:"):
        media_type = url[5:].split(";", maxsplit=1)[0]
        url = url.split(",", 1)[1]
    return Media(data=base64.b64decode(url), media_type=media_type)


def plain_text(recorded: Any) -> str:
    """Content as one text."""
    if isinstance(recorded, str):
        return recorded
    parts = recorded or ()
    if any(part.get("type") != "text" for part in parts):
        raise no_capability("anything but text in a system prompt, or in the result of a tool")
    return "".join(part["text"] for part in parts)
