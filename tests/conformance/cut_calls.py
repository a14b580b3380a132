"""Answers that `max_tokens` cut short in the second of two calls, in every provider's form."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.conformance.scenario import ARGUMENTS, WEATHER
from tests.servers import anthropic, bedrock, google, mistral, openai_server
from tests.servers.base import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conformance.provider import Provider

SAID = "So."
WHOLE = json.dumps(ARGUMENTS)


def cut_reply(provider: Provider, written: str, *, stream: bool) -> Reply:
    """Words, a whole call, and a call of whose arguments this much was written."""
    return _REPLIES[provider.name](written, stream)


def _chat(written: str, stream: bool) -> Reply:
    calls = [_function("call_1", WHOLE), _function("call_2", written)]
    if stream:
        return Reply.sse(*openai_server.chunks(SAID, tool_calls=calls, finish_reason="length"))
    return Reply.json(openai_server.completion(SAID, tool_calls=calls, finish_reason="length"))


def _responses(written: str, stream: bool) -> Reply:
    whole = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": WEATHER.name, "arguments": WHOLE}
    cut = {**whole, "id": "fc_2", "call_id": "call_2", "arguments": written, "status": "incomplete"}
    output = (openai_server.message_item(SAID), whole, cut)
    why = {"incomplete_details": {"reason": "max_output_tokens"}}
    if stream:
        return Reply.sse(*openai_server.response_events(*output, last="response.incomplete", **why))
    return Reply.json(openai_server.response(*output, status="incomplete", **why))


def _anthropic(written: str, stream: bool) -> Reply:
    content = [anthropic.text(SAID), *(anthropic.tool_use(f"toolu_{number}", WEATHER.name, {}) for number in (1, 2))]
    content[1]["input"] = ARGUMENTS
    message = anthropic.message(*content, stop_reason="max_tokens")
    if not stream:
        return anthropic.replied(message)
    reported = anthropic.events(message)
    reported = [event for event in reported if event[0] != "content_block_delta" or event[1]["index"] != 2]
    last = max(place for place, (name, _) in enumerate(reported) if name == "content_block_stop")
    delta = {"type": "input_json_delta", "partial_json": written}
    reported.insert(last, ("content_block_delta", {"type": "content_block_delta", "index": 2, "delta": delta}))
    return Reply.sse(*reported)


def _mistral(written: str, stream: bool) -> Reply:
    calls = [
        mistral.call(WEATHER.name, arguments, call_id=f"abcdefgh{number}", index=number)
        for number, arguments in enumerate((WHOLE, written))
    ]
    if stream:
        last = mistral.chunk("", finish_reason="length", tool_calls=calls)
        return Reply.sse(mistral.chunk(SAID), last, "[DONE]")
    return Reply.json(mistral.message(SAID, finish_reason="length", tool_calls=calls))


def _google(_written: str, stream: bool) -> Reply:
    calls = ({"name": WEATHER.name, "args": arguments, "id": f"id-{len(arguments)}"} for arguments in (ARGUMENTS, {}))
    parts: list[dict[str, Any]] = [
        {"text": SAID},
        *({"functionCall": call, "thoughtSignature": google.SIGNATURE} for call in calls),
    ]
    answer = google.answer(*parts, finish="MAX_TOKENS")
    return Reply.sse(answer) if stream else Reply.json(answer)


def _bedrock(written: str, stream: bool) -> Reply:
    calls: list[dict[str, Any]] = [{"toolUseId": f"tooluse_{number}", "name": WEATHER.name} for number in (1, 2)]
    if not stream:
        blocks = (
            {"toolUse": {**call, "input": provided}} for call, provided in zip(calls, (ARGUMENTS, {}), strict=True)
        )
        return bedrock.message({"text": SAID}, *blocks, stop="max_tokens")
    events = [bedrock.event("contentBlockDelta", contentBlockIndex=0, delta={"text": SAID})]
    for index, (call, provided) in enumerate(zip(calls, (WHOLE, written), strict=True), 1):
        events.append(bedrock.event("contentBlockStart", contentBlockIndex=index, start={"toolUse": call}))
        delta = {"toolUse": {"input": provided}}
        events.append(bedrock.event("contentBlockDelta", contentBlockIndex=index, delta=delta))
    return bedrock.stream(*events, *bedrock.end_events("max_tokens"))


def _function(call_id: str, arguments: str) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": WEATHER.name, "arguments": arguments}}


_REPLIES: dict[str, Callable[[str, bool], Reply]] = {
    "openai": _chat,
    "azure_openai": _chat,
    "compatible": _chat,
    "openai_responses": _responses,
    "azure_responses": _responses,
    "anthropic": _anthropic,
    "mistral": _mistral,
    "google": _google,
    "vertexai": _google,
    "bedrock": _bedrock,
}
