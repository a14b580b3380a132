"""Puts a fragment at its place in a request."""

from __future__ import annotations

import json
import re
from itertools import chain
from typing import TYPE_CHECKING, Any

from pipelex_rules.facts import histories
from pipelex_rules.facts.fragments import messages, pair, set_at, text_block
from pipelex_rules.facts.macros import is_marker
from pipelex_rules.facts.pictures import media
from pipelex_rules.facts.shaping import enclose
from pipelex_rules.facts.surroundings import FORMATS, TOOLS
from pipelex_rules.values import dig, record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelex_rules.shapes import Shape

_NOTE = re.compile(r"\s*\(([^)]*)\)\s*$")
_STEP = re.compile(r"([^.\[\]]+)|\[(-?\d*)\]")
_MEDIA = ("body", "image", "document", "messages", "contents", "input")
_SWITCHES: tuple[tuple[str, Any], ...] = (
    ("stream", True),
    ("logprobs", True),
    ("store", True),
    ("modalities", ["text", "audio"]),
    ("response_format", "verbose_json"),
    ("output_format", "jpeg"),
)
"""Parameters that others need beside them."""
MIN_DEPTH = 2
"""Steps from which on a place is deep enough for its surroundings to be read from the shape."""
HISTORIES = {"messages": "chat", "contents": "generateContent", "input": "responses"}


def steps(where: str) -> tuple[list[str | int], str]:
    """Take a place apart into names and indices, and its note in parentheses."""
    note = match[1] if (match := _NOTE.search(where)) else ""
    path = _NOTE.sub("", where).replace("…", ".")
    found: list[str | int] = []
    for name, index in _STEP.findall(path):
        found.append(name or (int(index) if index else 0))
    return found, note


def place(  # noqa: PLR0917 -- a fact has as many parts
    body: dict[str, Any], api: str, where: str, fragment: Any, mentioned: frozenset[str], shape: Shape | None = None
) -> Iterator[dict[str, Any]]:
    """Propose requests with a fragment at its place, the plainest first.

    Fragments are small: fields of calls that none of a fact's fragments mentions are filled in. What surrounds a place that
    is deep in a request is read from the shape of the API's bodies.
    """
    for request in chain(_place(body, api, where, fragment), _shaped(body, api, where, fragment, shape)):
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
    if where == "cache_control" and api == "messages":
        path = ["messages", 0, "content", 0, "cache_control"]
    if path and path[0] == "textFormat":
        path = ["outputConfig", *path]
    if path == ["input_file"] and isinstance(record(fragment).get("requests"), int):
        fragment = {"requests": [{} for _ in range(fragment["requests"])]}
    if path[0] in _MEDIA and is_marker(fragment):
        yield from media(body, api, path, fragment)
    elif path == ["body"]:
        yield from _top(body, api, fragment)
    elif path[0] in HISTORIES and len(path) > 1:
        yield from _in_history(body, api, path, fragment)
    elif path[0] in HISTORIES and isinstance(fragment, list):
        yield from _whole_history(body, api, str(path[0]), fragment)
    else:
        yield from _elsewhere(body, api, path, note, fragment)


def _shaped(body: dict[str, Any], api: str, where: str, fragment: Any, shape: Shape | None) -> Iterator[dict[str, Any]]:
    """Propose what surrounds a place by the shape of the API's bodies."""
    path, note = steps(where)
    if shape is None or shape.kind != "object" or note or len(path) < MIN_DEPTH:
        return
    key = str(path[0])
    if key in HISTORIES and path[1] == 0 and len(path) > MIN_DEPTH:
        listed = shape.fields.get(key)
        lists = [each for each in (listed, *(listed.options if listed else ())) if each is not None and each.item]
        for message in _spoken(api, enclose(lists[0].item if lists else None, path[2:], fragment)):
            for made in (body, _with_tools(body, api)):
                if api == "responses":
                    yield {**made, key: [*pair(message), histories.user(api)]}
                    yield {**made, key: [message]}
                    continue
                for before, after in histories.around(api, message):
                    yield {**made, key: [*before, message, *after]}
        return
    for made in enclose(shape, path, fragment):
        yield {**made, **body, key: made[key]}
        if key not in {"tools", "toolConfig"}:
            yield {**made, **_with_tools(body, api), key: made[key]}


def _spoken(api: str, messages: Iterator[Any]) -> Iterator[Any]:
    """Propose messages as they are, and with a text beside what they hold."""
    name = "parts" if api == "generateContent" else "content"
    for message in messages:
        yield message
        held = record(message).get(name)
        if isinstance(held, list) and api != "responses":
            yield {**message, name: [*held, text_block(api)]}
            if message.get("role") != "user":
                yield {**message, "role": "user", name: [*held, text_block(api)]}


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
            for after in ([], [histories.user(api)], [histories.stated(api), histories.user(api)]):
                yield {**made, key: [*before, *fragment, *after]}


def _with_tools(body: dict[str, Any], api: str, name: str = "f") -> dict[str, Any]:
    if api not in TOOLS:
        return body
    tools = TOOLS[api] if name == "f" else json.loads(json.dumps(TOOLS[api]).replace('"f"', json.dumps(name)))
    return {**body, "toolConfig": {"tools": tools}} if api == "converse" else {**body, "tools": tools}


def _named(fragment: Any) -> str:
    """Find the name of the tool that a fragment chooses; `f` where it names none."""
    inner = record(fragment)
    names = (inner.get("name"), *(record(value).get("name") for value in inner.values()))
    return next((name for name in names if isinstance(name, str) and name), "f")


def _in_history(body: dict[str, Any], api: str, path: list[str | int], fragment: Any) -> Iterator[dict[str, Any]]:
    """Place a message or a part of one: the message is made for it, and the history around the message."""
    key = str(path[0])
    for message in messages(api, path[2:], fragment):
        for made in (body, _with_tools(body, api)):
            if api == "responses":
                yield {**made, key: [*pair(message), histories.user(api)]}
                yield {**made, key: [message]}
            for before, after in histories.around(api, message):
                yield {**made, key: [*before, message, *after]}


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
        named = _named(fragment) if len(path) < 3 or path[-1] != "name" else str(fragment)
        roots = [_with_tools(body, api), _with_tools(body, api, named), *roots]
    elif api in TOOLS and first not in {"tools", "toolConfig"} and len(path) == 1:
        roots = [*roots, _with_tools(body, api)]
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
