"""Chat completions: what a request becomes, and what an answer becomes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import evolve

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
from pipelex_testing.rulebook import Rulebook
from tests.plugins.openai_calls import config, generated, sent, spec, stated, streamed, text_request, with_backend
from tests.servers.base import Reply, Server
from tests.servers.openai_server import TEXT, OpenAIServer, chunk, chunks, completion

PIXEL = Media(data=b"\x89PNG", media_type="image/png")
REMOTE = Media(url="https://example.org/a.png", media_type="image/png")
REPORT = Media(url="https://example.org/report", media_type="application/pdf")
DOCX = Media(data=b"PK\x03\x04", media_type="application/vnd.openxmlformats-officedocument.wordprocessingml.document")
PDF = Media(data=b"%PDF", media_type="application/pdf", name="report.pdf")
WEATHER = Tool(name="weather", description="Tells it.", parameters={"type": "object", "properties": {}})
RIVER = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "length": {"type": "integer"}},
    "required": ["name"],
}


def as_backend(name: str, **options: Any) -> Any:
    """How to make a backend of a name, with options."""
    return lambda url: config(url, name, options=options)


# ── What is sent ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_only_what_is_set_is_sent() -> None:
    """A bare question has a model and messages; the settings have OpenAI's names."""
    assert sent(text_request()) == {
        "model": "gpt-test",
        "messages": [{"role": "user", "content": "Name three rivers."}],
    }
    settings = text_request(
        system="Be brief.",
        temperature=0.0,
        max_tokens=5,
        top_p=0.5,
        seed=0,
        stop=("x",),
        reasoning_effort="low",
        tools=(WEATHER, Tool(name="bare")),
        tool_choice="weather",
    )
    assert sent(settings) == {
        "model": "gpt-test",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Name three rivers."},
        ],
        "temperature": 0.0,
        "max_completion_tokens": 5,
        "top_p": 0.5,
        "seed": 0,
        "stop": ["x"],
        "reasoning_effort": "low",
        "tools": [
            {
                "type": "function",
                "function": {"name": "weather", "description": "Tells it.", "parameters": WEATHER.parameters},
            },
            {"type": "function", "function": {"name": "bare", "parameters": {"type": "object", "properties": {}}}},
        ],
        "tool_choice": {"type": "function", "function": {"name": "weather"}},
    }


@pytest.mark.parametrize("choice", ["auto", "none", "required"])
def test_a_general_choice_of_tools_is_a_word(choice: str) -> None:
    """Only a tool's name becomes an object."""
    assert sent(text_request(tools=(WEATHER,), tool_choice=choice, stop=()))["tool_choice"] == choice


@pytest.mark.parametrize(
    "name, options, model_options, expected",
    [
        ("acme", {}, {}, {"max_tokens": 5, "stream_options": {"include_usage": True}}),
        ("ollama", {}, {}, {"max_tokens": 5, "stream_options": {"include_usage": True}}),
        ("groq", {"usage_in_stream": False}, {}, {"max_completion_tokens": 5}),
        (
            "acme",
            {"max_tokens_parameter": "max_tokens"},
            {"max_tokens_parameter": "max_completion_tokens", "usage_in_stream": False},
            {"max_completion_tokens": 5},
        ),
    ],
)
def test_traits_are_declared_not_coded(
    name: str, options: dict[str, Any], model_options: dict[str, Any], expected: dict[str, Any]
) -> None:
    """A backend's traits come of the table, its options override them, and a model's options override those."""
    request = text_request(spec=spec(options=model_options), max_tokens=5)
    body = sent(request, stream=True, make=as_backend(name, **options))
    del body["model"], body["messages"], body["stream"]
    assert body == expected


