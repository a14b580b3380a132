"""Providers beside each other: results of one shape, nothing of one's own at another's, one SDK for one backend."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from pipelex_core import AsyncClient
from pipelex_core.parts import ProviderPart, ToolCall
from tests.conformance.checks import shape
from tests.conformance.provider import Reached, deck_of, installed, reached
from tests.conformance.rows import ROWS
from tests.conformance.scenario import (
    OBJECT,
    PDF,
    PLAIN,
    PROMPT,
    THINKING_AND_CALLING,
    THOUGHT,
    TOLD,
    WEATHER,
    City,
)
from tests.servers import google
from tests.servers.bedrock import clean_aws

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from pipelex_core.parts import Message
    from tests.conformance.provider import Column, Provider

__all__ = ["clean_aws"]

pytestmark = pytest.mark.usefixtures("clean_aws")

SDKS = {
    "anthropic": "anthropic",
    "boto3": "botocore",
    "botocore": "botocore",
    "fal_client": "fal_client",
    "google.genai": "google.genai",
    "mistralai": "mistralai",
    "openai": "openai",
    "pypdfium2": "pypdfium2",
    "rapidocr": "rapidocr",
    "xllamacpp": "xllamacpp",
}
"""Module -> what a row calls the SDK it belongs to."""

SIGNED = (THOUGHT, "c2lnbmVk", "c2VhbGVk", google.SIGNATURE)
"""What only the provider that said it may see: thoughts, signatures, sealed reasoning."""


def rows_with(*columns: Column) -> list[Provider]:
    """The rows that have all of these columns, and say what they are told."""
    return [row for row in ROWS if row.is_scripted and row.cells.issuperset(columns)]


# ── Results of one shape ──────────────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def all_at_once(rows: list[Provider]) -> AsyncIterator[list[Reached]]:
    """Every provider behind one client; of two rows with one backend, each has a client of its own."""
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(row.server()) for row in rows]
        groups: list[dict[str, Any]] = []
        places: list[int] = []
        for row, server in zip(rows, servers, strict=True):
            place = next((n for n, group in enumerate(groups) if row.backend not in group), len(groups))
            if place == len(groups):
                groups.append({})
            groups[place][row.backend] = (row, row.config(server.url))
            places.append(place)
        clients = [
            await stack.enter_async_context(AsyncClient(deck_of(*group.values()), installed())) for group in groups
        ]
        yield [Reached(row, server, clients[place]) for row, server, place in zip(rows, servers, places, strict=True)]


async def text(at: Reached) -> Any:
    at.says(PLAIN)
    return await at.client.generate_text(PROMPT, model=at.llm)


async def stream(at: Reached) -> Any:
    at.says(PLAIN, stream=True)
    async with at.client.stream_text(PROMPT, model=at.llm) as events:
        async for _ in events:
            pass
    return events.result


async def typed(at: Reached) -> Any:
    at.says(OBJECT)
    return await at.client.generate_object(PROMPT, City, model=at.llm)


async def image(at: Reached) -> Any:
    at.provider.paints(at.server)
    result = await at.client.generate_image("A lighthouse", model=at.painter)
    images = tuple((picture.data, picture.content_type) for picture in result.images)
    return type(result).__name__, images, result.usage.images, result.cost


@pytest.mark.parametrize(
    ("call", "column"), [(text, "text"), (stream, "stream"), (typed, "object"), (image, "image out")]
)
def test_the_same_call_has_the_same_result_at_every_provider(
    call: Callable[[Reached], Awaitable[Any]], column: Column
) -> None:
    """All providers at once: class, words, object, finish reason, counts, cost and message are equal."""

    async def main() -> None:
        async with all_at_once(rows_with(column)) as everywhere:
            first, *others = await asyncio.gather(*(call(at) for at in everywhere))
            assert len(others) >= 2
            for other in others:
                assert shape(other) == shape(first)

    asyncio.run(main())


def test_the_same_document_has_pages_of_the_same_shape() -> None:
    """OCR at a provider and reading in this process give pages with the same fields in the same order."""

    async def main() -> None:
        found = []
        for row in (row for row in ROWS if "OCR" in row.cells):
            async with reached(row) as at:
                if row.is_scripted:
                    at.server.queue(row.ocr_reply())
                result = await at.client.extract(PDF, model=at.ocr, max_nb_images=1)
                pages = [
                    (page.index, type(page.text), [image.content_type for image in page.images])
                    for page in result.pages
                ]
                found.append((type(result), pages, result.usage.pages, result.cost is not None))
        assert len(found) >= 2
        assert all(one == found[0] for one in found)

    asyncio.run(main())


# ── What is one provider's own ────────────────────────────────────────────────────────────────────────────────────


async def thoughtful_message(provider: Provider) -> Message:
    """A provider's message that asks for a tool, with all it wants back."""
    async with reached(provider) as at:
        at.says(THINKING_AND_CALLING)
        result = await at.client.generate_text(PROMPT, model=at.llm, tools=[WEATHER], **provider.thinking)
        return result.message


