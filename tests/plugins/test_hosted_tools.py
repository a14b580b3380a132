"""Web search that the provider runs, and the sources that its answers name: real SDKs, on servers that refuse as the provider does."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pipelex_core import AsyncClient, CallError, Client, UnsupportedInputError
from pipelex_core.parts import Citation, TextPart, Tool
from pipelex_core.requests import TextRequest
from pipelex_core.results import TextAnswer
from pipelex_testing.bodies import anthropic as claude
from pipelex_testing.bodies import gemini
from pipelex_testing.bodies import openai_responses as responses
from pipelex_testing.rulebook import rulebook_of
from tests.plugins import test_google as google
from tests.plugins.openai_calls import config, spec, stated, with_backend
from tests.servers import anthropic
from tests.servers.base import Reply
from tests.servers.google import GoogleServer
from tests.support.scripted import Script, ScriptedBackend, deck_of, plugins_for
from tests.support.scripted import spec as scripted

SEARCH: dict[str, Any] = {"hosted_tools": ("web_search",)}
PO = Citation(url="https://example.org/po", title="The Po", start=8, end=15)


async def both(backend: Any, request: TextRequest) -> tuple[TextAnswer, TextAnswer]:
    """The whole answer, and that of a stream."""
    whole = await backend.generate_text(request)
    *_, streamed = [event async for event in backend.stream_text(request)]
    return whole, streamed


@pytest.mark.parametrize(("sdk", "name"), [("openai_responses", "openai"), ("openai", "openai"), ("openai", "xai")])
def test_openai_and_xai_search_through_the_responses_api(sdk: str, name: str) -> None:
    """A chat model goes there for it; places are counted in the whole text, over several parts; searches are counted."""
    first = {"type": "output_text", "text": "Écoute: ", "annotations": []}
    note = {"type": "url_citation", "url": PO.url, "title": PO.title, "start_index": 0, "end_index": 7}
    second = {"type": "output_text", "text": "It ends.", "annotations": [note]}
    found = {
        "id": "ws_1",
        "type": "web_search_call",
        "status": "completed",
        "action": {"type": "search", "query": "Po"},
    }
    answered = {**responses.message_item(""), "content": [first, second]}
    response = responses.response(found, answered)
    events = [*responses.events(response, lambda text: [text])]

    async def use(backend: Any, server: Any) -> Any:
        answers = await both(backend, TextRequest(spec=spec(sdk), messages=stated("Where does the Po end?"), **SEARCH))
        return answers, [(request.path, request.json["tools"]) for request in server.received]

    answers, requests = with_backend(
        use, Reply.json(response), Reply.sse(*events), sdk=sdk, make=lambda url: config(url, name=name)
    )
    assert requests == [("/v1/responses", [{"type": "web_search"}])] * 2
    for answer in answers:
        assert answer.text == "Écoute: It ends."
        assert answer.citations == (PO,)
        assert answer.usage.searches == 1


@pytest.mark.parametrize("name", ["groq", "deepseek", "my_gateway", "azure_openai"])
def test_an_endpoint_without_a_search_of_its_own_refuses_unsent(name: str) -> None:
    """The message says which option would say otherwise."""

    async def use(backend: Any, server: Any) -> None:
        with pytest.raises(UnsupportedInputError, match="this endpoint has no hosted web_search"):
            await backend.generate_text(TextRequest(spec=spec(), messages=stated("Po?"), **SEARCH))
        assert server.received == []

    with_backend(use, make=lambda url: config(url, name=name))


def test_claude_searches_beside_tools() -> None:
    """Each text block is what its sources stand for; in a stream they come as deltas of their own."""
    named = {
        "type": "web_search_result_location",
        "url": PO.url,
        "title": PO.title,
        "cited_text": "The Po ends",
        "encrypted_index": "E",
    }
    used = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "Po"}}
    result = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
    block = {**claude.text("It ends"), "citations": [named]}
    counts: dict[str, Any] = {"server_tool_use": {"web_search_requests": 2}}
    answered = claude.message(used, result, claude.text("I think "), block, claude.text("."), **counts)
    deltas = [
        *claude.events(
            claude.message(used, result, claude.text("I think "), claude.text("It ends"), claude.text("."), **counts)
        )
    ]
    at = max(
        n for n, (_, event) in enumerate(deltas) if event.get("index") == 3 and event["type"] == "content_block_stop"
    )
    cited = {"type": "content_block_delta", "index": 3, "delta": {"type": "citations_delta", "citation": named}}
    deltas.insert(at, ("content_block_delta", cited))

    async def main() -> tuple[Any, Any]:
        async with anthropic.AnthropicServer() as server:
            server.rules = rulebook_of("anthropic", "anthropic")
            server.queue(anthropic.replied(answered), Reply.sse(*deltas))
            async with anthropic.opened(anthropic.config(server.url)) as backend:
                answers = await both(backend, anthropic.requested(tools=(Tool(name="look_up"),), **SEARCH))
            return answers, server.received[0].json["tools"]

    answers, tools = asyncio.run(main())
    assert [(tool.get("type"), tool["name"]) for tool in tools] == [
        (None, "look_up"),
        ("web_search_20250305", "web_search"),
    ]
    for answer in answers:
        assert answer.text == "I think It ends."
        assert answer.citations == (Citation(url=PO.url, title=PO.title, quote="The Po ends", start=8, end=15),)
        assert (answer.usage.searches, answer.tool_calls) == (2, ())


def test_gemini_searches_and_counts_in_bytes() -> None:
    """Google's places are bytes of UTF-8, ours characters; a source that supports nothing in particular comes last."""
    made = gemini.answer({"text": "Écoute: It ends."})
    made["candidates"][0]["groundingMetadata"] = {
        "webSearchQueries": ["Po"],
        "groundingChunks": [
            {"web": {"uri": "https://example.org/more", "title": "More"}},
            {"web": {"uri": PO.url, "title": PO.title}},
        ],
        "groundingSupports": [
            {"segment": {"startIndex": 9, "endIndex": 16, "text": "It ends"}, "groundingChunkIndices": [1, 7]}
        ],
    }

    async def main() -> tuple[Any, Any]:
        async with GoogleServer() as server, google.opened(server) as backend:
            server.queue(Reply.json(made), Reply.sse(made))
            answers = await both(backend, google.asks("Where does the Po end?", **SEARCH))
            return answers, server.received[0].json["tools"]

    answers, tools = asyncio.run(main())
    assert tools == [{"googleSearch": {}}]
    for answer in answers:
        assert answer.citations == (PO, Citation(url="https://example.org/more", title="More"))


