"""What Mistral's chat endpoint is sent."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest

from pipelex_backend_mistral._chat_request import chat_body, size_of
from pipelex_backend_mistral._json import encoded
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
from pipelex_core.requests import ObjectRequest, TextRequest
from pipelex_core.specs import ModelSpec

SPEC = ModelSpec(name="small", backend="mistral", sdk="mistral", model_id="mistral-small-latest")
PDF = Media(data=b"%PDF-1.7", media_type="application/pdf")
PICTURE = Media(url="https://example.com/a.png", media_type="image/png")


def stated(role: Role, *parts: Part | str) -> Message:
    return Message(role=role, parts=tuple(TextPart(part) if isinstance(part, str) else part for part in parts))


def body(*messages: Message, **settings: Any) -> dict[str, Any]:
    return chat_body(TextRequest(spec=SPEC, messages=messages or (stated("user", "Hi"),), **settings))


def test_nothing_is_sent_that_was_not_asked_for() -> None:
    """A prompt alone is the model and one message."""
    assert body() == {"model": "mistral-small-latest", "messages": [{"role": "user", "content": "Hi"}]}


def test_settings_have_mistrals_names() -> None:
    """Each setting is sent under the name the API gives it, as it is."""
    sent = body(temperature=0.2, max_tokens=5, top_p=0.9, seed=7, stop=("a", "b"), reasoning_effort="high")
    del sent["model"], sent["messages"]
    assert sent == {
        "temperature": 0.2,
        "max_tokens": 5,
        "top_p": 0.9,
        "random_seed": 7,
        "stop": ["a", "b"],
        "reasoning_effort": "high",
    }


def test_zero_is_a_setting() -> None:
    """A temperature and a seed of 0 are sent."""
    sent = body(temperature=0.0, seed=0)
    assert (sent["temperature"], sent["random_seed"]) == (0.0, 0)


def test_a_reasoning_budget_is_refused() -> None:
    """Mistral has no parameter for it: an error before anything is sent, not a silent loss."""
    with pytest.raises(UnsupportedInputError, match="reasoning_budget"):
        body(reasoning_budget=100)


def test_the_prompt_mode_of_a_model_is_sent() -> None:
    """A model's option `prompt_mode` goes into every request."""
    spec = ModelSpec(name="m", backend="mistral", sdk="mistral", model_id="m", options={"prompt_mode": "reasoning"})
    assert chat_body(TextRequest(spec=spec, messages=(stated("user", "Hi"),)))["prompt_mode"] == "reasoning"


def test_the_system_prompt_is_the_first_message() -> None:
    """System text comes before the conversation."""
    assert body(system="Be brief.")["messages"][0] == {"role": "system", "content": "Be brief."}


def test_images_and_documents_are_urls_or_data_urls() -> None:
    """Media go as addresses, their bytes as data URLs, in the order of the parts."""
    (sent,) = body(stated("user", ImagePart(PICTURE), DocumentPart(PDF), "What?"))["messages"]
    assert sent["content"] == [
        {"type": "image_url", "image_url": "https://example.com/a.png"},
        {"type": "document_url", "document_url": "data:application/pdf;base64,JVBERi0xLjc="},
        {"type": "text", "text": "What?"},
    ]


def test_tool_calls_and_results_answer_each_other() -> None:
    """A call's arguments are JSON text, and each result is a message of its own, with a name where the caller gave one."""
    calls = [ToolCall(id=f"abcdefgh{n}", name="add", arguments={"n": n}) for n in (1, 2)]
    results = [
        ToolResult(call_id=call.id, content="ok", name=name) for call, name in zip(calls, ("add", None), strict=True)
    ]
    sent = body(stated("user", "Add"), stated("assistant", *calls), stated("tool", *results))["messages"]
    assert sent[1]["content"] == ""
    assert sent[1]["tool_calls"][1] == {
        "id": "abcdefgh2",
        "type": "function",
        "function": {"name": "add", "arguments": '{"n":2}'},
    }
    assert sent[2:] == [
        {"role": "tool", "tool_call_id": "abcdefgh1", "content": "ok", "name": "add"},
        {"role": "tool", "tool_call_id": "abcdefgh2", "content": "ok"},
    ]


def test_another_providers_call_id_becomes_one_that_mistral_takes() -> None:
    """An id that is not nine letters and digits is translated, in the call and in its result alike, and always so."""
    call = ToolCall(id="call_0123456789abcdef", name="f", arguments={})
    messages = (
        stated("user", "Go"),
        stated("assistant", call),
        stated("tool", ToolResult(call_id=call.id, content="1")),
    )
    sent = body(*messages)["messages"]
    translated = sent[1]["tool_calls"][0]["id"]
    assert translated.isalnum()
    assert len(translated) == 9
    assert sent[2]["tool_call_id"] == translated
    assert body(*messages)["messages"] == sent


