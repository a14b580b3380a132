"""Prompts and tools: what is refused before anything is sent, with an error that says what was expected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipelex_core import Message, TextPart, Tool, UnsupportedInputError
from pipelex_core.capabilities.text import TEXT
from pipelex_core.parts import ImagePart, Media, ToolCall, ToolResult
from pipelex_core.prompts import read_image_prompt, read_prompt, read_tools
from pipelex_core.requests import TextRequest
from tests.support.scripted import PNG, spec

LONE = "\ud800"
PICTURE = Media(data=PNG, media_type="image/png")


def user(*parts: Any) -> dict[str, Any]:
    """A message of the user."""
    return {"role": "user", "content": list(parts)}


@pytest.mark.parametrize(
    "message, word",
    [
        (Message(role="alien", parts=(TextPart("x"),)), "role"),  # type: ignore[arg-type]
        (Message(role="user", parts=None), "tuple"),  # type: ignore[arg-type]
        (Message(role="user", parts=("x",)), "not of str"),  # type: ignore[arg-type]
        (Message(role="user", parts=(TextPart(5),)), "string"),  # type: ignore[arg-type]
        (Message(role="user", parts=(ImagePart(PNG),)), None),  # type: ignore[arg-type]
        (Message(role="user", parts=(ImagePart(Media(media_type="image/png")),)), "Media has bytes"),
        (Message(role="user", parts=(ToolCall(id="1", name="f", arguments={}),)), "not of ToolCall"),
        (Message(role="tool", parts=(TextPart("x"),)), "not of TextPart"),
        (Message(role="system", parts=(ImagePart(PICTURE),)), "not of ImagePart"),
        (Message(role="assistant", parts=(ToolCall(id="1", name="f", arguments={"a": {1}}),)), "JSON"),
        (Message(role="assistant", parts=(ToolCall(id="1", name="f", arguments={"a": LONE}),)), "surrogate"),
        (Message(role="assistant", parts=(ToolCall(id=1, name="f", arguments={}),)), "id of a tool call"),  # type: ignore[arg-type]
        (Message(role="tool", parts=(ToolResult(call_id="1", content=LONE),)), "surrogate"),
        (Message(role="tool", parts=(ToolResult(call_id=None, content="x"),)), "call_id"),  # type: ignore[arg-type]
    ],
)
def test_a_message_that_no_provider_could_take_is_refused(message: Message, word: str | None) -> None:
    """Roles, the parts a role has, and what is in them."""
    conversation: list[Any] = [{"role": "user", "content": "x"}, message]
    if word is None:
        assert read_prompt(conversation).n_images == 1  # bytes of an image will do
        return
    with pytest.raises(UnsupportedInputError, match=word):
        read_prompt(conversation)


@pytest.mark.parametrize("sources", [None, 5, "a.png", b"x", bytearray(b"x"), {"a": 1}, Path("a.png")])
def test_what_is_no_list_of_images_documents_or_tools_is_refused(sources: Any) -> None:
    """One image alone is not taken letter by letter, nor a mapping key by key."""
    for call in (
        lambda: read_prompt("x", images=sources),
        lambda: read_prompt("x", documents=sources),
        lambda: read_tools(sources),
    ):
        with pytest.raises(UnsupportedInputError, match="is a list"):
            call()


@pytest.mark.parametrize("system", [5, 0, b"", [], ["x"], LONE])
def test_a_system_prompt_is_text(system: Any) -> None:
    """Also where it would count as empty."""
    with pytest.raises(UnsupportedInputError, match="system prompt"):
        read_prompt("x", system=system)


def test_nothing_empty_is_sent() -> None:
    """No empty text beside an image, no message without parts, no blank system prompt: providers refuse them."""
    conversation = read_prompt("", images=[PNG], system="  ")
    assert [type(part) for part in conversation.messages[0].parts] == [ImagePart]
    assert conversation.system is None
    conversation = read_prompt([user("x"), Message(role="assistant", parts=()), user("y")])
    assert [message.text for message in conversation.messages] == ["x", "y"]


def test_system_messages_alone_are_what_is_asked() -> None:
    """Hardly a provider answers to system text alone: it is the user's then; a system prompt beside it stays one."""
    for system in (None, "zero"):
        conversation = read_prompt(
            [{"role": "system", "content": "one"}, {"role": "system", "content": "two"}], system=system
        )
        assert conversation.messages == (Message(role="user", parts=(TextPart("one\n\ntwo"),)),)
        assert conversation.system == system


