"""However a stream ends, with every combination of clocks and of what surrounds it: nothing stays behind, and nothing raw."""

from __future__ import annotations

import asyncio
import threading
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from pipelex_core import AsyncClient, Client, PluginError, RetryPolicy, StreamRestarted
from pipelex_core.errors import ProviderConnectionError
from pipelex_core.hookspecs import hookimpl
from pipelex_core.plugins import discover
from pipelex_core.specs import Costs, Limits
from pipelex_testing.running import deck_for, until
from pipelex_testing.samples import PLAIN, PROMPT
from pipelex_testing.server import in_thread
from tests.resilience.backends import WIRES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipelex_core.calls import FinishedCall
    from pipelex_core.deck import ModelDeck
    from pipelex_testing.server import Server

SUITE = WIRES["OpenAI chat"]
CLOCKS: dict[str, dict[str, Any]] = {
    "none": {},
    "deadline": {"deadline": 30},
    "idle_timeout": {"idle_timeout": 30},
    "both": {"deadline": 30, "idle_timeout": 30},
}
AROUND = ("nothing", "limits", "budget", "middleware", "restart", "all")
ENDS = ("break", "close", "cancel", "error")


class Watching:
    """A plugin with a middleware that hears how its stream ended, and may fail there; it hears of finished calls too."""

    __name__ = "watching"

    def __init__(self, *, has_middleware: bool = True, fault: Exception | None = None) -> None:
        self.ends: list[str] = []
        self.finished: list[FinishedCall] = []
        self._has_middleware = has_middleware
        self._fault = fault

    @hookimpl
    def pipelex_middleware(self) -> Any:
        return [self._watch] if self._has_middleware else []

    @hookimpl
    def pipelex_call_finished(self, call: FinishedCall) -> None:
        self.finished.append(call)

    async def _watch(self, call: Any, proceed: Any) -> Any:
        return self._events(await proceed(call)) if call.operation == "stream_text" else await proceed(call)

    async def _events(self, events: Any) -> Any:
        try:
            async for event in events:
                yield event
        except BaseException as error:
            self.ends.append(type(error).__name__)
            raise
        finally:
            if self._fault is not None:
                raise self._fault


@pytest.fixture
def server() -> Iterator[Server]:
    """Speaks OpenAI's chat API."""
    with in_thread(SUITE.spoken.server()) as running:
        yield running


def deck_at(url: str, around: str) -> ModelDeck:
    """One model that answers, with a limit of one request at a time where there are limits."""
    deck = deck_for(SUITE, url)
    limits = Limits(max_concurrency=1) if around in {"limits", "all"} else None
    prices = Costs(input=Decimal(1), output=Decimal(1))
    models = {
        name: evolve(entry, spec=evolve(entry.spec, costs=prices)) for name, entry in deck.models.items() if entry.spec
    }
    backends = {
        name: evolve(config, limits=limits, retry=RetryPolicy(retries=1, initial_wait=0.001))
        for name, config in deck.backends.items()
    }
    return evolve(deck, models=models, backends=backends)


def terms_of(clocks: str, around: str) -> dict[str, Any]:
    """The arguments of a call."""
    return CLOCKS[clocks] | ({"on_interrupted": "restart"} if around in {"restart", "all"} else {})


def queue(server: Server, end: str) -> None:
    """An answer that stalls after some deltas, or breaks off and then comes whole."""
    whole = SUITE.spoken.stream(PLAIN)
    half = len(whole.chunks) // 2
    server.forget()
    server.queue(*([evolve(whole, cut_after=half), whole] if end == "error" else [evolve(whole, stall_after=half)]))


def _interrupt() -> None:
    raise KeyboardInterrupt


def wait_until(is_true: Callable[[], object]) -> None:
    """Five seconds at most."""
    until = time.monotonic() + 5
    while not is_true() and time.monotonic() < until:
        time.sleep(0.005)
    assert is_true()


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("clocks", CLOCKS)
@pytest.mark.parametrize("around", AROUND)
def test_an_asynchronous_stream_leaves_nothing_behind(server: Server, around: str, clocks: str, end: str) -> None:
    """The connection is closed, slot and reservation are free, the ledger is written, and a middleware heard the end."""
    watching = Watching(has_middleware=around in {"middleware", "all"})
    plugins = discover(extra=[watching])
    queue(server, end)
    complaints: list[Any] = []

    async def read(stream: Any, seen: list[Any]) -> None:
        async with stream:
            async for piece in stream:
                seen.append(piece)
                if end == "break":
                    break

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        async with AsyncClient(deck_at(server.url, around), plugins) as client, asyncio.timeout(20):
            with client.budget(usd=10) as budget:
                stream = client.stream_text(PROMPT, model="llm", **terms_of(clocks, around))
            seen: list[Any] = []
            reading = asyncio.create_task(read(stream, seen))
            if end in {"close", "cancel"}:
                await until(lambda: seen, "the first delta")
                await (stream.aclose() if end == "close" else asyncio.sleep(0, reading.cancel()))
            outcome = (await asyncio.gather(reading, return_exceptions=True))[0]
            check_end(end, around, outcome, seen, watching)
            assert budget.reserved == 0
            await stream.aclose()  # again, which does nothing
            answer = SUITE.spoken.answer(PLAIN)
            server.forget()
            server.queue(answer)
            await client.generate_text(PROMPT, model="llm", deadline=5)  # the slot is free
        wait_until(lambda: not server.opened)

    asyncio.run(main())
    assert not complaints
    assert len(server.abandoned) == (0 if end == "error" else 1)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("clocks", CLOCKS)