def test_openrouter_takes_reasoning_as_an_object() -> None:
    """Effort and budget go into `reasoning` there; elsewhere a budget is refused before any request."""
    router = as_backend("openrouter")
    assert sent(text_request(reasoning_effort="high"), make=router)["reasoning"] == {"effort": "high"}
    request = text_request(reasoning_budget=100)
    assert sent(request, make=router)["reasoning"] == {"max_tokens": 100}
    both = text_request(reasoning_budget=100, reasoning_effort="high")  # it takes one of the two
    assert sent(both, make=router)["reasoning"] == {"max_tokens": 100}
    with pytest.raises(errors.UnsupportedInputError, match="budget"):
        sent(request)


def test_images_and_documents_are_parts() -> None:
    """Bytes go as data URLs, a picture's URL as it is."""
    parts = (TextPart("Look:"), ImagePart(PIXEL), ImagePart(REMOTE), DocumentPart(PDF))
    body = sent(text_request(messages=(Message(role="user", parts=parts),)))
    assert body["messages"][0]["content"] == [
        {"type": "text", "text": "Look:"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
        {"type": "file", "file": {"filename": "report.pdf", "file_data": "data:application/pdf;base64,JVBERg=="}},
    ]


@pytest.mark.parametrize(
    "name, media, part",
    [
        ("perplexity", PDF, {"type": "file_url", "file_url": {"url": "JVBERg=="}}),
        ("perplexity", REPORT, {"type": "file_url", "file_url": {"url": REPORT.url}}),
        ("perplexity", DOCX, {"type": "file_url", "file_url": {"url": "UEsDBA=="}}),
        ("openrouter", REPORT, {"type": "file", "file": {"filename": "document.pdf", "file_data": REPORT.url}}),
    ],
)
def test_documents_go_as_the_endpoint_takes_them(name: str, media: Media, part: dict[str, Any]) -> None:
    """Perplexity and OpenRouter take a document by its URL, each in its own part."""
    request = text_request(messages=(Message(role="user", parts=(DocumentPart(media),)),))
    assert sent(request, make=as_backend(name))["messages"][0]["content"] == [part]


@pytest.mark.parametrize("name", ["ollama", "groq", "deepseek"])
def test_a_document_that_cannot_be_taken_is_refused(name: str) -> None:
    """An endpoint without documents refuses one before any request, whole or streamed."""
    request = text_request(messages=(Message(role="user", parts=(DocumentPart(PDF),)),))
    for stream in (False, True):
        with pytest.raises(errors.UnsupportedInputError, match="no documents"):
            sent(request, stream=stream, make=as_backend(name))


def test_a_conversation_with_tools_is_carried_on() -> None:
    """Calls go with the assistant's message, each result in a message of its own, and only our own extras along."""
    calls = (
        ToolCall(id="a", name="weather", arguments={"city": "Köln"}),
        ToolCall(id="b", name="weather", arguments={}),
    )
    extras = {"message": {"reasoning_details": [1]}, "tool_calls": {"b": {"extra_content": {"g": 2}}}}
    messages = (
        *stated("Weather?"),
        Message(
            role="assistant",
            parts=(
                TextPart("Let me see."),
                *calls,
                ProviderPart(provider="openai/chat", data=extras),
                ProviderPart(provider="openai/responses", data={"message": {"secret": 1}}),
                ProviderPart(provider="anthropic", data={"message": {"secret": 1}}),
            ),
        ),
        Message(role="tool", parts=(ToolResult(call_id="a", content="rain"), ToolResult(call_id="b", content="sun"))),
        Message(role="assistant", parts=(ToolCall(id="c", name="weather", arguments={}),)),
        Message(role="user", parts=(ToolResult(call_id="c", content="fog"), TextPart("And now?"))),
        Message(role="assistant", parts=(TextPart(" "),)),
    )
    function = {"name": "weather", "arguments": "{}"}
    gateway = OpenAIServer(Rulebook(provider="compatible"))  # OpenAI itself has no such extras
    assert sent(text_request(messages=messages), server=gateway)["messages"] == [
        {"role": "user", "content": "Weather?"},
        {
            "role": "assistant",
            "content": "Let me see.",
            "tool_calls": [
                {
                    "id": "a",
                    "type": "function",
                    "function": {"name": "weather", "arguments": '{"city":"Köln"}'},
                },
                {"id": "b", "type": "function", "function": function, "extra_content": {"g": 2}},
            ],
            "reasoning_details": [1],
        },
        {"role": "tool", "tool_call_id": "a", "content": "rain"},
        {"role": "tool", "tool_call_id": "b", "content": "sun"},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "type": "function", "function": function}]},
        {"role": "tool", "tool_call_id": "c", "content": "fog"},
        {"role": "user", "content": "And now?"},
    ]


