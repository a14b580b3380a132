"""`POST /v1/responses`, without state, and `/v1/responses/input_tokens`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from attrs import evolve

from pipelex_serve.counting import count
from pipelex_serve.openai.responses_answer import Response, ResponseEvents, whole
from pipelex_serve.openai.responses_request import read_response_call
from pipelex_serve.remembering import keep
from pipelex_serve.running import Running, check_handle
from pipelex_serve.streams import stream_text, stream_whole
from pipelex_serve.texts import streamed_plan, text_plan

if TYPE_CHECKING:
    from pipelex_serve.exchange import Exchange
    from pipelex_serve.gateway import Gateway


async def responses(gateway: Gateway, exchange: Exchange) -> None:
    """Answer a request for a response."""
    assert exchange.key is not None  # noqa: S101 -- the gate let it in
    body = await gateway.items.resolved(exchange.key.id, await exchange.json())
    call = read_response_call(body)
    check_handle(exchange, call.model)
    call = evolve(call, messages=await gateway.kept.restore(exchange.key.id, call.messages))
    plan = await streamed_plan(gateway, call) if call.streams else text_plan(gateway.deck, call)
    running = Running(gateway, exchange, call.model, plan)
    exchange.add_headers(gateway.notes_of(call.ignored))
    keep_items = None if body.get("store") is False else partial(gateway.items.keep, exchange.key.id)
    response = Response(body, id=exchange.id, model=call.model, keep=keep_items)
    if call.streams:
        events = ResponseEvents(response, lambda result: keep(gateway, exchange, result))
        await (stream_text if plan.operation.streams else stream_whole)(exchange, running, events)
        return
    async with running:
        result = await running.ask()
    exchange.add_headers(running.headers())
    await exchange.answer(whole(response, result, keep(gateway, exchange, result)))


async def count_input(gateway: Gateway, exchange: Exchange) -> None:
    """Count the tokens of a request."""
    assert exchange.key is not None  # noqa: S101 -- the gate let it in
    call = read_response_call(await gateway.items.resolved(exchange.key.id, await exchange.json()))
    check_handle(exchange, call.model)
    counted = await count(gateway, exchange, call)
    await exchange.answer({"object": "response.input_tokens", "input_tokens": counted})