def test_a_gemini_of_before_the_third_generation_searches_alone() -> None:
    """Beside tools or a schema Google refuses it: nothing is sent."""
    from pipelex_backend_google._body import text_body

    old = google.spec(thinking="budget")
    assert text_body(google.asks("x", spec=old, **SEARCH))["tools"] == [{"googleSearch": {}}]
    with pytest.raises(UnsupportedInputError, match="Gemini 3"):
        text_body(google.asks("x", spec=old, tools=(Tool(name="look_up"),), **SEARCH))
    body = text_body(google.asks(TextPart("x"), tools=(Tool(name="look_up"),), **SEARCH))
    assert body["toolConfig"] == {"includeServerSideToolInvocations": True}


class Searching(ScriptedBackend):
    """A provider that searches."""

    hosted_tools = frozenset({"web_search"})


def test_a_provider_without_it_is_passed_over_and_results_have_the_sources() -> None:
    """The chain moves on to a member that has it, unpaid; alone, it is an error that says so."""
    answer = TextAnswer(text="Po", finish_reason="stop", citations=(PO,))
    one, two = Script(answers=[answer]), Script(answers=[answer])
    made = {"one": lambda c: ScriptedBackend(c, one), "two": lambda c: Searching(c, two)}
    from pipelex_core.plugins import discover
    from tests.support.scripted import plugin

    plugins = discover(entry_points=(), extra=[plugin(made)])
    deck = deck_of(scripted("a", sdk="one"), scripted("b", sdk="two"), aliases={"both": ("a", "b")})
    with Client(deck, plugins) as client:
        result = client.generate_text("x", model="both", hosted_tools=["web_search"])
        assert (result.model, result.citations) == ("b", (PO,))
        assert two.requests[0].hosted_tools == ("web_search",)
        with pytest.raises(UnsupportedInputError, match="sdk 'one' has no hosted web_search"):
            client.generate_text("x", model="a", hosted_tools=["web_search"])
    assert one.requests == []


