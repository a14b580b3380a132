"""What the Bedrock plugin sends."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_core.errors import BadRequestError, CallError, UnsupportedInputError
from pipelex_core.parts import (
    DocumentPart,
    ImagePart,
    Media,
    Message,
    Part,
    ProviderPart,
    TextPart,
    Tool,
    ToolCall,
    ToolResult,
)
from tests.servers import bedrock
from tests.servers.bedrock import message, object_request, request, served, spec, stated

if TYPE_CHECKING:
    from pipelex_core.requests import TextRequest

clean_aws = bedrock.clean_aws
pytestmark = pytest.mark.usefixtures("clean_aws")

PNG = Media(data=b"\x89PNG\r\n\x1a\n1234", media_type="image/png")
PDF = Media(data=b"%PDF-1.7 1234", media_type="application/pdf", name="folder/Bill of 2026/07_final.v2.pdf")
WEATHER = Tool(name="weather", description="Tells it.", parameters={"type": "object", "properties": {"city": {}}})
SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


def sent(requested: TextRequest, **options: Any) -> dict[str, Any]:
    """The body that reaches the server."""

    async def main() -> dict[str, Any]:
        async with served(stated("ok"), **options) as (server, backend):
            await backend.generate_text(requested)
            body: dict[str, Any] = server.received[0].json
            return body

    return asyncio.run(main())


def refused(requested: TextRequest, **options: Any) -> CallError:
    """The error of a request that must not reach the server."""

    async def main() -> CallError:
        async with served(**options) as (server, backend):
            with pytest.raises(CallError) as caught:
                await backend.generate_text(requested)
            assert not server.received
            return caught.value

    return asyncio.run(main())


def user(*parts: Part) -> Message:
    return Message(role="user", parts=parts)


def test_a_bare_prompt_sends_nothing_but_itself() -> None:
    """What a request leaves out is the provider's to decide."""
    assert sent(request("Hello")) == {"messages": [{"role": "user", "content": [{"text": "Hello"}]}]}


def test_the_model_id_is_the_path_even_as_an_arn() -> None:
    """A colon or slash in a model id stays part of the id."""

    async def main() -> None:
        arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc"
        async with served(stated("ok"), stated("ok")) as (server, backend):
            await backend.generate_text(request())
            await backend.generate_text(request(spec=spec(model_id=arn)))
            paths = [received.path for received in server.received]
            assert paths == [f"/model/{bedrock.MODEL_ID}/converse", f"/model/{arn}/converse"]

    asyncio.run(main())


def test_settings_go_where_converse_has_them() -> None:
    """Temperature, limit, nucleus and stop strings stand in inferenceConfig, the system prompt apart."""
    nova = spec(model_id="us.amazon.nova-pro-v1:0")  # Claude takes temperature or top_p
    body = sent(request("Hi", spec=nova, system="Be brief", temperature=0.5, max_tokens=99, top_p=0.9, stop=("END",)))
    assert body["system"] == [{"text": "Be brief"}]
    assert body["inferenceConfig"] == {"temperature": 0.5, "maxTokens": 99, "topP": 0.9, "stopSequences": ["END"]}


def test_zero_is_a_setting() -> None:
    """A temperature of 0 is sent."""
    assert sent(request(temperature=0.0))["inferenceConfig"] == {"temperature": 0.0}


def test_a_seed_is_refused() -> None:
    """Converse has no seed, and none is dropped in silence."""
    assert isinstance(refused(request(seed=7)), UnsupportedInputError)


def test_media_are_bytes() -> None:
    """Images and documents go as bytes, with the format their type says."""
    content = sent(request([user(DocumentPart(PDF), ImagePart(PNG), TextPart("What?"))]))["messages"][0]["content"]
    assert [list(block) for block in content] == [["document"], ["image"], ["text"]]
    assert (content[0]["document"]["format"], content[1]["image"]["format"]) == ("pdf", "png")
    assert b64decode(content[0]["document"]["source"]["bytes"]) == PDF.data
    assert b64decode(content[1]["image"]["source"]["bytes"]) == PNG.data


