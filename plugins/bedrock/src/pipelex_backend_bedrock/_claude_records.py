"""Claude's own form of a record, for what Converse does not take in a batch: tools, and objects that are asked for by one.

A record is the body that InvokeModel takes, made of the parameters of Converse; its answer is read as one of Converse.
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any

from pipelex_backend_bedrock._answer import as_object, read_answer
from pipelex_backend_bedrock._request import asks_by_tool, converse_parameters
from pipelex_core.errors import UnsupportedInputError
from pipelex_core.requests import ObjectRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pipelex_core.requests import TextRequest
    from pipelex_core.results import TextAnswer

Block = dict[str, Any]

_VERSION = "bedrock-2023-05-31"
_CLAUDE = "anthropic.claude"
_SETTINGS = {
    "maxTokens": "max_tokens",
    "temperature": "temperature",
    "topP": "top_p",
    "stopSequences": "stop_sequences",
}
_CHOICES = {"auto": {"type": "auto"}, "any": {"type": "any"}}
_TEXTS = {"txt": "text/plain", "csv": "text/plain", "md": "text/plain", "html": "text/plain"}
_COUNTS = {
    "input_tokens": "inputTokens",
    "output_tokens": "outputTokens",
    "cache_read_input_tokens": "cacheReadInputTokens",
    "cache_creation_input_tokens": "cacheWriteInputTokens",
}


def needs_tools(request: TextRequest) -> bool:
    """Whether a request has tools, of the caller's or of our own."""
    return bool(request.tools) or asks_by_tool(request)


def speaks_claude(request: TextRequest) -> bool:
    """Whether its model takes records in this form."""
    return _CLAUDE in request.spec.model_id


def claude_body(request: TextRequest, options: Mapping[str, Any]) -> Block:
    """The body of InvokeModel.

    Raises:
        UnsupportedInputError: It has something that Converse takes and this form does not, or no `max_tokens`.
    """
    sent = converse_parameters(request, options)
    if "guardrailConfig" in sent:
        msg = "a record with tools of a Bedrock batch takes no guardrail"
        raise UnsupportedInputError(msg)
    settings = {_SETTINGS[name]: value for name, value in sent.get("inferenceConfig", {}).items()}
    settings.setdefault("max_tokens", request.spec.max_tokens)
    if settings["max_tokens"] is None:
        msg = f"a batch of '{request.spec.name}' with tools needs max_tokens"
        raise UnsupportedInputError(msg)
    body: Block = {"anthropic_version": _VERSION, **settings}
    if "system" in sent:
        body["system"] = list(_blocks(sent["system"]))
    body["messages"] = [{"role": each["role"], "content": list(_blocks(each["content"]))} for each in sent["messages"]]
    if "toolConfig" in sent:
        body["tools"] = list(_tools(sent["toolConfig"]["tools"]))
        if "toolChoice" in sent["toolConfig"]:
            body["tool_choice"] = _choice(sent["toolConfig"]["toolChoice"])
    output = _output(sent.get("outputConfig", {}))
    if output:
        body["output_config"] = output
    return {**body, **sent.get("additionalModelRequestFields", {})}


def read_claude(request: TextRequest, message: Mapping[str, Any]) -> TextAnswer:
    """The answer in a record's output.

    Raises:
        InvalidAnswerError: It is not a message.
    """
    content = message.get("content")
    usage = message.get("usage") or {}
    response = {
        "output": {
            "message": {"content": [_converse(block) for block in content]} if isinstance(content, list) else None
        },
        "stopReason": "content_filtered" if message.get("stop_reason") == "refusal" else message.get("stop_reason"),
        "usage": {ours: usage[name] for name, ours in _COUNTS.items() if usage.get(name) is not None},
    }
    by_tool = isinstance(request, ObjectRequest) and asks_by_tool(request)
    answer = read_answer(response, request.spec.model_id, keeps_cut=by_tool)
    return as_object(answer, request) if isinstance(request, ObjectRequest) and by_tool else answer


