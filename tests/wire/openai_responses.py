"""Recorded responses of the Responses API, and their requests in terms of ours."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from attrs import evolve

from pipelex_backend_openai._responses import ENCRYPTED_REASONING, has_content
from pipelex_core import errors
from pipelex_core.parts import DocumentPart, ImagePart, Message, ProviderPart, TextPart, Tool, ToolCall, ToolResult
from pipelex_core.requests import ObjectRequest, TextRequest
from pipelex_core.specs import BackendConfig, ModelSpec, Secret
from tests.wire.harness import Expected, Record, default_expected, no_capability
from tests.wire.openai_chat import MODES, fields_of, make, media
from tests.wire.openai_requests import UNSENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelex_core.backend import Backend
    from pipelex_core.parts import Part, Role

STEMS = (
    "openai__responses",
    "azure_openai__responses",
    "xai__responses",
    "deepseek__responses",
    "openrouter__responses",
)

BEFORE_TEXT = ("reasoning", "web_search_call")
"""Items of one answer with the text that comes after them."""

SKIPPED = {
    "image_gen": "image generation as a built-in tool of a text model is not a capability of this project",
}


class ResponsesAdapter:
    """The Responses API through the sdks `openai_responses` and `azure_openai_responses`."""

    def __init__(self) -> None:
        self.stems: tuple[str, ...] = STEMS
        self.skipped = SKIPPED
        self.replay_options: dict[str, Any] = {}

    def backend(self, record: Record, url: str) -> Backend:
        """The backend that the record's provider would be in backends.toml."""
        name = record["provider"]
        endpoint = url + record["request"]["path"].removesuffix("/responses")
        config = BackendConfig(name=name, endpoint=endpoint, api_key=Secret("test-key-0123"))
        return make("azure_openai_responses" if name == "azure_openai" else "openai_responses", config)

    def request(self, record: Record) -> TextRequest:
        """The recorded body in our terms: an object where one was asked for and the answer is not streamed."""
        body = record["request"].get("body") or {}
        if body.get("prompt") and not body.get("input"):
            raise no_capability("prompts that lie at the provider")
        request = text_request(record, body)
        format_ = (body.get("text") or {}).get("format") or {"type": "text"}
        if format_["type"] == "text" or record["stream"]:
            return request
        if format_["type"] not in MODES:
            raise no_capability(f"answers in the form of a {format_['type']}")
        spec = evolve(request.spec, options={**request.spec.options, "structured_output": MODES[format_["type"]]})
        return ObjectRequest(
            **{**fields_of(request), "spec": spec},
            schema=format_.get("schema", {"type": "object"}),
            schema_name=format_.get("name", "answer"),
        )

    def expected(self, record: Record) -> Expected:
        """As recorded; a model that is not found may be told by the 400 or by its code."""
        expected = evolve(default_expected(record), reasoning=None)
        if "not_found is also right" in str(record["expect"].get("note")):
            return evolve(expected, error=(errors.NotFoundError,))
        return expected


def text_request(record: Record, body: dict[str, Any]) -> TextRequest:
    """The recorded body as a text request, whatever it asks for besides."""
    items = body.get("input") or ""
    items = [{"role": "user", "content": items}] if isinstance(items, str) else list(items)
    system = [body["instructions"]] if body.get("instructions") else []
    while items and items[0].get("role") in ("system", "developer"):
        system.append("".join(part.text for part in content(items.pop(0)["content"]) if isinstance(part, TextPart)))
    reasoning = body.get("reasoning") or {}
    choice = body.get("tool_choice")
    options: dict[str, Any] = {"encrypted_reasoning": ENCRYPTED_REASONING in (body.get("include") or ())}
    if reasoning.get("summary"):
        options["reasoning_summary"] = reasoning["summary"]
    kinds = [tool["type"] for tool in body.get("tools") or ()]
    hosted = [kind for kind in kinds if kind != "function"]
    if set(hosted) - {"web_search"}:
        raise no_capability(f"the hosted tool {hosted[0]}: web_search is the only one")
    if hosted and record["provider"] == "deepseek":
        options["web_search"] = True  # what the option is for: an endpoint that is not known to have it
    return TextRequest(
        spec=ModelSpec(
            name="m",
            backend=record["provider"],
            sdk="openai_responses",
            model_id=body.get("model") or "",
            options=options,
        ),
        messages=tuple(messages(items, record["provider"])),
        system="\n\n".join(system) if system else None,
        temperature=body.get("temperature"),
        max_tokens=body.get("max_output_tokens"),
        top_p=body.get("top_p"),
        reasoning_effort=reasoning.get("effort"),
        tools=tuple(
            Tool(
                name=tool["name"],
                description=tool.get("description") or "",
                parameters=tool.get("parameters") or {"type": "object", "properties": {}},
            )
            for tool in body.get("tools") or ()
            if tool["type"] == "function"
        ),
        hosted_tools=("web_search",) if hosted else (),
        tool_choice=named_choice(choice) if isinstance(choice, dict) else choice,
    )


def named_choice(choice: dict[str, Any]) -> str:
    """The name of a function that has to be called."""
    if choice.get("type") != "function":
        raise no_capability(f"a choice of tools of type {choice.get('type')}")
    return str(choice["name"])


