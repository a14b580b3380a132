"""The cells of docs/providers.md: each test, run for one provider, proves one.

Every call goes through `AsyncClient`, the plugin and the real SDK to a loopback server of the provider's API. Each says the
same thing in its own form, and what comes out is the same, whichever it was.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from pipelex_core.errors import CallError, UnsupportedInputError
from pipelex_core.results import DocumentResult, ImageResult, ObjectResult, Usage
from pipelex_testing.running import until
from tests.conformance.cells import empty_cells, proves
from tests.conformance.checks import check_common, check_text
from tests.conformance.provider import reached
from tests.conformance.scenario import (
    ARGUMENTS,
    CALLING,
    CITY,
    IMAGE_PRICE,
    LONG_PROMPT,
    OBJECT,
    PAGE_PRICE,
    PDF,
    PLAIN,
    PNG,
    PROMPT,
    SYSTEM,
    THINKING,
    THOUGHT,
    TOLD,
    WEATHER,
    City,
)
from tests.servers.bedrock import clean_aws

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.conformance.provider import Column, Provider, Reached

__all__ = ["clean_aws"]

pytestmark = pytest.mark.usefixtures("clean_aws")


def run(provider: Provider, use: Callable[[Reached], Awaitable[None]]) -> None:
    """Run a cell's test within the time it may take at most."""

    async def main() -> None:
        async with asyncio.timeout(120), reached(provider) as at:
            await use(at)

    asyncio.run(main())


@proves("text")
def test_text(provider: Provider) -> None:
    """A prompt, a system prompt and settings go out; words, counts, cost and an id come back."""

    async def use(at: Reached) -> None:
        at.says(PLAIN)
        result = await at.client.generate_text(PROMPT, model=at.llm, system=SYSTEM, temperature=0, max_tokens=32)
        check_text(result, provider, at.llm)
        await at.check_requests()
        for request in at.server.received:
            assert {PROMPT.encode() in request.body, SYSTEM.encode() in request.body} == {True}

    run(provider, use)


@proves("stream")
def test_stream(provider: Provider) -> None:
    """Words come in pieces, together the whole, and then the same result as without streaming."""

    async def use(at: Reached) -> None:
        at.says(PLAIN, stream=True)
        async with at.client.stream_text(PROMPT, model=at.llm, temperature=0, max_tokens=32) as stream:
            deltas = [delta async for delta in stream]
        assert len(deltas) > 1
        assert all(deltas)
        assert "".join(deltas) == stream.result.text
        check_text(stream.result, provider, at.llm)
        await at.check_requests()

    run(provider, use)


@proves("usage in stream")
def test_usage_in_stream(provider: Provider) -> None:
    """A stream is counted, and costs, as the same call without streaming."""

    async def use(at: Reached) -> None:
        at.says(PLAIN)
        whole = await at.client.generate_text(PROMPT, model=at.llm, temperature=0, max_tokens=64)
        at.says(PLAIN, stream=True)
        async with at.client.stream_text(PROMPT, model=at.llm, temperature=0, max_tokens=64) as stream:
            async for _ in stream:
                pass
        counted = stream.result.usage
        assert counted.input_tokens
        assert (counted.input_tokens, counted.output_tokens) == (whole.usage.input_tokens, whole.usage.output_tokens)
        assert stream.result.cost == whole.cost
        if provider.is_scripted:
            assert counted == whole.usage

    run(provider, use)


@proves("object")
def test_object(provider: Provider) -> None:
    """A type goes out as a schema, and an object of the type comes back, not a tool call and not words."""

    async def use(at: Reached) -> None:
        at.says(OBJECT)
        result = await at.client.generate_object(PROMPT, City, model=at.llm, temperature=0, max_tokens=64)
        check_common(result, provider, at.llm)
        assert isinstance(result, ObjectResult)
        assert isinstance(result.value, City)
        assert result.finish_reason == "stop"
        await at.check_requests()
        if provider.is_scripted:
            assert result.value == CITY
            assert b'"is_capital"' in at.server.received[0].body.replace(b"\\", b"")

    run(provider, use)


@proves("tools")
def test_tools(provider: Provider) -> None:
    """The model asks for a tool, gets the tool's result, and answers; the provider takes both requests."""

    async def use(at: Reached) -> None:
        at.says(CALLING, PLAIN)
        requested = await at.client.generate_text(PROMPT, model=at.llm, tools=[WEATHER])
        check_common(requested, provider, at.llm)
        (call,) = requested.tool_calls
        assert (requested.finish_reason, call.name, call.arguments) == ("tool_calls", WEATHER.name, ARGUMENTS)
        assert call.id
        stated = {"type": "tool_result", "call_id": call.id, "name": call.name, "content": TOLD}
        talk: list[Any] = [
            {"role": "user", "content": PROMPT},
            requested.message,
            {"role": "tool", "content": [stated]},
        ]
        answered = await at.client.generate_text(talk, model=at.llm, tools=[WEATHER])
        check_text(answered, provider, at.llm)
        await at.check_requests(2)
        first, second = (request.body for request in at.server.received)
        assert (b'"city"' in first, TOLD.encode() in second) == (True, True)

    run(provider, use)


@proves("image in")
def test_image_in(provider: Provider) -> None:
    """A picture's bytes reach the provider, whole."""

    async def use(at: Reached) -> None:
        at.says(PLAIN)
        result = await at.client.generate_text("What is this?", model=at.llm, images=[PNG])
        check_text(result, provider, at.llm)
        await at.check_requests()
        assert b64encode(PNG) in at.server.received[0].body

    run(provider, use)


