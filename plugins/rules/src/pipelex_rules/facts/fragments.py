"""Fragments of messages and blocks as whole ones."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

from pipelex_rules.facts import histories
from pipelex_rules.values import dig

if TYPE_CHECKING:
    from collections.abc import Iterator


def messages(api: str, path: list[str | int], fragment: Any) -> Iterator[Any]:
    """Propose messages with a fragment at a place of theirs."""
    if not path:
        yield fragment
        return
    role = "model" if api == "generateContent" else "assistant"
    if api == "responses":
        yield from _items(path, fragment)
        return
    content = "parts" if api == "generateContent" else "content"
    if path == [content] or path[0] != content:
        roots: list[Any] = [{"role": "user"}, {"role": role}, {"role": role, content: "b"}]
        if path[0] == "tool_calls":
            call = {"id": "abc123XYZ", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            roots = [{"role": role, "content": "", "tool_calls": [call]}, {"role": role, "tool_calls": [call]}]
        if path[0] == "role":
            roots = [histories.user(api)]
        if path[0] == "tool_call_id":
            roots = [{"role": "tool", "content": "1"}]
        for root in roots:
            yield set_at(root, path, fragment)
        return
    inner = path[2:]
    for owner in ("user", role):
        for block in _blocks(api, inner, fragment):
            yield {"role": owner, content: [block]}
            yield {"role": owner, content: [block, text_block(api)]}
            yield {"role": owner, content: [text_block(api), block]}


def text_block(api: str) -> dict[str, Any]:
    """Make a block of text in an API's form."""
    return {"text": "a"} if api in {"generateContent", "converse"} else {"type": "text", "text": "a"}


def _blocks(api: str, path: list[str | int], fragment: Any) -> Iterator[Any]:
    if not path:
        yield fragment
        return
    for block in _WITH.get((api, str(path[0])), [{}]):
        yield set_at(block, path, fragment)


_S3 = {"s3Location": {"uri": "s3://bucket/a.png"}}
_BYTES = {"bytes": "AAAA"}


_WITH: dict[tuple[str, str], list[dict[str, Any]]] = {
    ("chat", "image_url"): [{"type": "image_url", "image_url": {"url": "https://x.test/a.png"}}],
    ("chat", "input_audio"): [{"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}],
    ("chat", "file"): [{"type": "file", "file": {"file_id": "file-1"}}],
    ("chat", "text"): [{"type": "text"}],
    ("chat", "type"): [{"text": "a"}],
    ("messages", "type"): [{"text": "a"}],
    ("converse", "cachePoint"): [{"cachePoint": {"type": "default"}}],
    ("messages", "source"): [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "AAAA"}},
    ],
    ("messages", "cache_control"): [{"type": "text", "text": "a"}],
    ("messages", "text"): [{"type": "text"}],
    ("messages", "title"): [{"type": "document", "source": {"type": "url", "url": "https://x.test/a.pdf"}}],
    ("messages", "id"): [{"type": "tool_use", "name": "f", "input": {}}],
    ("messages", "name"): [{"type": "tool_use", "id": "t1", "input": {}}],
    ("messages", "input"): [{"type": "tool_use", "id": "t1", "name": "f"}],
    ("messages", "tool_use_id"): [{"type": "tool_result", "content": "1"}],
    ("messages", "content"): [{"type": "tool_result", "tool_use_id": "t1"}],
    ("messages", "is_error"): [{"type": "tool_result", "tool_use_id": "t1", "content": "1"}],
    ("messages", "signature"): [{"type": "thinking", "thinking": "a"}],
    ("converse", "image"): [
        {"image": {"format": "png", "source": _BYTES}},
        {"image": {"format": "png", "source": _S3}},
    ],
    ("converse", "video"): [{"video": {"format": "mp4", "source": _BYTES}}],
    ("converse", "audio"): [{"audio": {"format": "wav", "source": _BYTES}}],
    ("converse", "document"): [{"document": {"format": "pdf", "name": "d", "source": _BYTES}}],
    ("converse", "toolUse"): [{"toolUse": {"toolUseId": "a", "name": "f", "input": {}}}],
    ("converse", "toolResult"): [{"toolResult": {"toolUseId": "a", "content": [{"text": "1"}]}}],
    ("converse", "searchResult"): [{"searchResult": {"source": "a", "title": "b", "content": [{"text": "c"}]}}],
    ("converse", "reasoningContent"): [{"reasoningContent": {"reasoningText": {"text": "a", "signature": "b"}}}],
    ("generateContent", "functionResponse"): [{"functionResponse": {"name": "f", "response": {}}}],
    ("generateContent", "functionCall"): [{"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "c2ln"}],
    ("generateContent", "inlineData"): [{"inlineData": {"mimeType": "image/png", "data": "AAAA"}}],
    ("generateContent", "fileData"): [{"fileData": {"fileUri": "gs://b/a.mp4", "mimeType": "video/mp4"}}],
}


"""The block that a field belongs to, where it is not the whole block."""


def _items(path: list[str | int], fragment: Any) -> Iterator[Any]:
    """Propose items of the Responses API with a fragment at a place of theirs."""
    call = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "c1", "output": "1"}
    if path[0] == "content" and len(path) > 1:
        kinds: dict[str, dict[str, Any]] = {
            "file_data": {"type": "input_file", "filename": "a.pdf"},
            "file_url": {"type": "input_file"},
            "image_url": {"type": "input_image"},
            "text": {"type": "input_text"},
            "type": {"text": "a"},
            "detail": {"type": "input_image", "image_url": "https://x.test/a.png"},
        }
        block = fragment if len(path) == 2 else set_at(kinds.get(str(path[2]), {}), path[2:], fragment)
        for owner in ("user", "assistant"):
            yield {"role": owner, "content": [block]}
        return
    for item in (output, call, {"role": "user", "content": "a"}, {"type": "reasoning", "id": "rs_1", "summary": []}):
        if path[0] in item or path[0] in {"id", "status", "encrypted_content"}:
            yield set_at(item, path, fragment)


def pair(item: Any) -> list[Any]:
    """Add the call of an output, or the output of a call."""
    name = dig(item, "call_id")
    if dig(item, "type") == "function_call_output":
        return [{"type": "function_call", "call_id": name, "name": "f", "arguments": "{}"}, item]
    if dig(item, "type") == "function_call":
        return [item, {"type": "function_call_output", "call_id": name, "output": "1"}]
    return [item]


def set_at(root: Any, path: list[str | int], fragment: Any) -> Any:
    """Copy a value with a fragment at a place; what is missing on the way is made."""
    if not path:
        return fragment
    step, rest = path[0], path[1:]
    if isinstance(step, int):
        items = list(root) if isinstance(root, list) else []
        if not items:
            return [set_at(None, rest, fragment)]
        items[step] = set_at(items[step], rest, fragment)
        return items
    made = copy(root) if isinstance(root, dict) else {}
    made[step] = set_at(made.get(step), rest, fragment)
    return made