@pytest.mark.parametrize("apart", [True, False], ids=["own message", "same message"])
def test_an_assistants_message_stands_between_a_tools_and_a_users(apart: bool) -> None:
    """Mistral refuses a user's message straight after a tool's result, wherever the result stood."""
    result = ToolResult(call_id="abcdefgh1", content="1")
    after = (stated("tool", result), stated("user", "Thanks")) if apart else (stated("user", result, "Thanks"),)
    call = ToolCall(id="abcdefgh1", name="f", arguments={})
    sent = body(stated("user", "Go"), stated("assistant", call), *after)["messages"]
    assert [one["role"] for one in sent] == ["user", "assistant", "tool", "assistant", "user"]
    assert sent[3]["content"] == "OK"


def test_thinking_goes_back_to_mistral_and_to_nobody_else() -> None:
    """Mistral's own parts come first in the model's message; another provider's are left out."""
    chunk = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}
    parts = (ProviderPart(provider="anthropic", data={"x": 1}), "8", ProviderPart(provider="mistral", data=chunk))
    sent = body(stated("user", "5+3?"), stated("assistant", *parts), stated("user", "And 2?"))["messages"]
    assert sent[1] == {"role": "assistant", "content": [chunk, {"type": "text", "text": "8"}]}


@pytest.mark.parametrize(
    "role, part", [("assistant", ImagePart(PICTURE)), ("user", ToolCall(id="abcdefgh1", name="f", arguments={}))]
)
def test_a_part_in_the_wrong_place_is_refused(role: Role, part: Part) -> None:
    """A part that a role's message has no place for is an error that names both."""
    with pytest.raises(UnsupportedInputError, match=f"'{role}' has no place for a {type(part).__name__}"):
        body(stated(role, part))


@pytest.mark.parametrize(
    "choice, sent",
    [
        ("auto", "auto"),
        ("none", "none"),
        ("required", "required"),
        ("add", {"type": "function", "function": {"name": "add"}}),
    ],
)
def test_a_tool_choice_is_a_word_or_a_function(choice: str, sent: object) -> None:
    """The three words go as they are, a tool's name as that tool."""
    tool = Tool(name="add", description="Adds.", parameters={"type": "object", "properties": {}})
    made = body(tools=(tool,), tool_choice=choice)
    assert made["tool_choice"] == sent
    assert made["tools"] == [
        {
            "type": "function",
            "function": {"name": "add", "description": "Adds.", "parameters": {"type": "object", "properties": {}}},
        }
    ]


def test_an_object_is_asked_for_by_its_schema() -> None:
    """Where the model enforces schemas, the schema is the `response_format`, and the prompt stays as it was."""
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    made = chat_body(ObjectRequest(spec=SPEC, messages=(stated("user", "Hi"),), schema=schema, schema_name="count"))
    assert made["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "count", "schema": {**schema, "additionalProperties": False}, "strict": True},
    }
    assert len(made["messages"]) == 1


@pytest.mark.parametrize("system", [None, "Be brief."])
def test_json_mode_says_the_schema_in_the_system_prompt(system: str | None) -> None:
    """Where the model does not, it gets JSON mode and is told the schema, after its own system prompt."""
    spec = ModelSpec(
        name="old", backend="mistral", sdk="mistral", model_id="old", options={"structured_output": "json_mode"}
    )
    schema = MappingProxyType({"type": "object", "title": "Count"})
    made = chat_body(ObjectRequest(spec=spec, messages=(stated("user", "Hi"),), system=system, schema=schema))
    assert made["response_format"] == {"type": "json_object"}
    assert made["messages"][0]["content"].startswith(system or "Answer")
    assert '{"type":"object","title":"Count"}' in made["messages"][0]["content"]


@pytest.mark.parametrize("value", [object(), float("nan")])
def test_what_is_no_json_is_refused(value: object) -> None:
    """A value that JSON has no form for is an error of ours, before anything is sent."""
    with pytest.raises(UnsupportedInputError, match="JSON"):
        encoded({"value": value})


def test_the_size_of_a_request_counts_all_its_text() -> None:
    """System text, prompts, tools' results and the tokens asked for count; media do not."""
    result = ToolResult(call_id="abcdefgh1", content="1234")
    messages = (stated("user", "12", ImagePart(PICTURE)), stated("tool", result))
    assert size_of(TextRequest(spec=SPEC, messages=messages, system="1", max_tokens=10)) == 1 + 2 + 4 + 10
