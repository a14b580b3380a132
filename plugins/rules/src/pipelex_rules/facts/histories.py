"""Histories around a fragment: what precedes and follows a message, a content block or a call so that the rest is good."""

from __future__ import annotations

from typing import Any

from pipelex_rules.values import dig, records, string

_USER: dict[str, dict[str, Any]] = {
    "chat": {"role": "user", "content": "a"},
    "responses": {"role": "user", "content": "a"},
    "messages": {"role": "user", "content": "a"},
    "generateContent": {"role": "user", "parts": [{"text": "a"}]},
    "converse": {"role": "user", "content": [{"text": "a"}]},
}
_SAID: dict[str, dict[str, Any]] = {
    "chat": {"role": "assistant", "content": "b"},
    "messages": {"role": "assistant", "content": "b"},
    "generateContent": {"role": "model", "parts": [{"text": "b"}]},
    "converse": {"role": "assistant", "content": [{"text": "b"}]},
}


def user(api: str) -> dict[str, Any]:
    """Make a user's message."""
    return dict(_USER.get(api, _USER["chat"]))


def stated(api: str) -> dict[str, Any]:
    """Make an assistant's message."""
    return dict(_SAID.get(api, _SAID["chat"]))


def calls_in(api: str, message: Any) -> list[Any]:
    """Collect the ids of a message's calls; names for Gemini, which has no ids."""
    if api == "chat":
        return [call.get("id") for _, call in records(dig(message, "tool_calls"))]
    if api == "generateContent":
        return [
            dig(part, "functionCall", "name") for _, part in records(dig(message, "parts")) if part.get("functionCall")
        ]
    blocks = [block for _, block in records(dig(message, "content"))]
    if api == "converse":
        return [dig(block, "toolUse", "toolUseId") for block in blocks if "toolUse" in block]
    return [block.get("id") for block in blocks if block.get("type") == "tool_use"]


def results_in(api: str, message: Any) -> list[Any]:
    """Collect the ids that a message's results answer."""
    if api == "chat":
        return [dig(message, "tool_call_id")] if dig(message, "role") == "tool" else []
    if api == "generateContent":
        return [
            dig(part, "functionResponse", "name")
            for _, part in records(dig(message, "parts"))
            if part.get("functionResponse")
        ]
    blocks = [block for _, block in records(dig(message, "content"))]
    if api == "converse":
        return [dig(block, "toolResult", "toolUseId") for block in blocks if "toolResult" in block]
    return [block.get("tool_use_id") for block in blocks if block.get("type") == "tool_result"]


def calling(api: str, ids: list[Any]) -> dict[str, Any]:
    """Make an assistant's message that calls the tool `f`."""
    if api == "chat":
        made = [{"id": name, "type": "function", "function": {"name": "f", "arguments": "{}"}} for name in ids]
        return {"role": "assistant", "tool_calls": made}
    if api == "generateContent":
        return {
            "role": "model",
            "parts": [
                {"functionCall": {"name": string(name) or "f", "args": {}}, "thoughtSignature": "c2ln"} for name in ids
            ],
        }
    if api == "converse":
        return {
            "role": "assistant",
            "content": [{"toolUse": {"toolUseId": name, "name": "f", "input": {}}} for name in ids],
        }
    return {
        "role": "assistant",
        "content": [{"type": "tool_use", "id": name, "name": "f", "input": {}} for name in ids],
    }


def answering(api: str, ids: list[Any]) -> list[dict[str, Any]]:
    """Make the messages that answer calls."""
    if api == "chat":
        return [{"role": "tool", "tool_call_id": name, "content": "1"} for name in ids]
    if api == "generateContent":
        return [{"role": "user", "parts": [{"functionResponse": {"name": name, "response": {}}} for name in ids]}]
    if api == "converse":
        return [
            {
                "role": "user",
                "content": [{"toolResult": {"toolUseId": name, "content": [{"text": "1"}]}} for name in ids],
            }
        ]
    return [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": name, "content": "1"} for name in ids]}]


def around(api: str, message: Any) -> list[tuple[list[Any], list[Any]]]:
    """Propose what precedes and follows a message, the plainest first."""
    before: list[Any] = []
    after: list[Any] = []
    calls, results = calls_in(api, message), results_in(api, message)
    assistant = dig(message, "role") in ("assistant", "model")
    if results:
        before = [user(api), calling(api, results)]
    elif assistant:
        before = [user(api)]
    if calls:
        after = answering(api, calls)
    plain = [(before, after)]
    if assistant and not calls:
        plain.insert(0, (before, [user(api)]))
    return [
        *plain,
        ([], []),
        (before, [*after, stated(api), user(api)]),
        (before, [*after, user(api)]),
        ([user(api), stated(api)], []),
    ]