@proves("PDF in")
def test_pdf_in(provider: Provider) -> None:
    """A document's bytes reach the provider, whole."""

    async def use(at: Reached) -> None:
        at.says(PLAIN)
        result = await at.client.generate_text("What does it say?", model=at.llm, documents=[PDF])
        check_text(result, provider, at.llm)
        await at.check_requests()
        assert b64encode(PDF) in at.server.received[0].body

    run(provider, use)


@proves("thinking")
def test_thinking(provider: Provider) -> None:
    """Reasoning is asked for, comes back apart from the words, and the provider takes the next turn with what it signed."""

    async def use(at: Reached) -> None:
        at.says(THINKING, PLAIN)
        settings = {"model": at.llm, "max_tokens": 4096, **provider.thinking}
        thought = await at.client.generate_text(PROMPT, **settings)
        check_text(thought, provider, at.llm)
        assert thought.reasoning == THOUGHT
        talk: list[Any] = [
            {"role": "user", "content": PROMPT},
            thought.message,
            {"role": "user", "content": "And of Italy?"},
        ]
        check_text(await at.client.generate_text(talk, **settings), provider, at.llm)
        await at.check_requests(2)
        assert len({request.body for request in at.server.received}) == 2
        assert any(word in at.server.received[0].body for word in (b"reasoning", b"thinking"))

    run(provider, use)


@proves("OCR")
def test_ocr(provider: Provider) -> None:
    """A PDF's pages come back in order, with their text, and no more images than were asked for."""

    async def use(at: Reached) -> None:
        if provider.is_scripted:
            at.server.queue(provider.ocr_reply())
        result = await at.client.extract(PDF, model=at.ocr, max_nb_images=1)
        assert PAGE_PRICE.input is not None
        check_common(result, provider, at.ocr, usage=Usage(pages=2), cost=2 * PAGE_PRICE.input)
        assert isinstance(result, DocumentResult)
        assert [page.index for page in result.pages] == [0, 1]
        assert all(page.text for page in result.pages)
        assert result.usage.pages == 2
        ((image,), nothing) = (page.images for page in result.pages)
        assert (image.content_type, nothing) == ("image/jpeg", ())
        assert image.data.startswith(b"\xff\xd8\xff")
        await at.check_requests()

    run(provider, use)


@proves("image out")
def test_image_out(provider: Provider) -> None:
    """A prompt goes out; encoded bytes come back, with their type, counted by the image."""

    async def use(at: Reached) -> None:
        provider.paints(at.server)
        result = await at.client.generate_image("A lighthouse", model=at.painter)
        assert IMAGE_PRICE.output is not None
        assert isinstance(result, ImageResult)
        (image,) = result.images
        assert (image.data, image.content_type) == (PNG, "image/png")
        assert result.usage.images == 1
        check_common(result, provider, at.painter, usage=result.usage, cost=IMAGE_PRICE.output)
        assert b"A lighthouse" in at.server.received[0].body

    run(provider, use)


@proves("cancel")
def test_cancel(provider: Provider) -> None:
    """A call that is given up, and a stream that is left, end at the provider too; the next call is answered."""

    async def use(at: Reached) -> None:
        if provider.is_scripted:
            provider.hangs(at.server)
        waiting = asyncio.create_task(_abandoned(at))
        await (until(lambda: at.server.received) if provider.is_scripted else asyncio.sleep(0.3))
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await until(lambda: provider.saw_cancel(at.server))
        if "stream" in provider.cells:
            await _leave_a_stream(at)
            at.says(PLAIN)
            async with asyncio.timeout(30):
                check_text(await at.client.generate_text(PROMPT, model=at.llm, max_tokens=64), provider, at.llm)

    run(provider, use)


async def _abandoned(at: Reached) -> None:
    if "text" in at.provider.cells:
        await at.client.generate_text(LONG_PROMPT, model=at.llm, temperature=0)
    else:
        await at.client.generate_image(PROMPT, model=at.painter)


async def _leave_a_stream(at: Reached) -> None:
    gone = len(at.server.abandoned)
    if at.provider.is_scripted:
        reply = at.provider.reply(PLAIN, stream=True)
        at.server.queue(evolve(reply, stall_after=len(reply.chunks) - 1))
    async with at.client.stream_text(LONG_PROMPT, model=at.llm, temperature=0) as stream:
        assert await anext(stream)
    if at.provider.is_scripted:
        await until(lambda: len(at.server.abandoned) > gone)


async def _ask_for(at: Reached, column: Column) -> None:
    """The call that a column is about."""
    further: dict[str, dict[str, Any]] = {
        "tools": {"tools": [WEATHER]},
        "image in": {"images": [PNG]},
        "PDF in": {"documents": [PDF]},
    }
    match column:
        case "object":
            await at.client.generate_object(PROMPT, City, model=at.llm)
        case "OCR":
            await at.client.extract(PDF, model=at.ocr)
        case "image out":
            await at.client.generate_image(PROMPT, model=at.painter)
        case "stream" | "usage in stream":
            async with at.client.stream_text(PROMPT, model=at.llm) as stream:
                assert await anext(stream)
        case _:
            await at.client.generate_text(PROMPT, model=at.llm, **further.get(column, {}))


@pytest.mark.parametrize(
    ("provider", "column"),
    [
        pytest.param(row, column, id=f"{row.name}-{column}")
        for row, column in empty_cells()
        if column not in {"cancel", "thinking"}
    ],
)
def test_an_empty_cell_is_refused(provider: Provider, column: Column) -> None:
    """What a provider does not do is an error that says so, before anything is sent; thinking alone may be ignored."""

    async def use(at: Reached) -> None:
        with pytest.raises(UnsupportedInputError) as caught:
            await _ask_for(at, column)
        assert isinstance(caught.value, CallError)
        assert caught.value.backend == provider.backend
        assert at.server.received == []

    run(provider, use)
