"""How a record of Converse becomes a request of ours, and how the request we send is compared with it."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from attrs import evolve

from pipelex_core.parts import (
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
from pipelex_core.requests import ObjectRequest, TextRequest
from pipelex_core.specs import ModelSpec
from tests.servers.bedrock import config, make
from tests.wire.harness import Expected, Record, default_expected

if TYPE_CHECKING:
    from pipelex_core.backend import Backend

SKIPPED = {
    "audio_input": "no audio input in this project",
    "video_input": "no video input in this project",
}

NOT_OURS = {
    "additionalModelResponseFieldPaths": "no further fields of answers",
    "performanceConfig": "no choice of latency",
    "promptVariables": "no managed prompts",
    "requestMetadata": "no metadata of requests",
}
"""Fields of a request that this project has no setting for."""

Block = dict[str, Any]

_IMAGES = {"png": "image/png", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"}
_OFFICE = "application/vnd.openxmlformats-officedocument"
_DOCUMENTS = {
    "pdf": "application/pdf",
    "csv": "text/csv",
    "doc": "application/msword",
    "docx": f"{_OFFICE}.wordprocessingml.document",
    "xls": "application/vnd.ms-excel",
    "xlsx": f"{_OFFICE}.spreadsheetml.sheet",
    "html": "text/html",
    "txt": "text/plain",
    "md": "text/markdown",
}
_GUARDRAIL = {"identifier": "guardrailIdentifier", "version": "guardrailVersion", "trace": "trace"}


class ConverseAdapter:
    """Converse and ConverseStream."""

    def __init__(self) -> None:
        self.stems: tuple[str, ...] = ("bedrock__converse", "bedrock__converse_stream")
        self.skipped = SKIPPED
        self.replay_options: dict[str, Any] = {}

    def backend(self, record: Record, url: str) -> Backend:
        return make(config(url))

    def request(self, record: Record) -> TextRequest:
        body = body_of(record)
        options, reasoning = _options(body)
        spec = ModelSpec(name="wire", backend="bedrock", sdk="bedrock", model_id=_model_id(record), options=options)
        inference, tools = body.get("inferenceConfig", {}), body.get("toolConfig", {})
        fields: dict[str, Any] = {
            "spec": spec,
            "messages": tuple(_message(message) for message in body["messages"]),
            "system": _system(body) or None,
            "temperature": inference.get("temperature"),
            "max_tokens": inference.get("maxTokens"),
            "top_p": inference.get("topP"),
            "stop": tuple(inference.get("stopSequences", ())),
            "tools": tuple(_tool(tool["toolSpec"]) for tool in tools.get("tools", ()) if "toolSpec" in tool),
            "tool_choice": _tool_choice(tools.get("toolChoice")),
            **reasoning,
        }
        schema = _json_schema(body)
        if schema and not record["stream"]:
            return ObjectRequest(**fields, schema=json.loads(schema["schema"]), schema_name=schema["name"])
        return TextRequest(**fields)

    def expected(self, record: Record) -> Expected:
        """Bedrock counts the cache apart from the input; the calls of AWS's own tools are not the caller's."""
        expected = default_expected(record)
        tokens = [expected.input_tokens, expected.cached_tokens, expected.cache_write_tokens]
        own = {
            tool["systemTool"]["name"]
            for tool in body_of(record).get("toolConfig", {}).get("tools", ())
            if "systemTool" in tool
        }
        calls = expected.tool_calls
        return evolve(
            expected,
            input_tokens=None if tokens[0] is None else sum(count or 0 for count in tokens),
            tool_calls=None if calls is None else tuple(call for call in calls if call[0] not in own),
            reasoning=None,  # records say only whether there was some
        )


def body_of(record: Record) -> dict[str, Any]:
    """The recorded body; errors that were quoted somewhere may have none."""
    body: dict[str, Any] = record["request"].get("body") or {}
    return body if body.get("messages") else {**body, "messages": [{"role": "user", "content": [{"text": "Hi."}]}]}


def comparable(body: dict[str, Any]) -> dict[str, Any]:
    """A request's body, without what may differ between a recorded request and ours.

    - empty lists and tables, which mean nothing;
    - the fields in `NOT_OURS`; `strict` of a tool, a schema's description, a guardrail's mode of streaming;
    - AWS's own tools, which this project does not offer;
    - several system texts, which are one here, and a guarded one, which is left out; how long a cache point lasts;
    - messages of the same role one after the other, which are one here, and empty texts beside other blocks;
    - `status: success` of a tool's result, which is the default, and a result in JSON, which is text here;
    - `reasoning_config`, an older name of Claude's `thinking`;
    - white space in a JSON schema that is sent as text.
    """
    remaining = {name: value for name, value in body.items() if name not in NOT_OURS and value not in ([], {})}
    system = remaining.pop("system", [])
    if system:
        remaining["system"] = [_system(body), *({"cachePoint": {}} for block in system if "cachePoint" in block)]
    inference = {name: value for name, value in remaining.pop("inferenceConfig", {}).items() if value != []}
    if inference:
        remaining["inferenceConfig"] = inference
    remaining["messages"] = _merged(remaining["messages"])
    tools = dict(remaining.pop("toolConfig", {}))
    tools["tools"] = [_without_strict(tool) for tool in tools.get("tools", ()) if "systemTool" not in tool]
    if tools["tools"]:
        remaining["toolConfig"] = tools
    if "guardrailConfig" in remaining:
        remaining["guardrailConfig"] = {
            k: remaining["guardrailConfig"][k] for k in _GUARDRAIL.values() if k in remaining["guardrailConfig"]
        }
    fields = dict(remaining.get("additionalModelRequestFields", {}))
    if "reasoning_config" in fields:
        fields["thinking"] = fields.pop("reasoning_config")
        remaining["additionalModelRequestFields"] = fields
    schema = _json_schema(remaining)
    if schema:
        remaining["outputConfig"] = {"schema": json.loads(schema["schema"]), "name": schema["name"]}
    return remaining


def has_schema(record: Record) -> bool:
    """Whether a record asks for an object by its schema, which this project never streams."""
    return _json_schema(body_of(record)) is not None


# ── A record's request in our terms ───────────────────────────────────────────────────────────────────────────────


def _model_id(record: Record) -> str:
    return unquote(record["request"]["path"]).removeprefix("/model/").rpartition("/")[0]


def _options(body: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What stands in a model's spec, and what of the reasoning stands in a request."""
    options: dict[str, Any] = {"structured_output": "json_schema"}
    reasoning: dict[str, Any] = {}
    fields = dict(body.get("additionalModelRequestFields", {}))
    effort = body.get("outputConfig", {}).get("effort")
    thinking = fields.pop("thinking", None) or fields.pop("reasoning_config", None) or {}
    if set(thinking) == {"type", "budget_tokens"}:
        options["reasoning"], reasoning["reasoning_budget"] = "budget", thinking["budget_tokens"]
    elif thinking.get("type") == "adaptive" and effort and set(thinking) == {"type"}:
        options["reasoning"], reasoning["reasoning_effort"] = "adaptive", effort
    elif thinking:
        fields["thinking"] = thinking
    elif effort:
        options["reasoning"], reasoning["reasoning_effort"] = "effort", effort
    if fields:
        options["additional_fields"] = fields
    ends = {"system": body.get("system", []), "tools": body.get("toolConfig", {}).get("tools", [])}
    options["cache_points"] = [name for name, blocks in ends.items() if blocks and "cachePoint" in blocks[-1]]
    guardrail = body.get("guardrailConfig")
    if guardrail:
        options["guardrail"] = {ours: guardrail[theirs] for ours, theirs in _GUARDRAIL.items() if theirs in guardrail}
    if "serviceTier" in body:
        options["service_tier"] = body["serviceTier"]["type"]
    return options, reasoning


