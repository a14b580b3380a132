"""Recorded `generateContent` traffic of AI Studio and Vertex AI, as requests of ours."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import TYPE_CHECKING, Any

from attrs import asdict, evolve

import pipelex_backend_google
import pipelex_backend_vertexai
from pipelex_backend_google._dialects import GEMINI
from pipelex_core.dialects import adapt
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
from pipelex_core.requests import ImageRequest, ObjectRequest, TextRequest
from pipelex_core.specs import BackendConfig, ModelSpec, ModelType, Secret
from tests.wire.harness import Expected, Record, default_expected, no_capability

if TYPE_CHECKING:
    from pipelex_core.backend import Backend
    from pipelex_core.parts import Part, Role
    from pipelex_core.requests import Request

NO_CAPABILITY = {
    "video_input": "no capability for video",
}
"""Scenarios that this project cannot ask for, and why."""

CAMEL = {
    "function_call": "functionCall",
    "function_response": "functionResponse",
    "thought_signature": "thoughtSignature",
    "file_data": "fileData",
    "inline_data": "inlineData",
    "file_uri": "fileUri",
    "mime_type": "mimeType",
    "google_search": "googleSearch",
    "url_context": "urlContext",
    "include_thoughts": "includeThoughts",
    "thinking_budget": "thinkingBudget",
    "thinking_level": "thinkingLevel",
}
"""Some recorders wrote proto names; the API takes both."""


def camel(value: Any) -> Any:
    """The value with the API's usual spelling of its fields."""
    if isinstance(value, list):
        return [camel(item) for item in value]
    if isinstance(value, dict):
        return {CAMEL.get(name, name): camel(item) for name, item in value.items()}
    return value


class GoogleAdapter:
    """`generateContent` and `streamGenerateContent`."""

    def __init__(self) -> None:
        self.stems: tuple[str, ...] = ("gemini__generate_content", "vertex__generate_content")
        self.replay_options: dict[str, Any] = {}
        self.skipped: dict[str, str] = NO_CAPABILITY

    def backend(self, record: Record, url: str) -> Backend:
        vertex = record["provider"] == "vertex"
        parts = record["request"]["path"].split("/")
        options = {"api_version": parts[1]}
        if vertex:
            options = {
                "api_version": parts[1],
                "gcp_project_id": parts[parts.index("projects") + 1],
                "gcp_location": parts[parts.index("locations") + 1],
            }
        config = BackendConfig(
            name="vertexai" if vertex else "google",
            endpoint=url,
            api_key=None if vertex else Secret("wire-test-key"),
            options=options,
        )
        plugin = pipelex_backend_vertexai if vertex else pipelex_backend_google
        backend: Backend = plugin.pipelex_backends()[config.name](config)
        return backend

    def request(self, record: Record) -> Request:
        body = body_of(record)
        config = body.get("generationConfig") or {}
        spec = _spec(record)
        if spec.model_type == ModelType.IMG_GEN:
            if record["stream"]:
                raise no_capability("images in a stream")
            reported = [part for content in body["contents"] for part in content["parts"]]
            if "text" not in reported[0] or any("text" in part for part in reported[1:]):
                raise no_capability("pictures before the prompt")
            picture = config.get("imageConfig") or {}
            return ImageRequest(
                spec=spec,
                prompt=reported[0]["text"],
                images=tuple(_medium(part).media for part in reported[1:]),
                aspect_ratio=picture.get("aspectRatio"),
                seed=config.get("seed"),
            )
        thinking = config.get("thinkingConfig") or {}
        calling = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
        effort = thinking.get("thinkingLevel")
        request = TextRequest(
            spec=spec,
            messages=messages(body["contents"]),
            system=_system(body.get("systemInstruction")),
            temperature=config.get("temperature"),
            max_tokens=config.get("maxOutputTokens"),
            top_p=config.get("topP"),
            seed=config.get("seed"),
            stop=tuple(config.get("stopSequences") or ()),
            reasoning_effort=effort.lower() if effort else None,
            reasoning_budget=thinking.get("thinkingBudget"),
            tools=_tools(body.get("tools") or []),
            hosted_tools=("web_search",) if _searches(body.get("tools") or []) else (),
            tool_choice=_choice(calling),
        )
        schema = config.get("responseJsonSchema") or json_schema(config.get("responseSchema"))
        if schema and not record["stream"]:  # objects are not streamed
            return ObjectRequest(**asdict(request, recurse=False), schema=schema)
        return request

    def expected(self, record: Record) -> Expected:
        """Google counts thoughts apart; `thinking` only says that there was some."""
        expected = default_expected(record)
        output = expected.output_tokens
        return evolve(
            expected,
            reasoning=None,
            output_tokens=None if output is None else output + (expected.reasoning_tokens or 0),
        )