# ── Objects ───────────────────────────────────────────────────────────────────────────────────────────────────────


def river_request(**options: Any) -> ObjectRequest:
    """A question whose answer is a river."""
    return ObjectRequest(spec=spec(options=options), messages=stated("A river."), schema=RIVER, schema_name="River")


def test_a_strict_schema_where_it_is_honoured() -> None:
    """OpenAI gets the adapted schema, an unknown endpoint the schema as it is."""
    format_ = sent(river_request())["response_format"]
    assert format_["type"] == "json_schema"
    assert format_["json_schema"]["strict"] is True
    assert format_["json_schema"]["schema"]["required"] == ["name", "length"]
    native = {"name": "River", "schema": RIVER}
    assert sent(river_request(), make=as_backend("acme"))["response_format"]["json_schema"] == native


def test_a_schema_that_cannot_be_strict_is_sent_as_it_is() -> None:
    """OpenAI then gets `strict: false`."""
    free = {"type": "object", "additionalProperties": {"type": "integer"}}
    request = ObjectRequest(spec=spec(), messages=stated("Counts."), schema=free, schema_name="Counts")
    assert sent(request)["response_format"]["json_schema"] == {"name": "Counts", "schema": free, "strict": False}


def test_an_object_as_a_forced_tool() -> None:
    """The tool is forced; behind the caller's own, one of them all is."""
    request = ObjectRequest(
        spec=spec(options={"structured_output": "tool"}),
        messages=stated("A river."),
        schema=RIVER,
        schema_name="River",
        tools=(WEATHER,),
    )
    body = sent(request, make=as_backend("acme"))
    assert [tool["function"]["name"] for tool in body["tools"]] == ["weather", "River"]
    assert body["tools"][1]["function"]["parameters"] == RIVER
    assert body["tool_choice"] == "required"
    alone = sent(evolve(request, tools=()), make=as_backend("acme"))
    assert alone["tool_choice"] == {"type": "function", "function": {"name": "River"}}


def test_an_object_in_json_mode() -> None:
    """JSON mode knows no schema: the system prompt tells it."""
    body = sent(river_request(), make=as_backend("deepseek"))
    assert body["response_format"] == {"type": "json_object"}
    assert body["messages"][0]["role"] == "system"
    assert body["messages"][0]["content"].endswith(json.dumps(RIVER))


def object_answer(reply: Reply | None = None, **options: Any) -> TextAnswer:
    """The answer to a question whose answer is a river."""

    async def use(backend: Any, _: Server) -> TextAnswer:
        answer: TextAnswer = await backend.generate_object(river_request(**options))
        return answer

    answer: TextAnswer = with_backend(use, *([reply] if reply else []))
    return answer


@pytest.mark.parametrize("mode", ["json_schema", "tool"])
def test_the_answer_is_the_document(mode: str) -> None:
    """However it was asked for, `text` is the JSON document, and there is no call of a tool."""
    answer = object_answer(structured_output=mode)
    assert json.loads(answer.text) == {"name": "text", "length": 1}
    assert (answer.finish_reason, answer.tool_calls) == ("stop", ())


def test_nulls_of_strict_mode_are_taken_out_of_the_document() -> None:
    """The caller's schema knows no null there."""
    answer = object_answer(Reply.json(completion('{"name": "Nile", "length": null}')))
    assert json.loads(answer.text) == {"name": "Nile"}