def _message(message: dict[str, Any]) -> Message:
    return Message(role=message["role"], parts=tuple(_part(block) for block in message["content"]))


def _part(block: Block) -> Part:
    (kind, value), *others = block.items()
    if not others:
        if kind == "text":
            return TextPart(value)
        if kind in {"image", "document"} and set(value) <= {"format", "name", "source"} and "bytes" in value["source"]:
            formats = _IMAGES if kind == "image" else _DOCUMENTS
            name = f"{value['name']}.{value['format']}" if kind == "document" else None
            media = Media(data=b64decode(value["source"]["bytes"]), media_type=formats[value["format"]], name=name)
            return ImagePart(media) if kind == "image" else DocumentPart(media)
        if kind == "toolUse" and set(value) == {"toolUseId", "name", "input"}:
            return ToolCall(id=value["toolUseId"], name=value["name"], arguments=value["input"])
        if kind == "toolResult" and _result_text(value) is not None:
            error = value.get("status") == "error"
            return ToolResult(call_id=value["toolUseId"], content=_result_text(value) or "", is_error=error)
    return ProviderPart(provider="bedrock", data=_with_bytes(block))


def _result_text(result: Block) -> str | None:
    """The text of a tool's result, of which JSON is a kind; None where it holds anything else, or several things."""
    if len(result["content"]) != 1:
        return None if result["content"] else ""
    (kind, value) = next(iter(result["content"][0].items()))
    return value if kind == "text" else json.dumps(value) if kind == "json" else None


def _with_bytes(value: Any, name: str = "") -> Any:
    """A block with bytes where the JSON has base64."""
    if isinstance(value, dict):
        return {key: _with_bytes(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_bytes(item) for item in value]
    return b64decode(value) if name in {"bytes", "redactedContent"} else value


def _system(body: dict[str, Any]) -> str:
    return "\n\n".join(block["text"] for block in body.get("system", ()) if "text" in block)


def _tool(spec: dict[str, Any]) -> Tool:
    return Tool(name=spec["name"], description=spec.get("description", ""), parameters=spec["inputSchema"]["json"])


def _tool_choice(choice: dict[str, Any] | None) -> str | None:
    if choice is None:
        return None
    (kind, value) = next(iter(choice.items()))
    name: str = value.get("name", "")
    return {"auto": "auto", "any": "required"}.get(kind, name)


def _json_schema(body: dict[str, Any]) -> dict[str, Any] | None:
    schema: dict[str, Any] | None = (
        body.get("outputConfig", {}).get("textFormat", {}).get("structure", {}).get("jsonSchema")
    )
    return schema


# ── Two bodies made alike ─────────────────────────────────────────────────────────────────────────────────────────


def _merged(messages: list[dict[str, Any]]) -> list[tuple[str, list[Block]]]:
    merged: list[tuple[str, list[Block]]] = []
    for message in messages:
        content = [_alike(block) for block in message["content"]]
        if merged and merged[-1][0] == message["role"]:
            merged[-1][1].extend(content)
        else:
            merged.append((message["role"], content))
    return [(role, [block for block in content if block != {"text": ""}] or content) for role, content in merged]


def _alike(block: Block) -> Block:
    result = block.get("toolResult")
    if result is None:
        return block
    text = _result_text(result)
    content = result["content"] if text is None else [{"text": text}] if text else []
    return {"toolResult": {**{k: v for k, v in result.items() if (k, v) != ("status", "success")}, "content": content}}


def _without_strict(tool: dict[str, Any]) -> dict[str, Any]:
    if "toolSpec" not in tool:
        return {"cachePoint": {}}
    return {"toolSpec": {name: value for name, value in tool["toolSpec"].items() if name != "strict"}}
