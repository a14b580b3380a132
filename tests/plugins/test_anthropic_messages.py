"""A conversation on its way to the API, and back: parts, roles, tools, thinking in its place, marks for the cache."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from pipelex_backend_anthropic._messages import api_messages
from pipelex_core.errors import UnsupportedInputError
from pipelex_core.parts import (
    DocumentPart,
    ImagePart,
    Media,
    Message,
    Part,
    ProviderPart,
    Role,
    TextPart,
    Tool,
    ToolCall,
    ToolResult,
)
from tests.servers.anthropic import (
    AnthropicServer,
    config,
    message,
    opened,
    replied,
    requested,
    spec,
    text,
    thinking,
    tool_use,
)

PNG = b"\x89PNG\r\n\x1a\n..."
PDF = b"%PDF-1.7 ..."
WEATHER = Tool(name="weather", description="Of a place.", parameters={"type": "object", "properties": {"at": {}}})


def stated(role: Role, *parts: Part | str) -> Message:
    return Message(role=role, parts=tuple(TextPart(part) if isinstance(part, str) else part for part in parts))


def sent(*messages: Message) -> list[dict[str, Any]]:
    return api_messages(messages, "claude-test")


@pytest.mark.parametrize(
    "part, block",
    [
        (
            ImagePart(Media(data=PNG, media_type="image/png")),
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgouLi4="}},
        ),
        (
            ImagePart(Media(url="https://example.org/a.jpg", media_type="image/jpeg")),
            {"type": "image", "source": {"type": "url", "url": "https://example.org/a.jpg"}},
        ),
        (
            DocumentPart(Media(data=PDF, media_type="application/pdf", name="report.pdf")),
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0xLjcgLi4u"},
                "title": "report.pdf",
            },
        ),
        (
            DocumentPart(Media(url="https://example.org/a.pdf", media_type="application/pdf")),
            {"type": "document", "source": {"type": "url", "url": "https://example.org/a.pdf"}},
        ),
        (
            DocumentPart(Media(data="grün".encode(), media_type="text/plain")),
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "grün"}},
        ),
    ],
)
def test_parts(part: Part, block: dict[str, Any]) -> None:
    """Each part is the block the API documents for it."""
    assert sent(stated("user", part)) == [{"role": "user", "content": [block]}]


@pytest.mark.parametrize(
    "result, block",
    [
        ({"content": "40 °C"}, {"content": "40 °C"}),
        ({"content": " \n"}, {}),
        ({"content": "", "is_error": True}, {"is_error": True}),
    ],
)
def test_the_result_of_a_tool(result: dict[str, Any], block: dict[str, Any]) -> None:
    """It is a block after the call's message, without content where it is blank."""
    call = ToolCall(id="toolu_1", name="weather", arguments={})
    messages = sent(
        stated("user", "?"), stated("assistant", call), stated("tool", ToolResult(call_id="toolu_1", **result))
    )
    assert messages[2] == {
        "role": "user",
        "content": [{"type": "tool_result", "tool_use_id": "toolu_1", **block}],
    }


@pytest.mark.parametrize(
    "part",
    [
        ImagePart(Media(data=b"BM...", media_type="image/bmp")),
        DocumentPart(Media(data=b"PK...", media_type="application/zip")),
    ],
)
def test_a_medium_the_api_does_not_take(part: Part) -> None:
    """It is refused before anything is sent, by its type."""
    with pytest.raises(UnsupportedInputError, match=r"not (image/bmp|application/zip)"):
        sent(stated("user", part))


def test_neighbours_of_one_role_are_joined() -> None:
    """The results of parallel calls, and what the user says then, are one message, results first."""
    messages = sent(
        stated("user", "Compare."),
        stated(
            "assistant",
            ToolCall(id="a", name="weather", arguments={"at": "Rome"}),
            ToolCall(id="b", name="weather", arguments={"at": "Oslo"}),
        ),
        stated("tool", ToolResult(call_id="a", content="30")),
        stated("user", "Hurry.", ToolResult(call_id="b", content="10")),
    )
    assert [one["role"] for one in messages] == ["user", "assistant", "user"]
    assert [block.get("tool_use_id", block.get("text")) for block in messages[2]["content"]] == ["a", "b", "Hurry."]


