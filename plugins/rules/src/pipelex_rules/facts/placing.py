"""Puts a fragment at its place in a request."""

from __future__ import annotations

import json
import re
from copy import copy
from typing import TYPE_CHECKING, Any

from pipelex_rules.facts import histories
from pipelex_rules.facts.macros import is_marker, pdf, png
from pipelex_rules.facts.surroundings import FORMATS, TOOLS
from pipelex_rules.values import Size, dig, record

if TYPE_CHECKING:
    from collections.abc import Iterator

_NOTE = re.compile(r"\s*\(([^)]*)\)\s*$")
_STEP = re.compile(r"([^.\[\]]+)|\[(-?\d*)\]")
_MEDIA = ("body", "image", "document", "messages", "contents", "input")
_SWITCHES: tuple[tuple[str, Any], ...] = (
    ("stream", True),
    ("logprobs", True),
    ("store", True),
    ("modalities", ["text", "audio"]),
    ("response_format", "verbose_json"),
)
"""Parameters that others need beside them."""
HISTORIES = {"messages": "chat", "contents": "generateContent", "input": "responses"}


def steps(where: str) -> tuple[list[str | int], str]:
    """Take a place apart into names and indices, and its note in parentheses."""
    note = match[1] if (match := _NOTE.search(where)) else ""
    path = _NOTE.sub("", where).replace("…", ".")
    found: list[str | int] = []
    for name, index in _STEP.findall(path):
        found.append(name or (int(index) if index else 0))
    return found, note


def place(
    body: dict[str, Any], api: str, where: str, fragment: Any, mentioned: frozenset[str]
) -> Iterator[dict[str, Any]]:
    """Propose requests with a fragment at its place, the plainest first.

    Fragments are small: fields of calls that none of a fact's fragments mentions are filled in.
    """
    for request in _place(body, api, where, fragment):
        if placing_is_chat(api) and isinstance(request.get("messages"), list):
            yield {**request, "messages": [_complete(message, mentioned) for message in request["messages"]]}
        elif api == "batch" and isinstance(request.get("requests"), list):
            usual: list[str] = [name for name in ("params", "body") if name in names_in(body.get("requests"))]
            defaults: dict[str, Any] = {name: {} for name in usual if name not in mentioned}
            yield {
                **request,
                "requests": [{**defaults, **item} if isinstance(item, dict) else item for item in request["requests"]],
            }
        else:
            yield request


def placing_is_chat(api: str) -> bool:
    """Tell whether an API's messages are those of chat completions."""
    return api in {"chat", "foundry"}


