"""Messages and tools, in the forms callers write them."""

from __future__ import annotations

from typing import Any

import pytest

from pipelex_core import UnsupportedInputError
from pipelex_core.parts import DocumentPart, ImagePart, Message, TextPart, Tool, ToolCall, ToolResult
from pipelex_core.prompts.messages import read_message, read_tool
from tests.support.scripted import PNG

CALL = ToolCall(id="c1", name="weather", arguments={"city": "Basel"})
URL = "https://example.org/a.png"


@pytest.mark.parametrize(
    "written, message",
    [
        ({"role": "user", "content": "Hi"}, Message(role="user", parts=(TextPart("Hi"),))),
        ({"role": "developer", "content": "Hi"}, Message(role="system", parts=(TextPart("Hi"),))),
        (
            {"role": "user", "content": ["a", {"type": "text", "text": "b"}]},
            Message(role="user", parts=(TextPart("a"), TextPart("b"))),
        ),
        ({"role": "assistant", "content": [CALL]}, Message(role="assistant", parts=(CALL,))),
        (
            {
                "role": "assistant",
                "content": {"type": "tool_call", "id": "c1", "name": "weather", "arguments": {"city": "Basel"}},
            },
            Message(role="assistant", parts=(CALL,)),
        ),
        (
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Basel"}'}}
                ],
            },
            Message(role="assistant", parts=(CALL,)),
        ),
        (
            {"role": "assistant", "content": "Let me see.", "tool_calls": [CALL]},
            Message(role="assistant", parts=(TextPart("Let me see."), CALL)),
        ),
        (
            {"role": "tool", "tool_call_id": "c1", "content": "Sunny"},
            Message(role="tool", parts=(ToolResult(call_id="c1", content="Sunny"),)),
        ),
        (
            {
                "role": "tool",
                "tool_call_id": "c1",
                "content": [{"type": "text", "text": "Sun"}, {"type": "text", "text": "ny"}],
            },
            Message(role="tool", parts=(ToolResult(call_id="c1", content="Sunny"),)),
        ),
        (
            {
                "role": "tool",
                "content": [{"type": "tool_result", "call_id": "c1", "content": {"sky": "blau ☀"}, "is_error": True}],
            },
            Message(role="tool", parts=(ToolResult(call_id="c1", content='{"sky": "blau ☀"}', is_error=True),)),
        ),
    ],
)
def test_every_form_of_a_message_is_read(written: Any, message: Message) -> None:
    """Ours, and that of chat completions."""
    assert read_message(written) == message


def test_media_in_parts_are_read() -> None:
    """Bytes, URLs and data URLs, in either form."""
    written = {
        "role": "user",
        "content": [
            {"type": "image", "image": PNG},
            {"type": "image_url", "image_url": {"url": URL}},
            {"type": "image_url", "image_url": URL},
            {"type": "document", "document": b"%PDF-1.7"},
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0xLjc="}},
        ],
    }
    first, second, third, fourth, fifth = read_message(written).parts
    assert isinstance(first, ImagePart)
    assert first.media.data == PNG
    assert second == third
    assert isinstance(second, ImagePart)
    assert (second.media.url, second.media.media_type) == (URL, "image/png")
    assert isinstance(fourth, DocumentPart)
    assert isinstance(fifth, DocumentPart)
    assert fourth.media.data == fifth.media.data == b"%PDF-1.7"


@pytest.mark.parametrize(
    "written",
    [
        "Hi",
        {"role": "robot", "content": "Hi"},
        {"role": "user"},
        {"role": "user", "content": 3},
        {"role": "user", "content": [{"type": "video", "video": "a.mp4"}]},
        {"role": "user", "content": [{"type": "image"}]},
        {"role": "assistant", "tool_calls": ["weather"]},
        {"role": "assistant", "tool_calls": [{"id": "c1", "name": "weather"}]},
        {"role": "assistant", "tool_calls": [{"id": "c1", "name": "weather", "arguments": "{"}]},
        {"role": "assistant", "tool_calls": [{"id": "c1", "name": "weather", "arguments": "[]"}]},
        {"role": "tool", "content": [{"type": "tool_result", "content": "x"}]},
    ],
)
def test_a_malformed_message_is_refused(written: Any) -> None:
    """An unknown role, part or type, a missing key, arguments that are not an object."""
    with pytest.raises(UnsupportedInputError):
        read_message(written)


@pytest.mark.parametrize("key", ["parameters", "input_schema", "schema"])
def test_every_form_of_a_tool_is_read(key: str) -> None:
    """Bare or wrapped as a function, its schema under the name of any provider."""
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    tool = Tool(name="weather", description="The weather.", parameters=schema)
    bare = {"name": "weather", "description": "The weather.", key: schema}
    assert read_tool(tool) == read_tool(bare) == read_tool({"type": "function", "function": bare}) == tool
    assert read_tool({"name": "now"}).parameters == {"type": "object", "properties": {}}


@pytest.mark.parametrize(
    ("message", "reported"),
    [
        ({"role": "user", "contents": "Hi", "content": "Ho"}, "'contents': did you mean 'content'?"),
        ({"role": "user", "content": "Hi", "name": "Ada"}, "a message of role user has no key 'name'"),
        ({"role": "user", "content": "Hi", "tool_calls": [1]}, "a message of role user has no key 'tool_calls'"),
        ({"role": "assistant", "content": "Hi", "tool_call": [1]}, "did you mean 'tool_calls'?"),
        ({"role": "tool", "tool_call_id": "1", "content": "4", "is_eror": True}, "no key 'is_eror'"),
        (
            {"role": "user", "content": [{"type": "text", "text": "Hi", "cache_control": {"type": "x"}}]},
            "cache_control",
        ),
        ({"role": "user", "content": [{"type": "text", "text": "Hi", "txt": "Ho"}]}, "did you mean 'text'?"),
        (
            {
                "role": "user",
                "content": [{"type": "image_url", "image_url": {"url": "https://a/b.png", "detail": "low"}}],
            },
            "an image_url has no key 'detail'",
        ),
        (
            {"role": "tool", "content": [{"type": "tool_result", "call_id": "1", "content": "", "iserror": True}]},
            "did you mean 'is_error'?",
        ),
        (
            {
                "role": "assistant",
                "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": {}, "args": {"a": 1}}}],
            },
            "the function of a tool call has no key 'args'",
        ),
        (
            {"role": "assistant", "tool_calls": [{"id": "1", "name": "f", "arguments": {}, "argument": 1}]},
            "'arguments'?",
        ),
    ],
)
def test_a_key_that_would_be_ignored_is_refused(message: dict[str, object], reported: str) -> None:
    """With the nearest name: what a caller wrote must not be lost in silence."""
    with pytest.raises(UnsupportedInputError) as caught:
        read_message(message)
    assert reported in str(caught.value)


def test_a_key_without_a_value_is_no_fault() -> None:
    """A message of an SDK, taken back as it came, has many."""
    message: dict[str, Any] = {
        "role": "assistant",
        "content": "Hi",
        "refusal": None,
        "annotations": [],
        "audio": None,
        "function_call": None,
    }
    assert read_message(message).text == "Hi"
    part = {"type": "image_url", "image_url": {"url": "https://example.org/b.png", "detail": "auto"}}
    assert len(read_message({"role": "user", "content": [part]}).parts) == 1