# ── There ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _blocks(content: Iterable[Block]) -> Iterator[Block]:
    """Content blocks in Claude's form; a cache point is a mark of the block before."""
    before: Block | None = None
    for each in content:
        if "cachePoint" not in each:
            if before is not None:
                yield before
            before = _block(each)
        elif before is not None:
            before["cache_control"] = _cached(each)
    if before is not None:
        yield before


def _cached(point: Block) -> Block:
    ttl = point["cachePoint"].get("ttl")
    return {"type": "ephemeral", "ttl": ttl} if ttl else {"type": "ephemeral"}


def _block(each: Block) -> Block:
    ((kind, value),) = each.items()
    match kind:
        case "text":
            return {"type": "text", "text": value}
        case "image":
            return {"type": "image", "source": _bytes(value, f"image/{value['format']}")}
        case "document":
            return _document(value)
        case "toolUse":
            return {"type": "tool_use", "id": value["toolUseId"], "name": value["name"], "input": value["input"]}
        case "toolResult":
            made = {
                "type": "tool_result",
                "tool_use_id": value["toolUseId"],
                "content": list(_blocks(value["content"])),
            }
            return made | ({"is_error": True} if value.get("status") == "error" else {})
        case "reasoningContent":
            return _thoughts(value)
    msg = f"a record with tools of a Bedrock batch takes no {kind}"
    raise UnsupportedInputError(msg)


def _bytes(value: Block, media_type: str) -> Block:
    return {"type": "base64", "media_type": media_type, "data": b64encode(value["source"]["bytes"]).decode()}


def _document(value: Block) -> Block:
    known, made = value["format"], {"type": "document", "title": value["name"]}
    if known == "pdf":
        return {**made, "source": _bytes(value, "application/pdf")}
    if known not in _TEXTS:
        msg = f"a record with tools of a Bedrock batch takes no document of type {known}"
        raise UnsupportedInputError(msg)
    data = value["source"]["bytes"].decode(errors="replace")
    return {**made, "source": {"type": "text", "media_type": _TEXTS[known], "data": data}}


def _thoughts(value: Block) -> Block:
    if "redactedContent" in value:
        return {"type": "redacted_thinking", "data": b64encode(value["redactedContent"]).decode()}
    thought = value["reasoningText"]
    return {"type": "thinking", "thinking": thought["text"], "signature": thought.get("signature", "")}


def _tools(tools: Iterable[Block]) -> Iterator[Block]:
    before: Block | None = None
    for each in tools:
        if "cachePoint" in each and before is not None:
            before["cache_control"] = _cached(each)
            continue
        if before is not None:
            yield before
        spec = each["toolSpec"]
        before = {"name": spec["name"], "input_schema": spec["inputSchema"]["json"]}
        if "description" in spec:
            before["description"] = spec["description"]
    if before is not None:
        yield before


def _choice(choice: Block) -> Block:
    ((kind, value),) = choice.items()
    return _CHOICES[kind] if kind in _CHOICES else {"type": "tool", "name": value["name"]}


def _output(config: Mapping[str, Any]) -> Block:
    made: Block = {}
    if "textFormat" in config:
        schema = json.loads(config["textFormat"]["structure"]["jsonSchema"]["schema"])
        made["format"] = {"type": "json_schema", "schema": schema}
    if "effort" in config:
        made["effort"] = config["effort"]
    return made


# ── And back ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _converse(block: Any) -> Block:
    """A block of an answer as Converse has it; one that is unknown says nothing."""
    match block:
        case {"type": "text", "text": str(text)}:
            return {"text": text}
        case {"type": "tool_use", "id": identity, "name": name}:
            return {"toolUse": {"toolUseId": identity, "name": name, "input": block.get("input")}}
        case {"type": "thinking", "thinking": thought}:
            return {"reasoningContent": {"reasoningText": {"text": thought, "signature": block.get("signature", "")}}}
        case {"type": "redacted_thinking", "data": str(data)}:
            return {"reasoningContent": {"redactedContent": b64decode(data)}}
    return {}