@pytest.mark.parametrize(
    "prompt", ["", [{"role": "system", "content": " "}], [{"role": "system", "content": "x"}, user("")]]
)
def test_a_system_prompt_does_not_stand_in_for_an_empty_prompt(prompt: Any) -> None:
    """A prompt that was left empty is a mistake."""
    with pytest.raises(UnsupportedInputError, match="empty"):
        read_prompt(prompt, system="Be brief.")


def test_system_messages_are_joined_to_the_system_prompt() -> None:
    """In their order, a blank line between two."""
    prompt = [{"role": "system", "content": "one"}, user("x"), {"role": "system", "content": "two"}]
    conversation = read_prompt(prompt, system="zero")
    assert conversation.system == "zero\n\none\n\ntwo"
    assert [message.role for message in conversation.messages] == ["user"]


def test_attached_images_go_into_the_last_message_of_the_user() -> None:
    """Before its text; where there is none, into one of their own."""
    conversation = read_prompt([user("a"), user("b"), {"role": "assistant", "content": "c"}], images=[PNG])
    assert [len(message.parts) for message in conversation.messages] == [1, 2, 1]
    assert isinstance(conversation.messages[1].parts[0], ImagePart)
    alone = read_prompt([{"role": "assistant", "content": "c"}], images=[PNG])
    assert [message.role for message in alone.messages] == ["assistant", "user"]


@pytest.mark.parametrize(
    "tool, word",
    [
        ({"name": "my tool"}, "letters"),
        ({"name": "größe"}, "letters"),
        ({"name": "x" * 65}, "letters"),
        (Tool(name=""), "letters"),
        (Tool(name=None), "letters"),  # type: ignore[arg-type]
        (Tool(name="x", parameters=None), "type object"),  # type: ignore[arg-type]
        (Tool(name="x", description=None), "description"),  # type: ignore[arg-type]
        ({"name": "x", "description": LONE}, "surrogate"),
        ({"name": "x", "parameters": {"type": "object", "default": {1}}}, "JSON"),
        ({"name": "x", "parameters": {"type": "object", "default": float("nan")}}, "JSON"),
    ],
)
def test_a_tool_that_no_provider_could_take_is_refused(tool: Any, word: str) -> None:
    """Names, descriptions and parameters, of mappings and of `Tool`s."""
    with pytest.raises(UnsupportedInputError, match=word):
        read_tools([tool])


@pytest.mark.parametrize("choice", ["required", "nosuch", 5, {"type": "function"}, ["auto"]])
def test_a_tool_choice_is_a_word_or_a_tools_name(choice: Any) -> None:
    """And `required` needs tools to choose from."""
    with pytest.raises(UnsupportedInputError, match="tool_choice"):
        TEXT.read("x", tool_choice=choice)


@pytest.mark.parametrize(("tools", "sent"), [((), None), ((Tool(name="forecast"),), "auto")])
def test_a_tool_choice_without_tools_is_not_sent(tools: tuple[Tool, ...], sent: str | None) -> None:
    """`auto` and `none` say nothing there, and providers refuse them."""
    request = TEXT.build(TEXT.read("x", tools=tools, tool_choice="auto"), spec("smart"), {}, None)
    assert isinstance(request, TextRequest)
    assert request.tool_choice == sent


def test_a_stop_string_is_unicode() -> None:
    """As everything that is sent."""
    with pytest.raises(UnsupportedInputError, match="stop string"):
        TEXT.build(TEXT.read("x"), spec("smart"), {"stop": [LONE]}, None)


@pytest.mark.parametrize("prompt", ["", " \n", LONE, 5, None, ["x"], b"x"])
def test_the_prompt_of_an_image_is_text(prompt: Any) -> None:
    """Not a conversation, and not empty."""
    with pytest.raises(UnsupportedInputError, match="prompt"):
        read_image_prompt(prompt)