def test_empty_text_is_left_out() -> None:
    """The API refuses empty text; a message that was nothing else is left out too."""
    assert sent(stated("user", "Hi."), stated("assistant", ""), stated("user", "", "Still there?")) == [
        {"role": "user", "content": [text("Hi."), text("Still there?")]}
    ]


def test_ids_of_other_providers_are_made_to_fit() -> None:
    """A call and its result stay together when an id from elsewhere has characters the API refuses."""
    messages = sent(
        stated("user", "?"),
        stated("assistant", ToolCall(id="call:1/ü", name="weather", arguments={})),
        stated("tool", ToolResult(call_id="call:1/ü", content="5")),
    )
    made = messages[1]["content"][0]["id"]
    assert made == messages[2]["content"][0]["tool_use_id"]
    assert re.fullmatch("[a-f0-9]{24}", made)


def test_parts_of_other_providers_are_not_sent() -> None:
    """What only another provider understands never reaches this one."""
    foreign = ProviderPart(provider="google", data={"type": "thinking", "thoughtSignature": "secret"})
    assert sent(stated("user", "Hi."), stated("assistant", foreign, "Hello.")) == [
        {"role": "user", "content": [text("Hi.")]},
        {"role": "assistant", "content": [text("Hello.")]},
    ]


def test_a_tool_is_called_and_answered() -> None:
    """Parallel calls come back in order, and the conversation goes on with their results."""

    async def main() -> None:
        async with AnthropicServer() as server, opened(config(server.url)) as backend:
            server.queue(
                replied(
                    message(
                        text("Let me see."),
                        tool_use("toolu_1", "weather", {"at": "Rome"}),
                        tool_use("toolu_2", "weather", {"at": "Oslo"}),
                        stop_reason="tool_use",
                    )
                )
            )
            first = await backend.generate_text(requested("Compare.", tools=(WEATHER,)))
            assert (first.text, first.finish_reason) == ("Let me see.", "tool_calls")
            assert first.tool_calls == (
                ToolCall(id="toolu_1", name="weather", arguments={"at": "Rome"}),
                ToolCall(id="toolu_2", name="weather", arguments={"at": "Oslo"}),
            )
            assert first.provider_parts == ()
            results = [
                stated("tool", ToolResult(call_id=call.id, content="20", name=call.name)) for call in first.tool_calls
            ]
            history = (stated("user", "Compare."), stated("assistant", first.text, *first.tool_calls), *results)
            second = await backend.generate_text(requested(messages=history, tools=(WEATHER,)))
            assert second.text == "Paris."
            assert server.bodies[1]["tools"] == [
                {"name": "weather", "description": "Of a place.", "input_schema": WEATHER.parameters}
            ]

    asyncio.run(main())


INTERLEAVED = [
    thinking("First the one.", "c2lnMQ=="),
    text("One moment. "),
    {"type": "redacted_thinking", "data": "b3BhcXVl"},
    text("And another."),
    tool_use("toolu_1", "weather", {"at": "Rome"}),
]


@pytest.mark.parametrize("is_streamed", [False, True])
def test_thinking_goes_back_in_its_place(is_streamed: bool) -> None:
    """What the model thought, signed, is sent again between the same text and calls where it stood."""

    async def main() -> None:
        async with AnthropicServer() as server, opened(config(server.url)) as backend:
            server.queue(_replied_as(is_streamed, message(*INTERLEAVED, stop_reason="tool_use")))
            request = requested("Compare.", tools=(WEATHER,))
            if is_streamed:
                answer = [event async for event in backend.stream_text(request)][-1]
                assert not isinstance(answer, str)
            else:
                answer = await backend.generate_text(request)
            assert answer.reasoning == "First the one."
            assert answer.text == "One moment. And another."
            assert [part.provider for part in answer.provider_parts] == ["anthropic"]
            spoken = stated("assistant", *answer.provider_parts, answer.text, *answer.tool_calls)
            history = (stated("user", "Compare."), spoken, stated("tool", ToolResult(call_id="toolu_1", content="20")))
            await backend.generate_text(requested(messages=history, tools=(WEATHER,)))
            assert server.bodies[1]["messages"][1] == {"role": "assistant", "content": INTERLEAVED}

    asyncio.run(main())


