"""`POST /v1/chat/completions`, and the older `/v1/completions`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from pipelex_serve import fields
from pipelex_serve.jsons import encode
from pipelex_serve.openai.chat_answer import DONE, Chunks, completion
from pipelex_serve.openai.chat_request import read_chat
from pipelex_serve.openai.errors import error_body
from pipelex_serve.remembering import keep
from pipelex_serve.running import Running, check_handle
from pipelex_serve.streams import stream_text, stream_whole
from pipelex_serve.texts import streamed_plan, text_plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelex_core.results import TextResult
    from pipelex_serve.exchange import Exchange
    from pipelex_serve.gateway import Gateway
    from pipelex_serve.problems import Problem


async def chat(gateway: Gateway, exchange: Exchange) -> None:
    """Answer a request for a chat completion."""
    body = await exchange.json()
    call = read_chat(body)
    check_handle(exchange, call.model)
    assert exchange.key is not None  # noqa: S101 -- the gate let it in
    call = evolve(call, messages=await gateway.kept.restore(exchange.key.id, call.messages))
    plan = await streamed_plan(gateway, call) if call.streams else text_plan(gateway.deck, call)
    running = Running(gateway, exchange, call.model, plan)
    exchange.add_headers(gateway.notes_of(call.ignored))
    if call.streams:
        writer = _ChatWriter(gateway, exchange, call.model, body)
        await (stream_text if plan.operation.streams else stream_whole)(exchange, running, writer)
        return
    async with running:
        result = await running.ask()
    exchange.add_headers(running.headers())
    await exchange.answer(completion(result, id=exchange.id, model=call.model, packed=keep(gateway, exchange, result)))


class _ChatWriter:
    """The events of a streamed chat completion."""

    def __init__(self, gateway: Gateway, exchange: Exchange, model: str, body: dict[str, Any]) -> None:
        self._gateway = gateway
        self._exchange = exchange
        self._chunks = Chunks(id=exchange.id, model=model)
        self._with_usage = bool(fields.table_of(body, "stream_options").get("include_usage"))
        self.text = self._chunks.text
        self.beside = self._chunks.beside

    def first(self) -> Sequence[bytes]:
        return (self._chunks.first(),)

    def last(self, result: TextResult) -> Sequence[bytes]:
        packed = keep(self._gateway, self._exchange, result)
        return self._chunks.last(result, packed=packed, with_usage=self._with_usage)

    @staticmethod
    def broken(problem: Problem) -> Sequence[bytes]:
        return b"data: " + encode(error_body(problem)) + b"\n\n", DONE
