"""The Responses API: what a request becomes, and what a response becomes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipelex_core import errors
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
from pipelex_core.requests import ObjectRequest
from pipelex_core.results import TextAnswer, Usage
from tests.plugins.openai_calls import config, generated, sent, spec, stated, streamed, text_request, with_backend
from tests.servers.base import Reply, Server
from tests.servers.openai_server import TEXT, message_item, response, response_events

SDK: dict[str, Any] = {"sdk": "openai_responses"}
CALL = {"id": "fc_1", "type": "function_call", "call_id": "call_1", "name": "weather", "arguments": '{"city": "Köln"}'}
REASONING = {
    "id": "rs_1",
    "type": "reasoning",
    "summary": [{"type": "summary_text", "text": "Hm."}],
    "encrypted_content": "x",
}
RIVER = {"type": "object", "properties": {"name": {"type": "string"}}}


def test_only_what_is_set_is_sent() -> None:
    """A bare question has a model and input, and is not stored; the settings have this API's names."""
    bare = {
        "model": "gpt-test",
        "input": [{"role": "user", "content": "Name three rivers."}],
        "store": False,
    }
    assert sent(text_request(), **SDK) == bare
    settings = text_request(
        system="Be brief.",
        temperature=0.0,
        max_tokens=50,
        top_p=0.5,
        reasoning_effort="low",
        tools=(Tool(name="weather", description="Tells it."), Tool(name="bare")),
        tool_choice="weather",
    )
    nothing = {"type": "object", "properties": {}}
    assert sent(settings, **SDK) == {
        **bare,
        "instructions": "Be brief.",
        "temperature": 0.0,
        "max_output_tokens": 50,
        "top_p": 0.5,
        "reasoning": {"effort": "low"},
        "include": ["reasoning.encrypted_content"],
        "tools": [
            {"type": "function", "name": "weather", "description": "Tells it.", "parameters": nothing, "strict": False},
            {"type": "function", "name": "bare", "parameters": nothing, "strict": False},
        ],
        "tool_choice": {"type": "function", "name": "weather"},
    }


@pytest.mark.parametrize("setting", [{"stop": ("x",)}, {"seed": 1}, {"reasoning_budget": 100}])
@pytest.mark.parametrize("stream", [False, True])
def test_what_the_api_lacks_is_refused(setting: dict[str, Any], stream: bool) -> None:
    """A setting that cannot be sent is refused by name, not dropped."""
    with pytest.raises(errors.UnsupportedInputError, match=next(iter(setting))):
        sent(text_request(**setting), stream=stream, **SDK)


@pytest.mark.parametrize(
    "fields, is_requested",
    [
        ({}, False),
        ({"constraints": frozenset(["temperature_must_be_1"])}, True),
        ({"constraints": frozenset(["temperature_must_be_1"]), "options": {"encrypted_reasoning": False}}, False),
        ({"options": {"encrypted_reasoning": True}}, True),
    ],
)
def test_encrypted_reasoning_is_asked_of_models_that_reason(fields: dict[str, Any], is_requested: bool) -> None:
    """Others refuse the request for it; the spec says which, or an option does."""
    assert ("include" in sent(text_request(spec=spec(**fields)), **SDK)) is is_requested


def test_a_summary_is_asked_for_by_an_option() -> None:
    """OpenAI shows reasoning only where a summary is asked for."""
    request = text_request(spec=spec(options={"reasoning_summary": "auto"}))
    assert sent(request, **SDK)["reasoning"] == {"summary": "auto"}


def test_images_and_documents_are_parts() -> None:
    """Bytes go as data URLs, URLs as they are, documents too."""
    parts = (
        TextPart("Look:"),
        ImagePart(Media(data=b"\x89PNG", media_type="image/png")),
        DocumentPart(Media(data=b"%PDF", media_type="application/pdf", name="a.pdf")),
        DocumentPart(Media(url="https://example.org/b.pdf", media_type="application/pdf")),
    )
    body = sent(text_request(messages=(Message(role="user", parts=parts),)), **SDK)
    assert body["input"][0]["content"] == [
        {"type": "input_text", "text": "Look:"},
        {"type": "input_image", "image_url": "data:image/png;base64,iVBORw=="},
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERg=="},
        {"type": "input_file", "file_url": "https://example.org/b.pdf"},
    ]