def _replied_as(is_streamed: bool, answer: dict[str, Any]) -> Any:
    from tests.servers.anthropic import streamed

    return streamed(answer) if is_streamed else replied(answer)


KEPT = ProviderPart(provider="anthropic", data={"model_id": "claude-test", "content": [thinking("So."), text("Yes.")]})


@pytest.mark.parametrize(
    "model_id, words, is_sent",
    [("claude-test", "Yes.", True), ("claude-other", "Yes.", False), ("claude-test", "No.", False)],
)
def test_thinking_is_sent_to_its_model_and_with_its_words(model_id: str, words: str, is_sent: bool) -> None:
    """Thinking is bound to the model that wrote it; where the model or the words changed, the words go alone."""
    content = api_messages([stated("user", "?"), stated("assistant", KEPT, words)], model_id)[1]["content"]
    assert content == ([thinking("So."), text("Yes.")] if is_sent else [text(words)])


def test_a_bare_block_is_sent_where_it_stands() -> None:
    """A part may also be one block in the API's own form."""
    block = thinking("So.")
    part = ProviderPart(provider="anthropic", data=block)
    assert sent(stated("user", "?"), stated("assistant", part, "Yes."))[1]["content"] == [block, text("Yes.")]


def test_a_bare_result_of_a_tool_keeps_its_frame() -> None:
    """One that has blocks for its content, such as a picture, is not mistaken for the blocks of an answer."""
    picture = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
    block = {"type": "tool_result", "tool_use_id": "call_1", "content": [picture]}
    call = ToolCall(id="call_1", name="look", arguments={})
    history = sent(
        stated("user", "?"), stated("assistant", call), stated("user", ProviderPart(provider="anthropic", data=block))
    )
    assert history[2]["content"] == [block]


MARK = {"type": "ephemeral"}


def _marks(body: dict[str, Any]) -> list[str]:
    blocks = [
        (f"message {i}.{j}", block) for i, m in enumerate(body["messages"]) for j, block in enumerate(m["content"])
    ]
    blocks += [(f"tool {i}", tool) for i, tool in enumerate(body.get("tools", []))]
    if isinstance(body.get("system"), list):
        blocks += [(f"system {i}", block) for i, block in enumerate(body["system"])]
    return [name for name, block in blocks if block.get("cache_control") == MARK]


@pytest.mark.parametrize(
    "of_backend, of_model, fields, marks",
    [
        (None, None, {"system": "Be brief."}, []),
        (True, None, {"system": "Be brief."}, ["message 2.0", "system 0"]),
        (True, None, {"system": "Be brief.", "tools": (WEATHER,)}, ["message 2.0", "system 0"]),
        (True, None, {"tools": (WEATHER, Tool(name="other"))}, ["message 2.0", "tool 1"]),
        (True, None, {}, ["message 2.0"]),
        (None, True, {}, ["message 2.0"]),
        (True, False, {"system": "Be brief."}, []),
    ],
)
def test_marks_for_the_cache(
    of_backend: bool | None, of_model: bool | None, fields: dict[str, Any], marks: list[str]
) -> None:
    """With prompt_caching, the end of the system prompt (else of the tools) and of the last user message is marked."""

    async def main() -> None:
        backend_options: dict[str, Any] = {} if of_backend is None else {"prompt_caching": of_backend}
        model_options = {} if of_model is None else {"prompt_caching": of_model}
        history = (stated("user", "Hi."), stated("assistant", "Hello."), stated("user", "Name a river."))
        async with AnthropicServer() as server, opened(config(server.url, **backend_options)) as backend:
            await backend.generate_text(requested(messages=history, spec=spec(options=model_options), **fields))
            assert _marks(server.bodies[0]) == marks

    asyncio.run(main())