def _complete(message: Any, mentioned: frozenset[str]) -> Any:
    """Fill in what no fragment mentions: a call's type and function, the content of a tool's message."""
    if not isinstance(message, dict):
        return message
    filled = dict(message)
    if isinstance(message.get("tool_calls"), list):
        whole = {"id": "abc123XYZ", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        defaults = {name: value for name, value in whole.items() if name not in mentioned}
        filled["tool_calls"] = [
            {**defaults, **call} if isinstance(call, dict) else call for call in message["tool_calls"]
        ]
    if message.get("role") == "tool" and "content" not in mentioned:
        filled.setdefault("content", "1")
    return filled


def names_in(value: Any, depth: int = 0) -> frozenset[str]:
    """Collect the names of all fields in a value."""
    if depth > 20:
        return frozenset()
    if isinstance(value, dict):
        return frozenset(value).union(*(names_in(item, depth + 1) for item in value.values()))
    if isinstance(value, list):
        return frozenset().union(*(names_in(item, depth + 1) for item in value[:50]))
    return frozenset()


def _place(body: dict[str, Any], api: str, where: str, fragment: Any) -> Iterator[dict[str, Any]]:
    path, note = steps(where)
    if where == "cache_control":
        path = ["messages", 0, "content", 0, "cache_control"]
    if path and path[0] == "textFormat":
        path = ["outputConfig", *path]
    if path == ["input_file"] and isinstance(record(fragment).get("requests"), int):
        fragment = {"requests": [{} for _ in range(fragment["requests"])]}
    if path[0] in _MEDIA and is_marker(fragment):
        yield from _media(body, api, path, fragment)
    elif path == ["body"]:
        yield from _top(body, api, fragment)
    elif path[0] in HISTORIES and len(path) > 1:
        yield from _in_history(body, api, path, fragment)
    elif path[0] in HISTORIES and isinstance(fragment, list):
        yield from _whole_history(body, api, str(path[0]), fragment)
    else:
        yield from _elsewhere(body, api, path, note, fragment)


def _top(body: dict[str, Any], api: str, fragment: Any) -> Iterator[dict[str, Any]]:
    merged = {**body, **record(fragment)}
    if api == "converse" and isinstance(fragment, dict) and "modelId" in fragment:
        merged.pop("modelId")
    yield merged
    if api in {"chat", "messages", "responses", "count_tokens"} and "tools" not in merged:
        yield {**merged, "tools": TOOLS[api]}
    if api == "generateContent" and "tools" not in merged:
        yield {**merged, "tools": TOOLS[api]}
    yield {**merged, "stream": True}
    yield {**merged, "logprobs": True}
    if api == "messages" and isinstance(merged.get("messages"), list):
        for before, after in histories.around(api, next(iter(merged["messages"]), None)):
            yield {**merged, "messages": [*before, *merged["messages"], *after]}
    key = next((name for name in HISTORIES if isinstance(record(fragment).get(name), list)), None)
    if key is not None:
        yield {**merged, key: [histories.user(api), *record(fragment)[key]]}


def _whole_history(body: dict[str, Any], api: str, key: str, fragment: list[Any]) -> Iterator[dict[str, Any]]:
    tools = _with_tools(body, api)
    for made in (body, tools):
        yield {**made, key: fragment}
        first = next(iter(fragment), None)
        befores = [before for before, _ in histories.around(api, first)]
        for before in befores:
            for after in ([], [histories.user(api)], [histories.said(api), histories.user(api)]):
                yield {**made, key: [*before, *fragment, *after]}


def _with_tools(body: dict[str, Any], api: str) -> dict[str, Any]:
    if api == "converse":
        return {**body, "toolConfig": {"tools": TOOLS[api]}}
    return {**body, "tools": TOOLS[api]} if api in TOOLS else body


def _in_history(body: dict[str, Any], api: str, path: list[str | int], fragment: Any) -> Iterator[dict[str, Any]]:
    """Place a message or a part of one: the message is made for it, and the history around the message."""
    key = str(path[0])
    for message in _messages(api, path[2:], fragment):
        for made in (body, _with_tools(body, api)):
            if api == "responses":
                yield {**made, key: [*pair(message), histories.user(api)]}
                yield {**made, key: [message]}
            for before, after in histories.around(api, message):
                yield {**made, key: [*before, message, *after]}


def _messages(api: str, path: list[str | int], fragment: Any) -> Iterator[Any]:
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
            yield {"role": owner, content: [block, _text(api)]}
            yield {"role": owner, content: [_text(api), block]}


def _text(api: str) -> dict[str, Any]:
    return {"text": "a"} if api in {"generateContent", "converse"} else {"type": "text", "text": "a"}


def _blocks(api: str, path: list[str | int], fragment: Any) -> Iterator[Any]:
    if not path:
        yield fragment
        return
    for block in _WITH.get((api, str(path[0])), [{}]):
        yield set_at(block, path, fragment)


_BYTES = {"bytes": "AAAA"}
_S3 = {"s3Location": {"uri": "s3://bucket/a.png"}}
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


def _elsewhere(
    body: dict[str, Any], api: str, path: list[str | int], note: str, fragment: Any
) -> Iterator[dict[str, Any]]:
    first = path[0]
    roots = [body]
    if first in FORMATS.get(api, {}):
        roots = [{**body, first: FORMATS[api][first]}]
    if first in {"tools", "toolConfig"} and len(path) > 1:
        roots = [_with_tools(body, api), *roots]
    if first == "tool_choice" or path[:2] == ["toolConfig", "toolChoice"]:
        roots = [_with_tools(body, api), *roots]
    if "key" in note:
        yield from (set_at(root, [*path, fragment], {"type": "string"}) for root in roots)
        return
    if first == "outputConfig" and path[-1] == "schema" and isinstance(fragment, dict):
        target: list[str | int] = ["outputConfig", "textFormat", "structure", "jsonSchema", "schema"]
        yield from (set_at(root, target, json.dumps(fragment)) for root in roots)
        return
    strict = "strict" in note
    for root in roots:
        made = set_at(root, path, fragment)
        if isinstance(fragment, dict) and isinstance(
            dig(root, *[step for step in path if isinstance(step, str)]), dict
        ):
            merged = {**dig(root, *[step for step in path if isinstance(step, str)]), **fragment}
            yield _strictly(set_at(root, path, fragment), path, strict=strict)
            yield _strictly(set_at(root, path, merged), path, strict=strict)
        else:
            yield _strictly(made, path, strict=strict)
        for name, value in _SWITCHES:
            yield {**_strictly(made, path, strict=strict), name: value}


def _strictly(body: dict[str, Any], path: list[str | int], *, strict: bool) -> dict[str, Any]:
    """Set strict true beside the schema at a place."""
    return set_at(body, [*path[:-1], "strict"], fragment=True) if strict else body


def _media(body: dict[str, Any], api: str, path: list[str | int], marker: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Make real images and documents of a number or a size of them."""
    if "pages" in marker:
        encoded = f"data:application/pdf;base64,{pdf(marker['pages'])}"
        if path and path[0] == "document":
            yield {**body, "document": {"type": "document_url", "document_url": encoded}}
        else:
            document = {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": pdf(marker["pages"])},
            }
            yield {**body, "messages": [{"role": "user", "content": [document]}]}
        return
    picture = png(marker.get("width", 1), marker.get("height", 1))
    count, kind = marker.get("images", 1), "documents" if "documents" in marker else "images"
    if kind == "documents":
        count = marker["documents"]
    if "images_mb" in marker:
        picture, count = "A" * (marker["images_mb"] * 4_000_000 // 3), 1
    blocks = [_block(api, kind, picture, number) for number in range(count)]
    if api == "generateContent":
        yield {**body, "contents": [{"role": "user", "parts": [*blocks, {"text": "a"}]}]}
    elif api == "responses":
        yield {**body, "input": [{"role": "user", "content": blocks}]}
    elif api == "ocr":
        yield {**body, "document": {"type": "image_url", "image_url": f"data:image/png;base64,{picture}"}}
    else:
        yield {**body, "messages": [{"role": "user", "content": [*blocks, _text(api)]}]}


def _block(api: str, kind: str, picture: str, number: int) -> dict[str, Any]:  # noqa: PLR0911 -- one return an API
    if api == "generateContent":
        return {"inlineData": {"mimeType": "image/png", "data": picture}}
    if api == "converse" and kind == "documents":
        return {"document": {"name": f"d{number}", "format": "pdf", "source": {"bytes": "AAAA"}}}
    if api == "converse":
        return {"image": {"format": "png", "source": {"bytes": picture}}}
    if api == "messages" and kind == "documents":
        return {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "AAAA"}}
    if api == "messages":
        return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": picture}}
    if api == "responses":
        return {"type": "input_image", "image_url": f"data:image/png;base64,{picture}"}
    return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture}"}}


def whole_size(fragment: Any) -> int | None:
    """Tell the size of a fragment that stands for a whole body."""
    return fragment.bytes if isinstance(fragment, Size) else None