def messages(items: list[dict[str, Any]], provider: str) -> Iterator[Message]:
    """The messages of the input: what the model gave is one message, up to what it got next."""
    turn: list[dict[str, Any]] = []
    for item in [*items, None]:
        if item is not None and is_the_models(item):
            if item.get("role") == "assistant" and any(before.get("type") not in BEFORE_TEXT for before in turn):
                yield assistant(turn, provider)
                turn = []
            turn.append(item)
            continue
        if turn:
            yield assistant(turn, provider)
            turn = []
        if item is None:
            break
        if item.get("type") == "function_call_output":
            yield Message(role="tool", parts=(ToolResult(call_id=item["call_id"], content=output(item["output"])),))
        elif "role" not in item:
            raise no_capability(f"items of type {item.get('type')}")
        else:
            role: Role = "system" if item["role"] == "developer" else item["role"]
            yield Message(role=role, parts=tuple(content(item["content"])))


def output(recorded: Any) -> str:
    """What a tool gave back, as text."""
    if isinstance(recorded, str):
        return recorded
    if any(part["type"] not in ("input_text", "output_text") for part in recorded):
        raise no_capability("anything but text in the result of a tool")
    return "".join(part["text"] for part in recorded)


def is_the_models(item: dict[str, Any]) -> bool:
    """Whether an item is something that a model gave."""
    return item.get("role") == "assistant" or item.get("type") not in (None, "message", "function_call_output")


def assistant(turn: list[dict[str, Any]], provider: str) -> Message:
    """What the model gave as one message; its own items go along where there is reasoning among them."""
    parts: list[Part] = []
    if any(item.get("type") == "reasoning" for item in turn):
        parts.append(ProviderPart(provider=f"{provider}/responses", data={"output": tuple(turn)}))
    for item in turn:
        if item.get("role") == "assistant":
            parts += content(item["content"])
        elif item["type"] == "function_call":
            arguments = json.loads(item["arguments"] or "{}")
            parts.append(ToolCall(id=item["call_id"], name=item["name"], arguments=arguments))
    return Message(role="assistant", parts=tuple(parts))


def content(recorded: Any) -> Iterator[Part]:
    """The parts of an item's content."""
    if isinstance(recorded, str):
        yield TextPart(recorded)
        return
    for part in recorded:
        kind = part["type"]
        if kind in ("input_text", "output_text", "text", "refusal"):
            yield TextPart(part["refusal" if kind == "refusal" else "text"])
        elif part.get("file_id"):
            raise no_capability("files that lie at the provider already")
        elif kind == "input_image":
            yield ImagePart(media(part["image_url"], "image/jpeg"))
        elif kind == "input_file":
            found = media(part.get("file_data") or part["file_url"], "application/pdf")
            yield DocumentPart(evolve(found, name=part.get("filename")))
        else:
            raise no_capability(f"parts of type {kind}")


# ── Requests side by side ─────────────────────────────────────────────────────────────────────────────────────────

UNSENT_HERE: dict[str, str] = {
    **UNSENT,
    "prompt_cache_key": "cache keys are no capability",
    "prompt": "prompts kept at the provider are no capability",
    "previous_response_id": "nothing is stored at the provider",
    "context_management": "compaction at the provider is not a capability",
    "max_tool_calls": "counts built-in tools, which are no capability",
    "conversation": "nothing is stored at the provider",
    "background": "nothing is stored at the provider",
    "truncation": "an input that is too long is an error",
}
"""Keys of a body that this project does not send, and why."""


def comparable_response(body: dict[str, Any]) -> dict[str, Any]:
    """The body in a form in which equal requests are equal."""
    found = {key: value for key, value in body.items() if key not in UNSENT_HERE and value not in (None, [])}
    found.pop("stream", None)
    found["include"] = [
        name for name in body.get("include") or () if name == ENCRYPTED_REASONING
    ]  # others are of tools
    found["tools"] = [
        (tool["name"], tool.get("description") or "", tool.get("parameters") or {"type": "object", "properties": {}})
        for tool in body.get("tools") or ()
        if tool["type"] == "function"
    ]
    if "reasoning" in found:
        found["reasoning"] = {key: found["reasoning"].get(key) for key in ("effort", "summary")}
        if not any(found["reasoning"].values()):
            del found["reasoning"]
    format_ = (found.pop("text", None) or {}).get("format") or {}
    found["format"] = (format_.get("type"), format_.get("name"), format_.get("schema"))
    items = body.get("input") or []
    items = [{"role": "user", "content": items}] if isinstance(items, str) else items
    found["input"], systems = [], [found.pop("instructions", "")]
    for item in items:
        if item.get("role") in ("system", "developer") and not found["input"]:
            systems.append("".join(part["text"] for part in parts(item["content"])))
        elif item.get("type") != "reasoning" or has_content(item):  # a bare one is known by its id, to who stores it
            found["input"].append(comparable_item(item))
    found["system"] = "\n\n".join(text for text in systems if text)
    return found


def comparable_item(item: dict[str, Any]) -> dict[str, Any]:
    """An item without the ids and states that a provider that stores nothing does not need."""
    kept = {key: value for key, value in item.items() if key not in ("id", "status", "namespace", "phase")}
    if "content" in kept and kept.get("type", "message") == "message":
        kept.pop("type", None)
        kept["content"] = parts(kept["content"])
    if "output" in kept:
        kept["output"] = output(kept["output"])
    if "arguments" in kept:
        kept["arguments"] = json.loads(kept["arguments"] or "{}")
    return kept


def parts(found: Any) -> list[dict[str, Any]]:
    """Content in one form; what only an answer has (annotations, log probabilities) is left out."""
    if isinstance(found, str):
        return [{"type": "text", "text": found}]
    kept = [{key: value for key, value in part.items() if key not in ("annotations", "logprobs")} for part in found]
    return [{**part, "type": re.sub("^(in|out)put_text$", "text", part["type"])} for part in kept]