async def goes_on(provider: Provider, message: Message) -> bytes:
    """The request of a provider that carries on with a message; the provider would take it."""
    async with reached(provider) as at:
        at.says(PLAIN)
        (call,) = (part for part in message.parts if isinstance(part, ToolCall))
        reported = {"type": "tool_result", "call_id": call.id, "name": call.name, "content": TOLD}
        talk: list[Any] = [{"role": "user", "content": PROMPT}, message, {"role": "tool", "content": [reported]}]
        await at.client.generate_text(talk, model=at.llm, tools=[WEATHER])
        await at.check_requests()
        return at.server.received[0].body


@pytest.mark.parametrize("speaker", rows_with("thinking", "tools"), ids=lambda row: row.name)
def test_provider_parts_reach_their_own_provider_only(speaker: Provider) -> None:
    """A message with thoughts and signatures is carried on by every other provider, without them."""

    async def main() -> None:
        message = await thoughtful_message(speaker)
        own = {part.provider for part in message.parts if isinstance(part, ProviderPart)}
        planted = ProviderPart(provider=next(iter(own), speaker.name), data={"planted": "for-one-only"})
        for listener in rows_with("tools"):
            if listener is speaker or {speaker.name, listener.name} == {"google", "vertexai"}:
                continue
            sent = await goes_on(listener, evolve(message, parts=(planted, *message.parts)))
            leaked = [word for word in (*SIGNED, "for-one-only") if word.encode() in sent]
            assert leaked == [], listener.name
            assert TOLD.encode() in sent

    asyncio.run(main())


# ── One SDK ───────────────────────────────────────────────────────────────────────────────────────────────────────

_OPEN = """
import asyncio, sys
from pipelex_core.execution.resources import LoopResources
from tests.conformance.provider import installed
from tests.conformance.rows import ROWS

sdks = {sdks!r}
(row,) = (row for row in ROWS if row.name == {name!r})
factory, _ = installed().require(row.backend, row.sdk)
early = [name for name in sdks if name in sys.modules]
assert early == [], early

async def main():
    backend, resources = factory(row.config("http://127.0.0.1:9")), LoopResources()
    await backend.open(resources)
    await backend.close()
    await resources.close()

asyncio.run(main())
print(*sorted({{sdks[name] for name in sdks if name in sys.modules}}))
assert "google.cloud.aiplatform" not in sys.modules
"""


@pytest.mark.parametrize("row", {row.sdk_module: row for row in reversed(ROWS)}.values(), ids=lambda row: row.name)
def test_opening_a_backend_imports_its_own_sdk_only(row: Provider) -> None:
    """All plugins are loaded, one backend is opened: of all SDKs, its own is imported; PDFium and RapidOCR run in processes of their own."""
    done = subprocess.run(
        [sys.executable, "-c", _OPEN.format(sdks=SDKS, name=row.name)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ([] if row.name in {"internal", "rapidocr"} else [row.sdk_module])