def test_a_conversation_with_tools_is_carried_on() -> None:
    """Calls and results are items; where the answer's own items are known, they go back as they came."""
    call = ToolCall(id="call_1", name="weather", arguments={"city": "Köln"})
    result = Message(role="tool", parts=(ToolResult(call_id="call_1", content="rain"),))

    def body(*parts: Any) -> Any:
        messages = (*stated("Weather?"), Message(role="assistant", parts=parts), result)
        return sent(text_request(messages=messages), **SDK)["input"][1:]

    output = {"type": "function_call_output", "call_id": "call_1", "output": "rain"}
    assert body(TextPart("Let me see."), call) == [
        {"role": "assistant", "content": "Let me see."},
        {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": '{"city":"Köln"}'},
        output,
    ]
    own = ProviderPart(provider="openai/responses", data={"output": (REASONING, CALL)})
    assert body(own, TextPart("Let me see."), call) == [REASONING, CALL, output]
    foreign = ProviderPart(provider="xai/responses", data={"output": (REASONING, CALL)})
    assert body(foreign, call)[0]["type"] == "function_call"


def test_a_whole_response() -> None:
    """Text, reason, counts, the request's id, and the response as it came."""
    answer = generated(**SDK)
    assert (answer.text, answer.finish_reason, answer.request_id) == (TEXT, "stop", "req_test")
    assert answer.usage == Usage(input_tokens=12, output_tokens=9, cached_tokens=4, reasoning_tokens=2)
    assert answer.raw["id"] == "resp_1"


def test_a_streamed_response() -> None:
    """The words as they come, then one answer with everything."""
    *deltas, answer = streamed(**SDK)
    assert isinstance(answer, TextAnswer)
    assert deltas == ["The", " Nile,", " the", " Amazon", " and", " the", " Yangtze."]
    assert answer == generated(**SDK)


@pytest.mark.parametrize("stream", [False, True])
def test_reasoning_and_calls(stream: bool) -> None:
    """Reasoning is not text and comes back as the provider's part; a call of a tool ends the answer."""
    output = (REASONING, CALL)
    if stream:
        answer = streamed(Reply.sse(*response_events(*output)), **SDK)[-1]
        assert isinstance(answer, TextAnswer)
    else:
        answer = generated(Reply.json(response(*output)), **SDK)
    assert (answer.text, answer.finish_reason, answer.reasoning) == ("", "tool_calls", "Hm.")
    assert answer.tool_calls == (ToolCall(id="call_1", name="weather", arguments={"city": "Köln"}),)
    assert answer.provider_parts == (ProviderPart(provider="openai/responses", data={"output": output}),)


def test_reasoning_that_cannot_go_back_stays() -> None:
    """Without its encrypted form it would be an unknown id to a provider that stores nothing."""
    bare = {**REASONING, "encrypted_content": None}
    assert generated(Reply.json(response(bare, message_item())), **SDK).provider_parts == ()


@pytest.mark.parametrize(
    "reason, ours", [("max_output_tokens", "length"), ("content_filter", "content_filter"), ("odd", "other")]
)
def test_an_incomplete_response(reason: str, ours: str) -> None:
    """The reason of an incomplete response is the finish reason, whole or streamed."""
    details = {"incomplete_details": {"reason": reason}}
    whole = generated(Reply.json(response(message_item("The"), status="incomplete", **details)), **SDK)
    events = response_events(message_item("The"), last="response.incomplete", **details)
    end = streamed(Reply.sse(*events), **SDK)[-1]
    assert isinstance(end, TextAnswer)
    assert (whole.text, whole.finish_reason) == (end.text, end.finish_reason) == ("The", ours)


def test_a_refusal() -> None:
    """Its text is the answer's, whose finish reason says what it is."""
    refusal = {**message_item(), "content": [{"type": "refusal", "refusal": "I cannot."}]}
    answer = generated(Reply.json(response(refusal)), **SDK)
    assert (answer.text, answer.finish_reason) == ("I cannot.", "content_filter")


@pytest.mark.parametrize(
    "last, wanted",
    [
        (("response.failed", {"error": {"code": "server_error", "message": "Broken."}}), errors.ServerError),
        (("response.failed", {"error": {"code": "rate_limit_exceeded", "message": "No."}}), errors.RateLimitError),
        (("response.failed", {"error": {"code": "invalid_prompt", "message": "No."}}), errors.ContentFilterError),
    ],
)
def test_a_failed_response(last: Any, wanted: type[errors.CallError]) -> None:
    """A response that failed is an error with what came before, by its code."""
    events = response_events(message_item("The Nile"), last=last[0], **last[1])
    with pytest.raises(errors.CallError) as caught:
        streamed(Reply.sse(*events), **SDK)
    assert (type(caught.value), caught.value.partial_text) == (wanted, "The Nile")
    with pytest.raises(wanted):
        generated(Reply.json(response(status="failed", **last[1])), **SDK)


@pytest.mark.parametrize(
    "event, wanted",
    [
        ({"type": "error", "code": "context_length_exceeded", "message": "Too long."}, errors.ContextTooLongError),
        ({"type": "error", "error": {"code": "server_error", "message": "Broken."}}, errors.ServerError),
        ({"type": "response.output_text.delta"}, errors.InvalidAnswerError),
    ],
)
def test_a_broken_stream_of_events(event: Any, wanted: type[errors.CallError]) -> None:
    """An error event, and one without what it must have, end the call with the partial text."""
    delta = {"type": "response.output_text.delta", "delta": "The"}
    with pytest.raises(errors.CallError) as caught:
        streamed(Reply.sse(delta, event), **SDK)
    assert (type(caught.value), caught.value.partial_text) == (wanted, "The")


def test_a_text_that_comes_with_the_last_event_is_streamed_too() -> None:
    """Some gateways send no pieces: whoever reads them gets the text all the same."""
    last = list(response_events(message_item()))[-1]
    text, answer = streamed(Reply.sse(last), **SDK)
    assert isinstance(answer, TextAnswer)
    assert text == answer.text == TEXT


def test_a_stream_without_its_end() -> None:
    """Without the completed response, the connection broke."""
    with pytest.raises(errors.ProviderConnectionError) as caught:
        streamed(Reply.sse(*list(response_events(message_item()))[:-1]), **SDK)
    assert caught.value.partial_text == TEXT


@pytest.mark.parametrize(
    "body",
    [{"id": "x"}, {"status": "completed"}, {"status": "queued", "output": []}, {"status": "completed", "output": [3]}],
)
def test_a_200_that_is_no_response(body: Any) -> None:
    """What is not a finished response is an invalid answer."""
    with pytest.raises(errors.InvalidAnswerError):
        generated(Reply.json(body), **SDK)


@pytest.mark.parametrize("wrong", [{"call_id": ""}, {"call_id": None}, {"name": ""}, {"name": 5}])
def test_a_call_without_a_name_or_an_id_is_an_error(wrong: dict[str, Any]) -> None:
    """Nobody could answer it."""
    with pytest.raises(errors.InvalidAnswerError, match="no name or no id"):
        generated(Reply.json(response({**CALL, **wrong})), **SDK)


@pytest.mark.parametrize("mode", ["json_schema", "tool", "json_mode"])
def test_objects(mode: str) -> None:
    """However it is asked for, `text` is the JSON document."""
    request = ObjectRequest(
        spec=spec(options={"structured_output": mode}), messages=stated("A river."), schema=RIVER, schema_name="River"
    )

    async def use(backend: Any, server: Server) -> Any:
        server.queue(*([Reply.json(response(message_item('{"name": "text"}')))] if mode == "json_mode" else []))
        return await backend.generate_object(request), server.received[0].json

    answer, body = with_backend(use, **SDK)
    assert (json.loads(answer.text), answer.finish_reason, answer.tool_calls) == ({"name": "text"}, "stop", ())
    strict: dict[str, Any] = {
        **RIVER,
        "properties": {"name": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
        "required": ["name"],
    }
    strict["additionalProperties"] = False
    if mode == "json_schema":
        assert body["text"]["format"] == {"type": "json_schema", "name": "River", "schema": strict, "strict": True}
    elif mode == "tool":
        assert (body["tools"][0]["parameters"], body["tools"][0]["strict"]) == (strict, True)
        assert body["tool_choice"] == {"type": "function", "name": "River"}
    else:
        assert body["text"]["format"] == {"type": "json_object"}
        assert "JSON" in body["input"][0]["content"]


def test_an_object_of_a_misspelt_tool_is_one_all_the_same() -> None:
    """There is only one tool that a lone call can mean."""
    item = {"type": "function_call", "call_id": "c", "name": "functions.River", "arguments": '{"name": "Nile"}'}
    requested = spec(options={"structured_output": "tool"})
    request = ObjectRequest(spec=requested, messages=stated("A river."), schema=RIVER, schema_name="River")

    async def use(backend: Any, _: Server) -> Any:
        return await backend.generate_object(request)

    answer = with_backend(use, Reply.json(response(item)), **SDK)
    assert (json.loads(answer.text), answer.finish_reason, answer.tool_calls) == ({"name": "Nile"}, "stop", ())


def test_azure_has_it_too() -> None:
    """The v1 address by default, a dated version without a deployment in the path."""

    def make(version: str | None) -> Any:
        options = {"api_version": version} if version else {}
        return lambda url: config(url.removesuffix("/v1"), "azure_openai", endpoint=url, options=options)

    async def use(backend: Any, server: Server) -> Any:
        await backend.generate_text(text_request())
        return server.received[0]

    for version, path in ((None, "/openai/v1/responses"), ("2025-03-01-preview", "/openai/responses")):
        received = with_backend(use, sdk="azure_openai_responses", make=make(version))
        assert (received.path, received.query.get("api-version")) == (path, version)
        assert "api-key" in received.headers
