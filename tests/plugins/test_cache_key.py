"""What makes two requests the same."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import attrs
import pytest
from attrs import evolve

from pipelex_core.calls import Call
from pipelex_core.parts import (
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
from pipelex_core.requests import ExtractRequest, ImageRequest, ObjectRequest, TextRequest
from pipelex_core.specs import ModelType
from pipelex_middleware_cache._key import key_of
from tests.support.scripted import PNG, PRICES, spec

SPEC = spec("m", inputs=frozenset({"text", "images"}), constraints=frozenset({"a", "b", "c"}), options={"dpi": 1})
MEDIA = Media(data=PNG, media_type="image/png")
TOOL = Tool(name="look", description="Looks.", parameters={"type": "object"})


def call_of(request: Any, **fields: Any) -> Call:
    """A call of a request."""
    return Call(**{"operation": "generate_text", "capability": "llm", "handle": "m", "request": request} | fields)


def messages(*parts: Any) -> tuple[Message, ...]:
    return (Message(role="user", parts=parts),)


REQUESTS: dict[str, Any] = {
    "text": TextRequest(spec=SPEC, messages=messages(TextPart("Hi"))),
    "object": ObjectRequest(spec=SPEC, messages=messages(TextPart("Hi")), schema={"type": "object"}),
    "extract": ExtractRequest(spec=SPEC, document=MEDIA),
    "image": ImageRequest(spec=SPEC, prompt="A lighthouse"),
}
OTHERS: dict[str, Any] = {
    "messages": messages(TextPart("Ho")),
    "system": "Be brief.",
    "tools": (TOOL,),
    "stop": (".",),
    "schema": {"type": "object", "title": "River"},
    "document": evolve(MEDIA, data=PNG + b"\0"),
    "timeout": None,
    "spec": SPEC,
}
"""Another value for the fields that hold no plain number or word."""

FIELDS = [
    (kind, field.name)
    for kind, request in REQUESTS.items()
    for field in attrs.fields(type(request))
    if field.name not in {"spec", "timeout"}
]


@pytest.mark.parametrize(("kind", "field"), FIELDS)
def test_every_field_of_a_request_counts(kind: str, field: str) -> None:
    """Each one, of every kind of request: whatever is added later counts by itself."""
    request = REQUESTS[kind]
    values = [OTHERS[field]] if field in OTHERS else [3, 0.5, "other"]
    keys = {key_of(call_of(evolve(request, **{field: value}))) for value in values}
    assert len(keys | {key_of(call_of(request))}) == len(values) + 1


@pytest.mark.parametrize(
    "other",
    [
        evolve(SPEC, backend="elsewhere"),
        evolve(SPEC, sdk="other"),
        evolve(SPEC, model_id="other"),
        evolve(SPEC, max_tokens=7),
        evolve(SPEC, options={"dpi": 2}),
        evolve(SPEC, constraints=frozenset({"a"})),
        evolve(SPEC, model_type=ModelType.IMG_GEN),
    ],
)
def test_the_model_counts_as_it_is_asked(other: Any) -> None:
    """Who is asked, by which SDK, and everything of its spec that can change what is sent."""
    request = REQUESTS["text"]
    assert key_of(call_of(evolve(request, spec=other))) != key_of(call_of(request))


def test_operation_and_endpoint_count() -> None:
    """A stream is not text; another server is another provider."""
    request = REQUESTS["text"]
    calls = [
        call_of(request),
        call_of(request, operation="stream_text"),
        call_of(request, endpoint="http://127.0.0.1:1/v1"),
        call_of(request, endpoint="http://127.0.0.1:2/v1"),
    ]
    assert len({key_of(call) for call in calls}) == 4


def test_the_backends_options_count_in_any_order() -> None:
    """An API version, a region or a project is another source of answers."""
    request = REQUESTS["text"]
    options = [
        {},
        {"api_version": "2024-10-21"},
        {"api_version": "2025-03-01"},
        {"api_version": None},
        {"region": "eu"},
    ]
    assert len({key_of(call_of(request, options=each)) for each in options}) == 5
    both = (
        call_of(request, options={"a": "1", "b": ["x", {"y": 2}]}),
        call_of(request, options={"b": ["x", {"y": 2}], "a": "1"}),
    )
    assert key_of(both[0]) == key_of(both[1])


def test_what_is_not_sent_does_not_count() -> None:
    """The handle, the model's own name, its prices, the time left, the number of the call."""
    request = REQUESTS["text"]
    same = evolve(request, timeout=3.5, spec=evolve(SPEC, name="alias", costs=None, prompting_target="x"))
    assert SPEC.costs == PRICES
    assert key_of(call_of(same, handle="other", call_id=7, attempt=2)) == key_of(call_of(request))


PARTS = [
    TextPart("Hi"),
    ImagePart(MEDIA),
    DocumentPart(MEDIA),
    ImagePart(evolve(MEDIA, data=PNG + b"\0")),
    ImagePart(evolve(MEDIA, media_type="image/jpeg")),
    ImagePart(Media(url="https://example.org/a.png", media_type="image/png")),
    ImagePart(Media(url="https://example.org/b.png", media_type="image/png")),
    ToolCall(id="1", name="look", arguments={"a": 1}),
    ToolCall(id="1", name="look", arguments={"a": 1.0}),
    ToolCall(id="1", name="look", arguments={"a": True}),
    ToolCall(id="1", name="look", arguments={"a": "1"}),
    ToolCall(id="1", name="look", arguments={"a": [1]}),
    ToolCall(id="1", name="look", arguments={"a": {"1": None}}),
    ToolResult(call_id="1", content="wet"),
    ToolResult(call_id="1", content="wet", is_error=True),
    ProviderPart(provider="acme", data={"signature": b"1"}),
    ProviderPart(provider="acme", data={"signature": b"2"}),
    ProviderPart(provider="acme", data={"signature": "1"}),
]


def test_every_part_counts() -> None:
    """By kind and value: no two of these are the same; media by their bytes."""
    requests = [TextRequest(spec=SPEC, messages=messages(part)) for part in PARTS]
    requests.append(TextRequest(spec=SPEC, messages=messages(TextPart("Hi"), TextPart(""))))
    requests.append(TextRequest(spec=SPEC, messages=messages(TextPart("H"), TextPart("i"))))
    assert len({key_of(call_of(request)) for request in requests}) == len(PARTS) + 2


def test_what_has_no_canonical_form_has_no_key() -> None:
    """An object of an SDK in a provider's part: such a request is not cached."""
    request = TextRequest(spec=SPEC, messages=messages(ProviderPart(provider="acme", data={"made": object()})))
    with pytest.raises(TypeError, match="object has no canonical form"):
        key_of(call_of(request))


_PROGRAM = "from tests.plugins.test_cache_key import *; print(key_of(call_of(REQUESTS['object'])).hex())"


def test_a_key_is_the_same_in_every_process() -> None:
    """Whatever order a process gives its sets; and nothing of the request can be read from it."""
    printed = [
        subprocess.run(
            [sys.executable, "-c", _PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    ]
    assert printed == [key_of(call_of(REQUESTS["object"])).hex()] * 2
    assert len(bytes.fromhex(printed[0])) == 32