def test_a_document_of_a_misspelt_tool_is_one_all_the_same() -> None:
    """There is only one tool that a lone call can mean."""
    call = {"id": "c", "type": "function", "function": {"name": "functions.River", "arguments": '{"name": "Nile"}'}}
    answer = object_answer(Reply.json(completion(None, tool_calls=[call])), structured_output="tool")
    assert (json.loads(answer.text), answer.finish_reason, answer.tool_calls) == ({"name": "Nile"}, "stop", ())


def test_a_document_cut_short_says_so() -> None:
    """The partial text comes with finish reason `length`, from a tool's arguments too."""
    answer = object_answer(Reply.json(completion('{"name": "Ni', finish_reason="length")))
    assert (answer.text, answer.finish_reason) == ('{"name": "Ni', "length")
    call = {"id": "c", "type": "function", "function": {"name": "River", "arguments": '{"name": "Ni'}}
    reply = Reply.json(completion(None, tool_calls=[call], finish_reason="length"))
    answer = object_answer(reply, structured_output="tool")
    assert (answer.text, answer.finish_reason) == ('{"name": "Ni', "length")


@pytest.mark.parametrize(
    "reply",
    [
        Reply.json(completion(None, refusal="I cannot help with that.")),
        Reply.json({"choices": [{"index": 0, "finish_reason": "content_filter"}]}),
    ],
)
def test_a_refusal_is_no_document(reply: Reply) -> None:
    """Where an object was asked for, a refusal and a withheld answer are errors."""
    with pytest.raises(errors.ContentFilterError):
        object_answer(reply)


# ── What comes back ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_whole_answer() -> None:
    """Text, reason, counts, the request's id, and the answer as it came."""
    answer = generated()
    assert (answer.text, answer.finish_reason, answer.request_id) == (TEXT, "stop", "req_test")
    assert answer.usage == Usage(input_tokens=12, output_tokens=9, cached_tokens=4, reasoning_tokens=2)
    assert answer.raw["model"] == "gpt-test"


def test_a_streamed_answer() -> None:
    """The words as they come, then one answer with everything."""
    *deltas, answer = streamed()
    assert isinstance(answer, TextAnswer)
    assert deltas == ["The", " Nile,", " the", " Amazon", " and", " the", " Yangtze."]
    assert answer == generated()


def test_a_stream_without_the_last_marker_is_complete() -> None:
    """A finish reason ends an answer; not every endpoint sends `[DONE]`."""
    answer = streamed(Reply.sse(*chunks(done=False)))[-1]
    assert isinstance(answer, TextAnswer)
    assert (answer.text, answer.finish_reason) == (TEXT, "stop")


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize(
    "between", [": ping", "event: ping", "retry: 3000", "id: 7", "id: 7\n\n:", "data:", "event: ping\ndata:"]
)
def test_what_stands_between_the_events_is_no_event(between: str, end: str) -> None:
    """Comments, times to wait, ids and pings without data, as gateways send them to keep a connection open."""
    events = [f"data: {json.dumps(one)}\n\n" for one in chunks(done=False)]
    body = f"{between}\n\n" + f"{between}\n\n".join(events) + "data: [DONE]\n\n"
    answer = streamed(Reply(chunks=(body.replace("\n", end).encode(),), content_type="text/event-stream"))[-1]
    assert isinstance(answer, TextAnswer)
    assert (answer.text, answer.finish_reason) == (TEXT, "stop")


def test_an_answer_without_an_id_in_its_headers() -> None:
    """The id of the completion names the request then."""
    assert generated(Reply.json(completion())).request_id == "chatcmpl-1"


@pytest.mark.parametrize(
    "raw, ours",
    [("stop", "stop"), ("eos", "stop"), ("length", "length"), ("content_filter", "content_filter"), ("odd", "other")],
)
def test_finish_reasons(raw: str, ours: str) -> None:
    """The provider's words become ours, unknown ones `other`."""
    assert generated(Reply.json(completion(finish_reason=raw))).finish_reason == ours