def body_of(record: Record) -> dict[str, Any]:
    """The recorded body in one form; errors that were quoted somewhere may have none."""
    body: dict[str, Any] = camel(record["request"].get("body") or {})
    contents = body.get("contents") or [{"role": "user", "parts": [{"text": "Hi."}]}]
    contents = contents if isinstance(contents, list) else [contents]
    return {**body, "contents": [{**content, "parts": _listed(content.get("parts"))} for content in contents]}


def _listed(parts: Any) -> list[Any]:
    return parts if isinstance(parts, list) else [parts] if parts else []


def messages(contents: list[dict[str, Any]]) -> tuple[Message, ...]:
    """Recorded contents as messages; calls without an id get one of the form the plugin makes up."""
    made: list[Message] = []
    waiting: list[ToolCall] = []
    for number, content in enumerate(contents):
        parts: list[Part] = []
        for part in content["parts"]:
            parts += _parts(part, f"made-up-{number}-{len(parts)}", waiting)
        role: Role = "assistant" if content.get("role") == "model" else "user"
        if any(isinstance(part, ToolResult) for part in parts):
            role = "tool"
        made.append(Message(role=role, parts=tuple(parts)))
    return tuple(made)


def _parts(part: dict[str, Any], call_id: str, waiting: list[ToolCall]) -> list[Part]:
    if "functionCall" in part:
        reported = part["functionCall"]
        call = ToolCall(id=reported.get("id") or call_id, name=reported["name"], arguments=reported.get("args") or {})
        waiting.append(call)
        return [call, *_signature(part, "call", call.id)]
    if "functionResponse" in part:
        reported = part["functionResponse"]
        if "parts" in reported and "id" in reported:  # with files: in the provider's own form
            return [ProviderPart(provider="google", data={"functionResponse": reported})]
        return [_result(reported, waiting)]
    if part.get("thought"):
        return _signature(part, "thought", part["text"])
    if "text" in part:
        return [TextPart(part["text"]), *_signature(part, "text", part["text"])]
    if not part.keys() & {"fileData", "inlineData"}:
        raise no_capability(f"parts with {', '.join(part)}")
    return [_medium(part)]


def _signature(part: dict[str, Any], place: str, value: str) -> list[Part]:
    signature = part.get("thoughtSignature")
    if not signature:
        return []
    return [ProviderPart(provider="google", data={place: value, "thoughtSignature": signature})]


def _result(reported: dict[str, Any], waiting: list[ToolCall]) -> ToolResult:
    if "parts" in reported:
        raise no_capability("files in the result of a tool")
    found = (
        call
        for call in waiting
        if call.id == reported.get("id") or (not reported.get("id") and call.name == reported["name"])
    )
    call = next(found, None)
    if call is None:
        raise no_capability("results of tools that were not called")
    waiting.remove(call)
    response = reported.get("response") or {}
    if set(response) == {"error"}:
        return ToolResult(call_id=call.id, content=response["error"], is_error=True)
    return ToolResult(call_id=call.id, content=json.dumps(response))


def _medium(part: dict[str, Any]) -> ImagePart | DocumentPart | AudioPart:
    if "fileData" in part:
        media = Media(url=part["fileData"]["fileUri"], media_type=part["fileData"]["mimeType"])
    else:
        data = b64decode(part["inlineData"]["data"].replace("-", "+").replace("_", "/"))
        media = Media(data=data, media_type=part["inlineData"]["mimeType"])
    if media.media_type.startswith("audio/"):
        return AudioPart(media)
    # Films, which this project has no parts for, are in the requests of some errors.
    is_document = media.media_type.partition("/")[0] in ("application", "text")
    return DocumentPart(media) if is_document else ImagePart(media)


def json_schema(openapi: Any) -> Any:
    """A schema of Google's OpenAPI kind as JSON schema: the types are written in capitals there."""
    if isinstance(openapi, list):
        return [json_schema(item) for item in openapi]
    if isinstance(openapi, dict):
        return {
            name: value.lower() if name == "type" and isinstance(value, str) else json_schema(value)
            for name, value in openapi.items()
        }
    return openapi


def _in_dialect(schema: dict[str, Any] | None) -> Any:
    """A recorded JSON schema in the part of the language that the API documents, which the plugin sends."""
    return schema and adapt(schema, GEMINI).schema