def test_document_names_keep_to_what_bedrock_allows_and_differ() -> None:
    """A document's name is made of its file name, in the letters Bedrock takes, and is no other document's."""
    nameless = Media(data=b"%PDF-", media_type="application/pdf")
    content = sent(request([user(*map(DocumentPart, (PDF, nameless, nameless)), TextPart("?"))]))["messages"][0][
        "content"
    ]
    assert [block["document"]["name"] for block in content[:3]] == ["07 final v2", "document", "document 2"]


@pytest.mark.parametrize(
    ("media_type", "format"),
    [
        ("text/csv", "csv"),
        ("text/plain; charset=utf-8", "txt"),
        ("text/markdown", "md"),
        ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    ],
)
def test_documents_other_than_pdf(media_type: str, format: str) -> None:
    """Every document type of Converse has its format."""
    part = DocumentPart(Media(data=b"1,2", media_type=media_type))
    assert sent(request([user(part)]))["messages"][0]["content"][0]["document"]["format"] == format


@pytest.mark.parametrize(
    "part",
    [
        ImagePart(Media(url="https://example.com/a.png", media_type="image/png")),
        DocumentPart(Media(url="https://example.com/a.pdf", media_type="application/pdf")),
        ImagePart(Media(data=b"MM", media_type="image/tiff")),
        DocumentPart(Media(data=b"PK", media_type="application/zip")),
    ],
)
def test_what_bedrock_cannot_take_is_refused_before_it_is_sent(part: Part) -> None:
    """A URL, which Bedrock does not fetch, and a type it does not know."""
    assert isinstance(refused(request([user(part)])), UnsupportedInputError)


def test_core_is_told_to_download_what_is_a_url() -> None:
    """Bedrock fetches no URLs, and says so."""
    assert bedrock.make(bedrock.config(None)).fetches_urls is False


def test_tools_and_each_choice() -> None:
    """Tools keep their schema; a choice has Converse's own form; without a choice none is sent."""
    plain = sent(request(tools=(WEATHER,)))["toolConfig"]
    described = {"name": "weather", "description": "Tells it.", "inputSchema": {"json": dict(WEATHER.parameters)}}
    assert plain == {"tools": [{"toolSpec": described}]}
    for choice, form in (("auto", {"auto": {}}), ("required", {"any": {}}), ("weather", {"tool": {"name": "weather"}})):
        assert sent(request(tools=(WEATHER,), tool_choice=choice))["toolConfig"]["toolChoice"] == form


def test_a_tool_without_description_sends_none() -> None:
    """Bedrock refuses an empty description."""
    bare = Tool(name="noop")
    assert "description" not in sent(request(tools=(bare,)))["toolConfig"]["tools"][0]["toolSpec"]


def test_the_choice_none_leaves_the_tools_out() -> None:
    """Converse has no such choice, and where no tool was called before it needs no tools either."""
    assert "toolConfig" not in sent(request(tools=(WEATHER,), tool_choice="none"))
    called = Message(role="assistant", parts=(ToolCall(id="t1", name="weather", arguments={}),))
    answered = Message(role="tool", parts=(ToolResult(call_id="t1", content="Rain"),))
    requested = request([user(TextPart("?")), called, answered], tools=(WEATHER,), tool_choice="none")
    assert isinstance(refused(requested), UnsupportedInputError)


def test_a_conversation_with_calls_declares_them_where_no_tools_are_offered() -> None:
    """Converse refuses calls and results without a `toolConfig`; each tool of the history is in it once."""
    called = Message(role="assistant", parts=tuple(ToolCall(id=id_, name="weather", arguments={}) for id_ in "ab"))
    answered = Message(role="tool", parts=(ToolResult(call_id="a", content="Rain"),))
    requested = [user(TextPart("?")), called, answered]
    (tool,) = sent(request(requested))["toolConfig"]["tools"]
    assert (tool["toolSpec"]["name"], tool["toolSpec"]["inputSchema"]["json"]["type"]) == ("weather", "object")
    assert "toolChoice" not in sent(request(requested))["toolConfig"]


