"""`POST /v1/messages` and `/v1/messages/count_tokens`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from pipelex_serve.anthropic.answer import Events, message
from pipelex_serve.anthropic.request import read_message_call
from pipelex_serve.counting import count
from pipelex_serve.remembering import keep
from pipelex_serve.running import Running, check_handle
from pipelex_serve.streams import stream_text, stream_whole
from pipelex_serve.texts import streamed_plan, text_plan

if TYPE_CHECKING:
    from pipelex_serve.exchange import Exchange
    from pipelex_serve.gateway import Gateway


async def messages(gateway: Gateway, exchange: Exchange) -> None:
    """Answer a request for a message."""
    call = read_message_call(await exchange.json())
    check_handle(exchange, call.model)
    assert exchange.key is not None  # noqa: S101 -- the gate let it in
    call = evolve(call, messages=await gateway.kept.restore(exchange.key.id, call.messages))
    plan = await streamed_plan(gateway, call) if call.streams else text_plan(gateway.deck, call)
    running = Running(gateway, exchange, call.model, plan)
    exchange.add_headers([*gateway.notes_of(call.ignored), (b"request-id", exchange.id.encode("ascii"))])
    if call.streams:
        events = Events(id=exchange.id, model=call.model, keep=lambda result: keep(gateway, exchange, result))
        await (stream_text if plan.operation.streams else stream_whole)(exchange, running, events)
        return
    async with running:
        result = await running.ask()
    exchange.add_headers(running.headers())
    await exchange.answer(message(result, id=exchange.id, model=call.model, packed=keep(gateway, exchange, result)))


async def count_tokens(gateway: Gateway, exchange: Exchange) -> None:
    """Count the tokens of a request."""
    call = read_message_call(await exchange.json(), needs_tokens=False)
    check_handle(exchange, call.model)
    exchange.add_headers([(b"request-id", exchange.id.encode("ascii"))])
    await exchange.answer({"input_tokens": await count(gateway, exchange, call)})