@pytest.mark.parametrize("around", AROUND)
def test_a_synchronous_stream_leaves_nothing_behind(server: Server, around: str, clocks: str, end: str) -> None:
    """As an asynchronous one; here `cancel` is an exception in the block, and `close` comes from another thread."""
    watching = Watching(has_middleware=around in {"middleware", "all"})
    plugins = discover(extra=[watching])
    queue(server, end)
    outcome: BaseException | None = None
    seen: list[Any] = []
    with Client(deck_at(server.url, around), plugins) as client:
        with client.budget(usd=10) as budget:
            stream = client.stream_text(PROMPT, model="llm", **terms_of(clocks, around))
        try:
            with stream:
                for piece in stream:
                    seen.append(piece)
                    if end == "break":
                        break
                    if end == "cancel":
                        _interrupt()
                    if end == "close" and len(seen) == 1:
                        threading.Timer(0.02, stream.close).start()
        except (Exception, KeyboardInterrupt) as error:
            outcome = error
        wait_until(lambda: watching.finished)
        check_end("break" if end == "cancel" else end, around, None if end == "cancel" else outcome, seen, watching)
        assert isinstance(outcome, KeyboardInterrupt) == (end == "cancel")
        assert budget.reserved == 0
        server.forget()
        server.queue(SUITE.spoken.answer(PLAIN))
        client.generate_text(PROMPT, model="llm", deadline=5)
    wait_until(lambda: not server.opened)
    assert len(server.abandoned) == (0 if end == "error" else 1)


def check_end(end: str, around: str, outcome: object, seen: list[Any], watching: Watching) -> None:
    """What the caller, the ledger and the middleware got to know."""
    (call,) = watching.finished
    outcomes = [attempt.outcome for attempt in call.attempts]
    assert seen
    if end == "error" and around in {"restart", "all"}:
        assert outcome is None
        assert sum(isinstance(piece, StreamRestarted) for piece in seen) == 1
        assert outcomes == ["error", "ok"]
        assert call.result is not None
        ends = ["ProviderConnectionError", "GeneratorExit"]  # closed after its answer
    elif end == "error":
        assert isinstance(outcome, ProviderConnectionError)
        assert outcome.partial_text == "".join(seen)
        assert outcomes == ["error"]
        assert call.error is outcome
        ends = ["ProviderConnectionError"]
    else:
        assert isinstance(outcome, asyncio.CancelledError) if end == "cancel" else outcome is None
        assert (outcomes, call.result, call.error) == (["cancelled"], None, None)
        ends = ["CancelledError" if end == "cancel" else "GeneratorExit"]
    assert watching.ends == (ends if around in {"middleware", "all"} else [])


@pytest.mark.parametrize("clocks", CLOCKS)
@pytest.mark.parametrize("kind", ["async", "sync"])
@pytest.mark.parametrize("end", ["break", "read"])
def test_what_fails_while_a_stream_closes_is_a_plugin_error_in_the_ledger(
    server: Server, kind: str, clocks: str, end: str
) -> None:
    """The error of a middleware's `finally`, whether the stream is read to its end or closed before."""
    watching = Watching(fault=ValueError("no space left"))
    plugins = discover(extra=[watching])
    if end == "break":
        queue(server, end)
    else:
        server.queue(SUITE.spoken.stream(PLAIN))
    deck = deck_at(server.url, "nothing")

    async def read() -> None:
        async with (
            AsyncClient(deck, plugins) as client,
            client.stream_text(PROMPT, model="llm", **CLOCKS[clocks]) as stream,
        ):
            async for _ in stream:
                if end == "break":
                    break

    with pytest.raises(PluginError, match=r"a middleware raised ValueError .*no space left") as caught:
        if kind == "async":
            asyncio.run(read())
        else:
            with Client(deck, plugins) as client, client.stream_text(PROMPT, model="llm", **CLOCKS[clocks]) as stream:
                for _ in stream:
                    if end == "break":
                        break
    (call,) = watching.finished
    assert [(a.outcome, a.error) for a in call.attempts] == [("error", "PluginError")]
    assert caught.value.attempts == call.attempts
    assert call.error is caught.value