def test_a_refusal_is_told() -> None:
    """The text of a refusal is the text of the answer, whose finish reason says what it is."""
    events = streamed(Reply.sse(chunk({"refusal": "I can"}), chunk({"refusal": "not."}), chunk({}, "stop"), "[DONE]"))
    whole = generated(Reply.json(completion(None, refusal="I cannot.")))
    for answer in (events[-1], whole):
        assert isinstance(answer, TextAnswer)
        assert (answer.text, answer.finish_reason) == ("I cannot.", "content_filter")
    assert events[:-1] == ["I can", "not."]


def test_parallel_calls_of_tools() -> None:
    """Calls in one answer keep their order, streamed in pieces or whole."""
    calls = [
        {"id": "a", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Köln"}'}},
        {"id": "b", "type": "function", "function": {"name": "time", "arguments": "{}"}},
    ]
    expected = (
        ToolCall(id="a", name="weather", arguments={"city": "Köln"}),
        ToolCall(id="b", name="time", arguments={}),
    )
    answer = streamed(Reply.sse(*chunks("", tool_calls=calls)))[-1]
    assert isinstance(answer, TextAnswer)
    assert (answer.tool_calls, answer.finish_reason) == (expected, "tool_calls")
    assert generated(Reply.json(completion(None, tool_calls=calls))).tool_calls == expected


@pytest.mark.parametrize("index", [{}, {"index": 0}], ids=["no index", "always 0"])
def test_calls_are_told_apart_without_an_index(index: dict[str, int]) -> None:
    """Some servers count no calls, or all as the first: a new id begins a new call; no id at all gets one."""
    pieces = [
        chunk({"tool_calls": [{**index, "id": "a", "function": {"name": "f", "arguments": '{"x"'}}]}),
        chunk({"tool_calls": [{**index, "function": {"arguments": ": 1}"}}]}),
        chunk({"tool_calls": [{**index, "id": "b", "function": {"name": "g", "arguments": {"y": 2}}}]}),
        chunk({}, "tool_calls"),
    ]
    answer = streamed(Reply.sse(*pieces))[-1]
    assert isinstance(answer, TextAnswer)
    assert [(call.id, call.name, call.arguments) for call in answer.tool_calls] == [
        ("a", "f", {"x": 1}),
        ("b", "g", {"y": 2}),
    ]
    nameless = generated(Reply.json(completion(None, tool_calls=[{"function": {"name": "f", "arguments": ""}}] * 2)))
    assert [call.id for call in nameless.tool_calls] == ["call_0", "call_1"]


def test_reasoning_is_apart() -> None:
    """Reasoning is not text, under either of its names, and comes back with calls of tools to who wants it."""
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    plain = generated(Reply.json(completion(reasoning_content="Hm.")))
    assert (plain.text, plain.reasoning, plain.provider_parts) == (TEXT, "Hm.", ())
    reply = Reply.json(completion(None, reasoning_content="Hm.", tool_calls=[{**call, "extra_content": {"s": 1}}]))
    answer = generated(reply, make=as_backend("deepseek"))
    data = {"message": {"reasoning_content": "Hm."}, "tool_calls": {"a": {"extra_content": {"s": 1}}}}
    assert answer.provider_parts == (ProviderPart(provider="deepseek/chat", data=data),)
    assert generated(reply).provider_parts == ()


def test_pieces_of_reasoning_go_together() -> None:
    """OpenRouter's details are joined by type and index, texts are joined."""
    call = {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}

    def detail(text: str, index: int = 0, **more: Any) -> dict[str, Any]:
        return {"reasoning": text, "reasoning_details": [{"type": "t", "index": index, "text": text, **more}]}

    events = [
        chunk(detail("a")),
        chunk(detail("b", signature="s")),
        chunk(detail("c", 1)),
        chunk({"tool_calls": [call]}),
        chunk({}, "tool_calls"),
    ]
    answer = streamed(Reply.sse(*events), make=as_backend("openrouter"))[-1]
    assert isinstance(answer, TextAnswer)
    assert answer.reasoning == "abc"
    assert answer.provider_parts[0].data["message"]["reasoning_details"] == [
        {"type": "t", "index": 0, "text": "ab", "signature": "s"},
        {"type": "t", "index": 1, "text": "c"},
    ]


@pytest.mark.parametrize("is_streamed", [False, True])
def test_an_empty_field_of_the_provider_goes_back(is_streamed: bool) -> None:
    """DeepSeek and Kimi refuse a message with calls whose reasoning_content is missing, be it empty."""
    call = {"id": "c", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    fields = {"content": "", "reasoning_content": "", "tool_calls": [{**call, "index": 0}]}
    if is_streamed:
        events = (chunk(fields), chunk({}, "tool_calls"))
        answer = streamed(Reply.sse(*events), make=as_backend("moonshot"))[-1]
    else:
        whole = completion("", finish_reason="tool_calls")
        whole["choices"][0]["message"].update(fields)
        answer = generated(Reply.json(whole), make=as_backend("moonshot"))
    assert isinstance(answer, TextAnswer)
    message = Message(role="assistant", parts=(*answer.tool_calls, *answer.provider_parts))
    result = Message(role="tool", parts=(ToolResult(call_id="c", content="rain"),))
    body = sent(text_request(messages=(*stated("Weather?"), message, result)), make=as_backend("moonshot"))
    assert body["messages"][1]["reasoning_content"] == ""
    assert "reasoning_content" not in sent(text_request(messages=(*stated("Weather?"), message, result)))["messages"][1]


def test_a_call_from_elsewhere_has_the_reasoning_that_deepseek_wants() -> None:
    """Empty, where another provider made the call."""
    message = Message(role="assistant", parts=(ToolCall(id="c", name="weather", arguments={}),))
    request = text_request(messages=(*stated("Weather?"), message))
    assert sent(request, make=as_backend("deepseek"))["messages"][1]["reasoning_content"] == ""


def test_reasoning_in_tags_that_was_cut_short() -> None:
    """A closing tag that never came leaves no visible text, and all of it reasoning."""
    request = text_request(spec=spec(options={"think_tags": True}))
    answer = generated(Reply.json(completion("<think>Never done", finish_reason="length")), request=request)
    assert (answer.text, answer.reasoning, answer.finish_reason) == ("", "Never done", "length")


@pytest.mark.parametrize(
    "text, visible, reasoning",
    [
        ("<think>\nHm.\n</think>\n\nThe Nile.", "The Nile.", "Hm."),
        ("The <think>Nile</think>.", "The <think>Nile</think>.", None),
        ("<thi", "<thi", None),
        ("Let me add.\n</think>\n\nThe answer is 4.", "The answer is 4.", "Let me add."),
        ("</think>\n\nThe answer is 4.", "The answer is 4.", None),
        ("No thought at all.", "No thought at all.", None),
    ],
)
def test_reasoning_in_tags(text: str, visible: str, reasoning: str | None) -> None:
    """A model that is declared to think in tags: what stands in the leading ones is not text, however it is cut."""
    request = text_request(spec=spec(options={"think_tags": True}))
    whole = generated(Reply.json(completion(text)), request=request)
    assert (whole.text, whole.reasoning) == (visible, reasoning)
    for size in (1, 3, 100):
        pieces = [chunk({"content": text[at : at + size]}) for at in range(0, len(text), size)]
        *deltas, answer = streamed(Reply.sse(*pieces, chunk({}, "stop")), request=request)
        assert isinstance(answer, TextAnswer)
        assert ("".join(map(str, deltas)), answer.text, answer.reasoning) == (visible, visible, reasoning)
    assert generated(Reply.json(completion(text))).text == text


@pytest.mark.parametrize(
    "name, options, usage, expected",
    [
        (
            "xai",
            {},
            {"prompt_tokens": 5, "completion_tokens": 2, "completion_tokens_details": {"reasoning_tokens": 30}},
            Usage(input_tokens=5, output_tokens=32, reasoning_tokens=30),
        ),
        (
            "acme",
            {"output_tokens": "from_total"},
            {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 40},
            Usage(input_tokens=5, output_tokens=35),
        ),
        (
            "deepseek",
            {},
            {"prompt_tokens": 5, "completion_tokens": 2, "prompt_cache_hit_tokens": 3},
            Usage(input_tokens=5, output_tokens=2, cached_tokens=3),
        ),
        (
            "openrouter",
            {},
            {"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 4}},
            Usage(input_tokens=5, cached_tokens=0, cache_write_tokens=4),
        ),
        ("acme", {}, None, Usage()),
        ("acme", {}, {"prompt_tokens": "5", "completion_tokens": True, "prompt_tokens_details": 3}, Usage()),
    ],
)
def test_tokens_mean_the_same_everywhere(name: str, options: dict[str, Any], usage: Any, expected: Usage) -> None:
    """All input, all output with reasoning, and the shares of them; what is not said is not made up."""
    answer = generated(Reply.json(completion(usage=usage)), make=as_backend(name, **options))
    assert answer.usage == expected


def test_groq_counts_in_a_field_of_its_own() -> None:
    """The usage of its streams stands in `x_groq`."""
    last = {**chunk({}, "stop"), "x_groq": {"usage": {"prompt_tokens": 3, "completion_tokens": 4}}}
    answer = streamed(Reply.sse(chunk({"content": "Hi"}), last, "[DONE]"), make=as_backend("groq"))[-1]
    assert isinstance(answer, TextAnswer)
    assert answer.usage == Usage(input_tokens=3, output_tokens=4)


def test_content_in_parts() -> None:
    """Some servers give the text in parts."""
    parts = [
        {"type": "thinking", "thinking": "Hm."},
        {"type": "text", "text": "The "},
        {"type": "text", "text": "Nile"},
    ]
    message = completion(None)
    message["choices"][0]["message"]["content"] = parts
    assert generated(Reply.json(message)).text == "The Nile"


@pytest.mark.parametrize("message", [{"text": None}, {"text": ""}, {"text": [{}]}, {"text": None, "refusal": [5]}])
def test_an_empty_answer_is_an_error(message: dict[str, Any]) -> None:
    """A stop without a word is not an answer; the error keeps what came."""
    with pytest.raises(errors.InvalidAnswerError, match="empty") as caught:
        generated(Reply.json(completion(**message)))
    assert caught.value.raw["id"] == "chatcmpl-1"
    with pytest.raises(errors.InvalidAnswerError, match="empty"):
        streamed(Reply.sse(chunk({"content": ""}), chunk({}, "stop")))


@pytest.mark.parametrize("wrong", [{"id": 5}, {"function": {"name": "", "arguments": "{}"}}, {"function": None}])
def test_a_call_without_a_name_is_an_error(wrong: dict[str, Any]) -> None:
    """Nobody could answer it."""
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}, **wrong}
    with pytest.raises(errors.InvalidAnswerError, match="no name"):
        generated(Reply.json(completion(None, tool_calls=[call])))


@pytest.mark.parametrize(
    "pieces, names",
    [
        (({"function": {"name": "f", "arguments": "{}"}}, {"function": {"name": "g", "arguments": "{}"}}), ["f", "g"]),
        (
            (
                {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{"}},
                {"index": 0, "id": "a", "function": {"name": "f", "arguments": "}"}},
            ),
            ["f"],
        ),
        (
            (
                {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}},
                {"index": 2, "id": "b", "function": {"name": "g", "arguments": "{"}},
                {"index": 2, "id": "", "function": {"name": None, "arguments": "}"}},
            ),
            ["f", "g"],
        ),
    ],
    ids=["no index and no id", "name repeated", "gap"],
)
def test_pieces_of_calls_as_compatible_servers_have_them(pieces: tuple[dict[str, Any], ...], names: list[str]) -> None:
    """Each call comes out once, with its name and its arguments."""
    *_, answer = streamed(Reply.sse(*(chunk({"tool_calls": [piece]}) for piece in pieces), chunk({}, "tool_calls")))
    assert isinstance(answer, TextAnswer)
    assert [(call.name, call.arguments) for call in answer.tool_calls] == [(name, {}) for name in names]
