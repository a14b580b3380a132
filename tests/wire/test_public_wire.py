"""Recorded exchanges through the public calls: nothing that a plugin can ask for is out of a caller's reach."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from pipelex_core import AsyncClient
from pipelex_core.deck import ModelDeck
from pipelex_core.errors import CallError
from pipelex_core.parts import Message, TextPart
from pipelex_core.requests import EmbeddingRequest, ExtractRequest, ImageRequest, ObjectRequest, TextRequest
from pipelex_core.results import DocumentResult, ImageResult, ObjectResult
from pipelex_core.routing import ModelEntry, RouteMatch
from tests.conformance.provider import installed
from tests.wire.harness import flow_of, load_records, wire_folder
from tests.wire.replaying import ReplayServer
from tests.wire.test_variations_wire import ADAPTERS, QUICK, clean_aws, playable

if TYPE_CHECKING:
    from pipelex_core.requests import Request
    from tests.wire.harness import Expected, Record

__all__ = ["clean_aws"]

pytestmark = [
    pytest.mark.usefixtures("clean_aws"),
    pytest.mark.skipif(wire_folder() is None, reason="no recorded traffic here"),
]

OUT_OF_REACH = {
    "gemini-generate_content-59bfd1e5": "it holds a film, which this project has no part for",
}
"""Records that a caller cannot ask for, and why."""

LLM_SETTINGS = ("temperature", "max_tokens", "top_p", "seed", "stop", "reasoning_effort", "reasoning_budget")
IMAGE_SETTINGS = (
    *("number", "quality", "nb_steps", "guidance_scale", "is_moderated", "safety_tolerance", "width", "height"),
    *("aspect_ratio", "seed", "background", "output_format"),
)
SLICES = [
    pytest.param(None, id="some"),
    pytest.param(1, id="all", marks=pytest.mark.slow),
]


@pytest.mark.parametrize("step", SLICES)
@pytest.mark.parametrize("name", ADAPTERS)
def test_a_caller_gets_what_was_recorded(name: str, step: int | None) -> None:
    """By messages, settings, tools, types and documents; the result or the error is the recorded one."""
    adapter = ADAPTERS[name]()
    records = [record for record in playable(adapter) if record["id"] not in OUT_OF_REACH]
    for record in records[:: step or max(1, len(records) // QUICK)]:
        try:
            asyncio.run(_ask(record, adapter))
        except Exception as error:
            error.add_note(f"record {record['id']}, {record['scenario']}")
            raise


def test_what_is_out_of_reach_is_known() -> None:
    """Each of the exceptions is a record, where the folder has it, that some adapter plays."""
    played = {record["id"] for make in ADAPTERS.values() for record in playable(make())}
    there = {record["id"] for make in ADAPTERS.values() for record in load_records(*make().stems)}
    assert OUT_OF_REACH.keys() & there <= played


async def _ask(record: Record, adapter: Any) -> None:
    async with ReplayServer(flow_of(record, adapter), **adapter.replay_options) as server:
        if not record.get("flow"):
            server.give(record)
        config = adapter.backend(record, server.url).config
        request = adapter.request(record)
        spec = evolve(request.spec, backend=config.name, constraints=frozenset({"temperature_up_to_2"}))
        entry = ModelEntry(
            name=spec.name, spec=spec, available=True, reason=None, route=RouteMatch(rule="exact", backend=config.name)
        )
        deck = ModelDeck(models={spec.name: entry}, backends={config.name: config})
        async with asyncio.timeout(30), AsyncClient(deck, installed()) as client:
            await _check(client, request, record, adapter.expected(record))
        assert server.refused == []


async def _check(client: AsyncClient, request: Request, record: Record, expected: Expected) -> None:
    if expected.error:
        with pytest.raises(CallError) as caught:
            await _call(client, request, stream=record["stream"])
        assert isinstance(caught.value, expected.error)
        assert caught.value.backend is not None
        return
    result = await _call(client, request, stream=record["stream"])
    for name in ("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens"):
        wanted = getattr(expected, name)
        assert wanted is None or (getattr(result.usage, name) or 0) == wanted, name
    if isinstance(result, ImageResult):
        assert expected.n_images in {None, len(result.images)}
    elif isinstance(result, DocumentResult):
        assert expected.n_pages in {None, len(result.pages)}
        assert expected.text in {None, result.text}
    elif not isinstance(result, ObjectResult):  # core reads the document, and a client may have asked for any object
        assert expected.text in {None, result.text}
        assert expected.finish_reason in {None, result.finish_reason}
        calls = tuple((call.name, call.arguments) for call in result.tool_calls)
        assert expected.tool_calls is None or calls == expected.tool_calls


async def _call(client: AsyncClient, request: Request, *, stream: bool) -> Any:
    if isinstance(request, ExtractRequest):
        return await client.extract(
            request.document,
            model=request.spec.name,
            retries=0,
            max_nb_images=request.max_nb_images,
            image_min_size=request.image_min_size,
        )
    if isinstance(request, ImageRequest):
        requested = {name: getattr(request, name) for name in IMAGE_SETTINGS}
        return await client.generate_image(request.prompt, model=request.spec.name, retries=0, **requested)
    if isinstance(request, EmbeddingRequest):
        requested = {name: getattr(request, name) for name in ("purpose", "dimensions")}
        return await client.embed(request.texts, model=request.spec.name, retries=0, **requested)
    assert isinstance(request, TextRequest)
    provided: dict[str, Any] = {name: getattr(request, name) or None for name in ("stop", "reasoning_effort", "system")}
    provided |= {name: getattr(request, name) for name in LLM_SETTINGS if name not in provided}
    messages = _messages(request)
    if messages is not request.messages:
        del provided["system"]
    if isinstance(request, ObjectRequest):
        return await client.generate_object(
            messages, dict(request.schema), model=request.spec.name, retries=0, **provided
        )
    provided |= {"tools": request.tools, "tool_choice": request.tool_choice, "model": request.spec.name, "retries": 0}
    if not stream:
        return await client.generate_text(messages, **provided)
    async with client.stream_text(messages, **provided) as deltas:
        text = "".join([delta async for delta in deltas])
    assert deltas.result.text == text
    return deltas.result


def _messages(request: TextRequest) -> tuple[Message, ...]:
    """The conversation; of system text alone, that."""
    return request.messages or (Message(role="system", parts=(TextPart(request.system or ""),)),)