@pytest.mark.parametrize("wrong", ["web_search", ["google"], [3], ["web_search", "code"]])
def test_a_hosted_tool_that_nobody_has_is_refused(wrong: Any) -> None:
    """The message says which there are."""

    async def main() -> None:
        async with AsyncClient(deck_of(scripted("smart")), plugins_for({"scripted": Script()})) as client:
            with pytest.raises(UnsupportedInputError, match="hosted_tools is a list of web_search"):
                await client.generate_text("x", model="smart", hosted_tools=wrong)

    asyncio.run(main())


USED = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "Po"}}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}


def paused(*blocks: Any, **counts: Any) -> dict[str, Any]:
    """A message that the API paused while it searched."""
    return {**claude.message(*blocks, **counts), "stop_reason": "pause_turn"}


def of_claude(way: str, *replies: Reply) -> tuple[Any, list[Any]]:
    """What Claude's answer came to, in one of two ways, and the conversations that were sent."""

    async def main() -> Any:
        async with anthropic.AnthropicServer() as server:
            server.rules = rulebook_of("anthropic", "anthropic")
            server.queue(*replies)
            async with anthropic.opened(anthropic.config(server.url)) as backend:
                if way == "whole":
                    return await backend.generate_text(anthropic.requested(**SEARCH)), server.received
                events = [event async for event in backend.stream_text(anthropic.requested(**SEARCH))]
                assert isinstance(events[-1], TextAnswer)
                assert "".join(event for event in events if isinstance(event, str)) == events[-1].text
                return events[-1], server.received

    answer, received = asyncio.run(main())
    return answer, [each.json["messages"] for each in received]


def replied_as(way: str, message: dict[str, Any]) -> Reply:
    """A message, whole or streamed."""
    return anthropic.replied(message) if way == "whole" else Reply.sse(*claude.events(message))


@pytest.mark.parametrize("way", ["whole", "stream"])
def test_a_turn_that_claude_pauses_goes_on(way: str) -> None:
    """With what came so far, unchanged, as often as it is paused; the parts are one answer, and all that was used is counted."""
    counts: dict[str, Any] = {"server_tool_use": {"web_search_requests": 1}}
    first = paused(claude.text("Let me look. "), USED, **counts)
    second = paused(FOUND, claude.text("It ends "), {**USED, "id": "srvtoolu_2"}, **counts)
    third = claude.message({**FOUND, "tool_use_id": "srvtoolu_2"}, claude.text("in a delta."))
    answer, sent = of_claude(way, *(replied_as(way, message) for message in (first, second, third)))
    assert (answer.text, answer.finish_reason) == ("Let me look. It ends in a delta.", "stop")
    assert [len(each) for each in sent] == [1, 2, 2]
    assert sent[1][1] == {"role": "assistant", "content": first["content"]}
    assert sent[2][1] == {"role": "assistant", "content": [*first["content"], *second["content"]]}
    one = third["usage"]
    assert answer.usage.searches == 2
    assert answer.usage.output_tokens == 3 * one["output_tokens"]
    (part,) = answer.provider_parts
    assert [block["type"] for block in part.data["content"]] == [
        "text",
        "server_tool_use",
        "web_search_tool_result",
        "text",
        "server_tool_use",
        "web_search_tool_result",
        "text",
    ]


@pytest.mark.parametrize("way", ["whole", "stream"])
def test_a_pause_that_is_not_followed_by_an_answer_keeps_what_came(way: str) -> None:
    """It was paid: the text so far, and its usage, are in the error."""
    first = paused(claude.text("Let me look."), USED)
    with pytest.raises(CallError) as caught:
        of_claude(way, replied_as(way, first), Reply.json({"error": {"type": "overloaded_error"}}, status=529))
    assert caught.value.partial_text == "Let me look."
    assert caught.value.usage is not None
    assert caught.value.usage.output_tokens == first["usage"]["output_tokens"]


def test_a_turn_that_is_paused_without_end_ends() -> None:
    """After eight pauses the answer is what there is, and did not end as it should."""
    message = paused(claude.text("a"), USED)
    answer, sent = of_claude("whole", *[anthropic.replied(message)] * 20)
    assert (answer.text, answer.finish_reason, len(sent)) == ("a" * 9, "other", 9)