def test_the_roles_take_turns() -> None:
    """Parallel results and what the user says next are one message of the user, the results first."""
    calls = (
        ToolCall(id="t1", name="weather", arguments={"city": "Rome"}),
        ToolCall(id="t2", name="weather", arguments={}),
    )
    reported = [
        user(TextPart("Weather?")),
        Message(role="assistant", parts=(TextPart("Let me see."), *calls)),
        Message(role="tool", parts=(ToolResult(call_id="t1", content="Sun"),)),
        Message(role="tool", parts=(ToolResult(call_id="t2", content="No city", is_error=True),)),
        user(TextPart("Well?")),
    ]
    assert sent(request(reported, tools=(WEATHER,)))["messages"] == [
        {"role": "user", "content": [{"text": "Weather?"}]},
        {
            "role": "assistant",
            "content": [
                {"text": "Let me see."},
                {"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"city": "Rome"}}},
                {"toolUse": {"toolUseId": "t2", "name": "weather", "input": {}}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"toolResult": {"toolUseId": "t1", "content": [{"text": "Sun"}]}},
                {"toolResult": {"toolUseId": "t2", "content": [{"text": "No city"}], "status": "error"}},
                {"text": "Well?"},
            ],
        },
    ]


def test_empty_texts_beside_other_parts_are_left_out() -> None:
    """Bedrock refuses an empty text, and an empty result has no text at all."""
    reported = [
        user(TextPart("?")),
        Message(role="assistant", parts=(TextPart(""), ToolCall(id="t1", name="weather", arguments={}))),
        Message(role="tool", parts=(ToolResult(call_id="t1", content=""),)),
    ]
    body = sent(request(reported, tools=(WEATHER,)))["messages"]
    assert [list(block) for block in body[1]["content"]] == [["toolUse"]]
    assert body[2]["content"][0]["toolResult"]["content"] == []


def test_only_our_own_provider_parts_are_sent() -> None:
    """A thinking block comes back as it was; another provider's never leaves for Bedrock."""
    ours = {"reasoningContent": {"reasoningText": {"text": "Hm", "signature": "sig"}}}
    redacted = {"reasoningContent": {"redactedContent": b"\x00\x01"}}
    foreign = ProviderPart(provider="anthropic", data={"type": "thinking", "signature": "theirs"})
    reported = [
        user(TextPart("?")),
        Message(
            role="assistant",
            parts=(
                ProviderPart(provider="bedrock", data=ours),
                ProviderPart(provider="bedrock", data=redacted),
                foreign,
                TextPart("Yes"),
            ),
        ),
        Message(role="assistant", parts=(foreign,)),
        user(TextPart("Sure?")),
    ]
    body = sent(request(reported))["messages"]
    assert [entry["role"] for entry in body] == ["user", "assistant", "user"]
    assert body[1]["content"] == [ours, {"reasoningContent": {"redactedContent": "AAE="}}, {"text": "Yes"}]


def test_a_thought_goes_to_its_own_model_only() -> None:
    """It is signed: another model of the same backend gets the words alone."""
    thought = {"reasoningContent": {"reasoningText": {"text": "Hm", "signature": "sig"}}}
    part = ProviderPart(provider="bedrock", data={**thought, "model_id": bedrock.MODEL_ID})
    reported = [user(TextPart("?")), Message(role="assistant", parts=(part, TextPart("Yes"))), user(TextPart("Sure?"))]
    assert sent(request(reported))["messages"][1]["content"] == [thought, {"text": "Yes"}]
    other = spec(model_id="us.amazon.nova-pro-v1:0")
    assert sent(request(reported, spec=other))["messages"][1]["content"] == [{"text": "Yes"}]


def test_an_object_is_a_forced_tool_call() -> None:
    """The schema is the tool's, and the tool must be called."""
    config = sent(object_request(SCHEMA))["toolConfig"]
    assert config["toolChoice"] == {"tool": {"name": "Person"}}
    assert config["tools"][0]["toolSpec"]["inputSchema"] == {"json": SCHEMA}


def test_an_object_by_an_offered_tool_or_by_json_schema() -> None:
    """A model that takes no forced call is offered the tool; one with a JSON schema mode is given the schema."""
    offered = sent(object_request(SCHEMA, spec=spec(structured_output="offered_tool")))
    assert offered["toolConfig"]["toolChoice"] == {"auto": {}}
    native = sent(object_request(SCHEMA, spec=spec(structured_output="json_schema")))
    assert "toolConfig" not in native
    described = native["outputConfig"]["textFormat"]
    assert described["type"] == "json_schema"
    assert described["structure"]["jsonSchema"]["name"] == "Person"
    assert isinstance(described["structure"]["jsonSchema"]["schema"], str)


@pytest.mark.parametrize(
    ("model", "requested", "fields", "effort"),
    [
        (
            {"sdk": "bedrock_anthropic"},
            {"reasoning_budget": 2000},
            {"thinking": {"type": "enabled", "budget_tokens": 2000}},
            None,
        ),
        (
            {"reasoning": "budget"},
            {"reasoning_effort": "low"},
            {"thinking": {"type": "enabled", "budget_tokens": 2048}},
            None,
        ),
        (
            {"reasoning": "budget"},
            {"reasoning_effort": "max", "max_tokens": 4096},
            {"thinking": {"type": "enabled", "budget_tokens": 2048}},
            None,
        ),
        ({"reasoning": "budget"}, {"reasoning_effort": "none"}, None, None),
        ({"reasoning": "budget"}, {"reasoning_budget": 0}, None, None),
        ({"reasoning": "adaptive"}, {"reasoning_effort": "high"}, {"thinking": {"type": "adaptive"}}, "high"),
        ({"reasoning": "adaptive"}, {"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}, None),
        ({"reasoning": "effort"}, {"reasoning_effort": "minimal"}, None, "low"),
        (
            {"reasoning": "nova"},
            {"reasoning_effort": "xhigh"},
            {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}},
            None,
        ),
        ({"reasoning": "nova"}, {"reasoning_effort": "none"}, {"reasoningConfig": {"type": "disabled"}}, None),
        ({"reasoning": "openai"}, {"reasoning_effort": "low"}, {"reasoning_effort": "low"}, None),
        ({}, {"reasoning_effort": "none"}, None, None),
        ({}, {"reasoning_budget": 2000}, {"thinking": {"type": "enabled", "budget_tokens": 2000}}, None),
    ],
)
def test_each_family_reasons_in_its_own_way(
    model: dict[str, Any], requested: dict[str, Any], fields: dict[str, Any] | None, effort: str | None
) -> None:
    """The spec says how; the request's effort or budget is written so."""
    body = sent(request(spec=spec(**model), **requested))
    assert body.get("additionalModelRequestFields") == fields
    assert body.get("outputConfig", {}).get("effort") == effort


@pytest.mark.parametrize(
    ("model", "requested"),
    [
        ({}, {"reasoning_effort": "high"}),
        ({"reasoning": "adaptive"}, {"reasoning_budget": 2000}),
        ({"reasoning": "effort"}, {"reasoning_effort": "none"}),
        ({"reasoning": "budget"}, {"reasoning_effort": "high", "max_tokens": 1500}),
        ({"reasoning": "budget"}, {"reasoning_budget": 1023}),
        ({"reasoning": "budget"}, {"reasoning_budget": 2000, "max_tokens": 2000}),
        ({"reasoning": "budget"}, {"reasoning_budget": 2000, "temperature": 0.5}),
        ({"reasoning": "budget"}, {"reasoning_budget": 2000, "top_p": 0.9}),
        ({"reasoning": "adaptive"}, {"reasoning_effort": "low", "tools": (WEATHER,), "tool_choice": "required"}),
    ],
)
def test_reasoning_that_cannot_be_asked_for_is_refused(model: dict[str, Any], requested: dict[str, Any]) -> None:
    """Nothing that was asked for is dropped in silence."""
    assert isinstance(refused(request(spec=spec(**model), **requested)), UnsupportedInputError)


def test_a_thinking_claude_is_not_forced_to_call_a_tool() -> None:
    """It refuses that; the tool is offered instead."""
    body = sent(object_request(SCHEMA, spec=spec(reasoning="budget"), reasoning_budget=2000))
    assert body["toolConfig"]["toolChoice"] == {"auto": {}}


def test_cache_points_stand_where_the_spec_wants_them() -> None:
    """After the system prompt, the tools, and the last message of the user; nowhere else."""
    point = {"cachePoint": {"type": "default"}}
    requested = request("Hi", system="Long", tools=(WEATHER,), spec=spec(cache_points=["system", "tools", "messages"]))
    body = sent(requested)
    assert body["system"] == [{"text": "Long"}, point]
    assert body["toolConfig"]["tools"][-1] == point
    assert body["messages"][-1]["content"] == [{"text": "Hi"}, point]
    assert "cachePoint" not in str(sent(request("Hi", system="Long", tools=(WEATHER,))))
    assert "system" not in sent(request("Hi", spec=spec(cache_points=["system"])))
    assert isinstance(refused(request(spec=spec(cache_points=["everything"]))), UnsupportedInputError)


def test_guardrail_of_the_backend_and_of_the_model() -> None:
    """The model's wins; its names become Converse's; a key that is none is refused."""
    body = sent(request(), guardrail={"identifier": "g1", "version": 2})
    assert body["guardrailConfig"] == {"guardrailIdentifier": "g1", "guardrailVersion": "2"}
    own = spec(guardrail={"identifier": "g2", "version": "DRAFT", "trace": "enabled"})
    body = sent(request(spec=own), guardrail={"identifier": "g1", "version": "1"})
    assert body["guardrailConfig"] == {"guardrailIdentifier": "g2", "guardrailVersion": "DRAFT", "trace": "enabled"}
    assert isinstance(refused(request(spec=spec(guardrail={"id": "g"}))), UnsupportedInputError)


def test_the_models_own_fields_and_tier() -> None:
    """Additional fields go as they are, beside those of the reasoning."""
    model = spec(additional_fields={"top_k": 5}, service_tier="flex", reasoning="openai")
    body = sent(request(spec=model, reasoning_effort="low"))
    assert body["additionalModelRequestFields"] == {"top_k": 5, "reasoning_effort": "low"}
    assert body["serviceTier"] == {"type": "flex"}


def test_a_block_botocore_does_not_know_is_a_bad_request() -> None:
    """What cannot be written as a request never becomes a network or server error."""
    part = ProviderPart(provider="bedrock", data={"nonsense": {}})
    assert type(refused(request([user(part, TextPart("Hi"))]))) is BadRequestError


def test_any_text_arrives_as_it_was() -> None:
    """Long texts and all of Unicode go through."""
    text = "日本語 🧮 \x00 \u2028 " + "x" * 1_000_000
    assert sent(request(text))["messages"][0]["content"][0]["text"] == text


def test_an_answer_can_be_carried_on() -> None:
    """What an answer holds for the next turn is accepted back as it came."""

    async def main() -> None:
        thought = {"reasoningContent": {"reasoningText": {"text": "Hm", "signature": "c2ln"}}}
        call = {"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"city": "Rome"}}}
        async with served(message(thought, {"text": "See."}, call, stop="tool_use"), stated("Sun")) as (
            server,
            backend,
        ):
            answer = await backend.generate_text(request(tools=(WEATHER,)))
            reported = (
                user(TextPart("Hello")),
                Message(role="assistant", parts=(*answer.provider_parts, TextPart(answer.text), *answer.tool_calls)),
                Message(role="tool", parts=(ToolResult(call_id=answer.tool_calls[0].id, content="Sun"),)),
            )
            await backend.generate_text(request(reported, tools=(WEATHER,)))
            assert server.received[1].json["messages"][1]["content"] == [thought, {"text": "See."}, call]

    asyncio.run(main())