def _searches(tools: list[dict[str, Any]]) -> bool:
    """Whether Google Search is among the tools; no other of Google's own may be."""
    hosted = {name for tool in tools for name in tool} - {"functionDeclarations"}
    if hosted - {"googleSearch"}:
        raise no_capability(f"the hosted tools {sorted(hosted)}: web_search is the only one")
    return bool(hosted)


def _tools(tools: list[dict[str, Any]]) -> tuple[Tool, ...]:
    empty = {"type": "object", "properties": {}}
    return tuple(
        Tool(
            name=reported["name"],
            description=reported.get("description", ""),
            parameters=_in_dialect(reported.get("parametersJsonSchema") or json_schema(reported.get("parameters")))
            or empty,
        )
        for tool in tools
        for reported in tool.get("functionDeclarations", ())
    )


def _choice(calling: dict[str, Any]) -> str | None:
    if calling.get("allowedFunctionNames"):
        return str(calling["allowedFunctionNames"][0])
    return {"AUTO": "auto", "NONE": "none", "ANY": "required"}.get(calling.get("mode", ""))


def _system(reported: dict[str, Any] | None) -> str | None:
    parts = (reported or {}).get("parts") or []
    return "".join(part["text"] for part in (parts if isinstance(parts, list) else [parts])) or None


def _spec(record: Record) -> ModelSpec:
    kind = ModelType.IMG_GEN if is_image(record) else ModelType.LLM
    budget = "thinkingBudget" in json.dumps(body_of(record))
    return ModelSpec(
        name=record["model"],
        backend=record["provider"],
        sdk="vertexai" if record["provider"] == "vertex" else "google",
        model_id=record["model"],
        model_type=kind,
        options={"thinking": "budget"} if budget else {},
    )


# ── The request that was sent beside the recorded one ─────────────────────────────────────────────────────────────


NOT_OURS = frozenset(
    [
        "topK",
        "candidateCount",
        "presencePenalty",
        "frequencyPenalty",
        "responseLogprobs",
        "logprobs",
        "mediaResolution",
        "routingConfig",
        "speechConfig",
        "enableEnhancedCivicAnswers",
    ]
)
"""Settings of a generation that this project does not have."""


def is_image(record: Record) -> bool:
    """Whether an image is to be made."""
    return str(record["scenario"]).removesuffix("_stream") == "image_gen"


def comparable(body: dict[str, Any], record: Record) -> dict[str, Any]:
    """A body without the differences that are meant; each has its reason here."""
    body = body_of({"request": {"body": body}})
    config = {key: value for key, value in (body.get("generationConfig") or {}).items() if key not in NOT_OURS}
    if config.get("responseModalities") == ["TEXT"]:
        del config["responseModalities"]  # the default
    if thinking := config.get("thinkingConfig"):
        thinking = {
            key: value for key, value in thinking.items() if key != "includeThoughts"
        }  # asked for with any other
        config["thinkingConfig"] = {**thinking, **_upper(thinking, "thinkingLevel")}  # the API takes both
        if not config["thinkingConfig"]:
            del config["thinkingConfig"]
    if schema := config.pop("responseSchema", None):
        config["responseJsonSchema"] = json_schema(schema)  # we send JSON schema only
    if record["stream"] or "responseJsonSchema" not in config:
        config.pop("responseJsonSchema", None)  # objects are not streamed,
        config.pop("responseMimeType", None)  # and JSON without a schema is not asked for
    system = _system(body.get("systemInstruction"))
    if is_image(record):
        config, system = {"responseModalities": ["IMAGE"]}, None  # an image request is its prompt, and wants no text
    return {
        # left out: safetySettings, labels, cachedContent, for which there are no settings
        "contents": [_content(content) for content in body["contents"]],
        "generationConfig": config,
        "system": system,
        "tools": _tools(body.get("tools") or []),
        "toolConfig": body.get("toolConfig"),
    }


def _upper(settings: dict[str, Any], name: str) -> dict[str, Any]:
    return {name: settings[name].upper()} if name in settings else {}


def _content(content: dict[str, Any]) -> dict[str, Any]:
    # Google does not want unsigned thoughts back
    parts = [part for part in content["parts"] if not part.get("thought") or "thoughtSignature" in part]
    return {"role": content.get("role", "user"), "parts": [_standard(part) for part in parts]}


def _standard(part: dict[str, Any]) -> dict[str, Any]:
    """A part with its base64 in the standard alphabet; the API takes both."""
    if "inlineData" not in part:
        return part
    data = part["inlineData"]["data"].replace("-", "+").replace("_", "/")
    return {"inlineData": {**part["inlineData"], "data": data}}
