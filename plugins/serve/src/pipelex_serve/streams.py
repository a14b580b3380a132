"""A stream from the library to a client: what comes at once leaves at once, and it ends as its protocol wants it."""

from __future__ import annotations

import logging
from contextlib import aclosing
from typing import TYPE_CHECKING, Protocol

from pipelex_core.errors import PipelexError
from pipelex_serve.problems import Problem, problem_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelex_core.backend import Backend
    from pipelex_core.execution.plan import Plan
    from pipelex_core.results import TextResult
    from pipelex_serve.exchange import Exchange
    from pipelex_serve.gateway import Gateway
    from pipelex_serve.running import Running

_log = logging.getLogger("pipelex_serve")


class Writer(Protocol):
    """The events of one protocol."""

    def first(self) -> Sequence[bytes]:
        """What comes before the first piece of text."""

    def text(self, delta: str) -> bytes:
        """A piece of text."""

    def last(self, result: TextResult) -> Sequence[bytes]:
        """What comes after the text, to the very end."""

    def broken(self, problem: Problem) -> Sequence[bytes]:
        """How a stream ends that broke off."""


async def stream_text(exchange: Exchange, running: Running, writer: Writer) -> None:
    """Stream an answer. Until its first piece came, an error is an HTTP status; after that, an event.

    Raises:
        PipelexError: The call failed before anything came.
    """
    stream = None
    try:
        async with running, aclosing(running.stream()) as events:
            async for delta in events:
                if not isinstance(delta, str):
                    running.result = delta
                    break
                if stream is None:
                    stream = await exchange.open_stream()
                    stream.put(b"".join(writer.first()))
                stream.put(writer.text(delta))
                if stream.is_full:
                    await stream.drain()
    except Exception as error:
        if stream is None:
            raise
        if not isinstance(error, (PipelexError, TimeoutError)):
            _log.exception("request %s failed", exchange.id)
        problem = problem_of(error)
        exchange.notes["error"] = problem.code
        await stream.end(*writer.broken(problem))
        return
    if stream is None:
        stream = await exchange.open_stream()
        stream.put(b"".join(writer.first()))
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
