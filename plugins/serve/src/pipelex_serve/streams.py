"""A stream from the library to a client: what comes at once leaves at once, and it ends as its protocol wants it."""

from __future__ import annotations

import logging
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Protocol

from pipelex_core.errors import PipelexError
from pipelex_serve.problems import Problem, problem_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from pipelex_core.backend import Backend
    from pipelex_core.execution.plan import Plan
    from pipelex_serve.exchange import EventStream, Exchange
    from pipelex_serve.gateway import Gateway
    from pipelex_serve.running import Running

_log = logging.getLogger("pipelex_serve")


class Pieces(Protocol):
    """How the pieces of an answer are written."""

    @property
    def text(self) -> Callable[[Any], bytes]:
        """Write a piece."""

    def last(self, result: Any) -> Sequence[bytes]:
        """What comes after them, to the very end."""

    def broken(self, problem: Problem) -> Sequence[bytes] | None:
        """How a stream ends that broke off; None where it has no words for that, and ends without its last chunk."""


class Writer(Pieces, Protocol):
    """The events of one protocol."""

    def first(self) -> Sequence[bytes]:
        """What comes before the first piece of text."""

    def beside(self, delta: Any) -> bytes:
        """Write a piece of reasoning, or of a tool's call; nothing where that comes with the end."""


async def stream_text(exchange: Exchange, running: Running, writer: Writer) -> None:
    """Stream an answer in server-sent events; errors as of `pass_on`."""

    async def begin(_delta: object) -> EventStream:
        stream = await exchange.open_stream()
        stream.put(b"".join(writer.first()))
        return stream

    await pass_on(exchange, running, writer, str, begin, beside=writer.beside)


async def pass_on(
    exchange: Exchange,
    running: Running,
    writer: Pieces,
    kind: type[str | bytes],
    begin: Callable[[Any], Awaitable[EventStream]],
    *,
    beside: Callable[[Any], bytes] = lambda _delta: b"",
) -> None:
    """Pass a call's pieces on to the client as they come.

    Until the first of them came, an error is an HTTP status; after that, what the writer makes of it.

    Args:
        exchange: The request and its answer.
        running: The call.
        writer: Writes the pieces, and the end.
        kind: What a piece is; the first event that is something else is the result.
        begin: Begins the answer; it gets the first piece, or None where there is none.
        beside: Writes what comes beside the text.

    Raises:
        PipelexError: The call failed before anything came.
    """
    stream: EventStream | None = None
    try:
        async with running, aclosing(running.stream()) as events:
            async for event in events:
                if not isinstance(event, kind):
                    running.result = event
                    break
                if stream is None:
                    stream = await begin(event)
                stream.put(writer.text(event) if event else beside(event))
                if stream.is_full:
                    await stream.drain()
    except Exception as error:
        if stream is None:
            raise
        if not isinstance(error, (PipelexError, TimeoutError)):
            _log.exception("request %s failed", exchange.id)
        problem = problem_of(error)
        exchange.notes["error"] = problem.code
        ending = writer.broken(problem)
        if ending is not None:
            await stream.end(*ending)
        return
    if stream is None:
        stream = await begin(None)
    await stream.end(*writer.last(running.result))


async def is_streamed(gateway: Gateway, plan: Plan, kind: type[Backend]) -> bool:
    """Whether every member's backend is of a kind that streams; of one that cannot be opened the call itself says why."""
    deck = gateway.decks.current
    deck.begin()
    try:
        for member in plan.members:
            assert member.spec is not None  # noqa: S101 -- what is in a plan can be called
            if not isinstance(await deck.execution.backend(member.spec), kind):
                return False
    except Exception:  # noqa: BLE001 -- a plugin may raise anything; it is asked again, where errors become answers
        return False
    finally:
        await deck.end()
    return True


async def stream_whole(exchange: Exchange, running: Running, writer: Writer) -> None:
    """Send an answer that came in one piece, such as an object, as a stream."""
    async with running:
        result = await running.ask()
    stream = await exchange.open_stream()
    texts = [writer.text(result.text)] if result.text else []
    await stream.end(*writer.first(), *texts, *writer.last(result))
