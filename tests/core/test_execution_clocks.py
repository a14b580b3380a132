"""Two clocks: the deadline of a call, and the silence of its provider."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from pipelex_core import (
    AsyncClient,
    Client,
    DeadlineExceededError,
    IdleTimeoutError,
    ProviderConnectionError,
    RetryPolicy,
    UnsupportedInputError,
)
from pipelex_core.execution.clocks import GRACE, Silence, within
from pipelex_core.execution.reading import Reader
from pipelex_core.results import TextAnswer
from tests.support.scripted import PAINTER, USAGE, Script, ScriptedBackend, deck_of, plugins_for, spec

ANSWER = TextAnswer(text="ab", finish_reason="stop", usage=USAGE)
SLACK = 2.0
"""Seconds that a busy machine may be late; what is tested hangs for much longer."""


class Stubborn(ScriptedBackend):
    """Takes its time to be cancelled."""

    async def generate_text(self, request: Any) -> Any:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(self.script.next())

    async def stream_text(self, request: Any) -> Any:
        yield "a"
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(self.script.next())


class Threaded(ScriptedBackend):
    """Waits in a thread that cannot be interrupted."""

    async def generate_text(self, request: Any) -> Any:
        await asyncio.to_thread(time.sleep, 2.0)


def client_for(script: Script, kind: type[ScriptedBackend] = ScriptedBackend, **hooks: Any) -> AsyncClient:
    """A client whose one model is `smart`."""
    return AsyncClient(deck_of(spec("smart"), PAINTER), plugins_for({"scripted": script}, kind=kind, **hooks))


@pytest.mark.parametrize("kind", [Stubborn, Threaded])
def test_a_plugin_that_is_slow_to_be_cancelled_does_not_delay_the_deadline(kind: Any) -> None:
    """The call returns; the plugin is left to itself, and its attempt is in the ledger."""

    async def main() -> None:
        client = client_for(Script(answers=[3.0]), kind)
        started = time.monotonic()
        with pytest.raises(DeadlineExceededError) as caught:
            await client.generate_text("x", model="smart", deadline=0.2)
        assert 0.2 <= time.monotonic() - started < 0.2 + GRACE + SLACK
        assert [(a.outcome, a.error) for a in caught.value.attempts] == [("error", "DeadlineExceededError")]
        assert caught.value.model == "smart"

    asyncio.run(main())


def test_a_stream_that_is_slow_to_be_cancelled_does_not_delay_the_deadline() -> None:
    """As a whole answer; its partial text is kept."""

    async def main() -> None:
        client = client_for(Script(answers=[3.0]), Stubborn)
        started = time.monotonic()
        with pytest.raises(DeadlineExceededError) as caught:
            async with client.stream_text("x", model="smart", deadline=0.2) as stream:
                async for _ in stream:
                    pass
        assert time.monotonic() - started < 0.2 + GRACE + SLACK
        assert caught.value.partial_text == "a"
        assert [(a.outcome, a.error) for a in caught.value.attempts] == [("error", "DeadlineExceededError")]
        await asyncio.sleep(3.1)  # the plugin ends by itself, and nobody complains

    asyncio.run(main())


def test_the_deadline_bounds_retries_and_their_waits() -> None:
    """Attempts, waits and further members together."""
    script = Script(answers=[ProviderConnectionError("gone"), 20.0, "late"])

    async def main() -> None:
        async with client_for(script) as client:
            with pytest.raises(DeadlineExceededError) as caught:
                await client.generate_text("x", model="smart", deadline=1.0)
            errors = [attempt.error for attempt in caught.value.attempts]
            assert errors == ["ProviderConnectionError", "DeadlineExceededError"]
            assert caught.value.attempts[1].wait_reason == "back-off"

    asyncio.run(main())


def test_a_call_that_is_given_up_is_cancelled_at_once_also_with_a_deadline() -> None:
    """The plugin sees it, and those who listen hear of a call that was cancelled."""
    heard: list[Any] = []
    script = Script(answers=[20.0, "late"])

    async def main() -> None:
        client = client_for(script, pipelex_call_finished=lambda call: heard.append(call))
        task = asyncio.create_task(client.generate_text("x", model="smart", deadline=60))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert [[attempt.outcome for attempt in call.attempts] for call in heard] == [["cancelled"]]


@pytest.mark.parametrize("steps", range(10))
@pytest.mark.parametrize("terms", [{"deadline": 60}, {"idle_timeout": 60}, {"deadline": 60, "idle_timeout": 60}])
def test_a_call_may_be_given_up_at_any_moment(steps: int, terms: Any) -> None:
    """Also before its task has begun: nothing is left behind that complains, whole or streamed."""
    script = Script(answers=[0.001, "fine", 0.001, ANSWER])

    async def main() -> None:
        async with client_for(script) as client:
            await client.generate_text("x", model="smart")
            for streamed in (False, True):
                stream = client.stream_text("x", model="smart", **terms)
                call = anext(stream) if streamed else client.generate_text("x", model="smart", **terms)
                task = asyncio.ensure_future(call)
                for _ in range(steps):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.wait([task])
                await stream.aclose()

    asyncio.run(main())


def test_a_silent_provider_is_given_up_asked_again_and_then_an_error() -> None:
    """Silence may pass: it is retried as any connection error, and is an error of its own."""
    script = Script(answers=[20.0, 20.0, "late"])

    async def main() -> None:
        async with client_for(script) as client:
            started = time.monotonic()
            with pytest.raises(IdleTimeoutError, match="was silent") as caught:
                await client.generate_text("x", model="smart", idle_timeout=0.1, retries=1)
            assert time.monotonic() - started < 1 + SLACK
            assert [attempt.error for attempt in caught.value.attempts] == ["IdleTimeoutError"] * 2
            assert caught.value.total_cost is None  # the provider may have been paid for it

    asyncio.run(main())


def test_a_chain_moves_on_from_a_silent_provider() -> None:
    """A member that hangs costs its silence, not the call."""
    first, second = Script(answers=[20.0, "late"]), Script()
    deck = deck_of(spec("a", sdk="one"), spec("b", sdk="two"), aliases={"ab": ["a", "b"]})
    with Client(deck, plugins_for({"one": first, "two": second})) as client:
        assert client.generate_text("x", model="ab", idle_timeout=0.2, deadline=20).model == "b"
        first.answers = ["a", 20.0, "late"]
        with client.stream_text("x", model="ab", idle_timeout=0.2) as stream:
            assert next(stream) == "a"
            with pytest.raises(IdleTimeoutError) as caught:
                next(stream)
        assert caught.value.partial_text == "a"


def test_a_paid_image_is_not_asked_for_again_after_a_silence() -> None:
    """Nobody knows whether it was made: it could be paid twice."""
    script = Script(answers=[20.0, "late"])

    async def main() -> None:
        async with client_for(script) as client:
            with pytest.raises(IdleTimeoutError) as caught:
                await client.generate_image("x", model="painter", idle_timeout=0.1)
            assert caught.value.unsettled
            assert len(script.requests) == 1

    asyncio.run(main())


def test_a_healthy_long_stream_is_never_cut_by_its_idle_timeout() -> None:
    """However long it takes in all, and however slowly it is read."""
    script = Script(answers=[*[piece for _ in range(12) for piece in (0.1, "a")], ANSWER])

    async def main() -> None:
        async with client_for(script) as client:
            async with client.stream_text("x", model="smart", idle_timeout=0.6) as stream:
                seen = 0
                async for _ in stream:
                    seen += 1
                    if seen == 3:
                        await asyncio.sleep(0.9)
            assert seen == 12

    asyncio.run(main())


def test_an_empty_delta_is_a_sign_of_life_and_no_delta() -> None:
    """A plugin may give one for events without text; the reader sees none of them."""
    script = Script(answers=[*[piece for _ in range(8) for piece in (0.1, "")], "ab", ANSWER])

    async def main() -> list[str]:
        async with client_for(script) as client:
            async with client.stream_text("x", model="smart", idle_timeout=0.6) as stream:
                return [delta async for delta in stream]

    assert asyncio.run(main()) == ["ab"]


def test_a_reader_that_stops_reading_holds_a_stream_with_clocks_back() -> None:
    """It reads ahead by a few events only, and its silence is not the provider's."""
    script = Script(answers=[*"x" * 200, ANSWER])

    async def main() -> None:
        async with client_for(script) as client:
            async with client.stream_text("x", model="smart", idle_timeout=0.1, deadline=60) as stream:
                async for _ in stream:
                    break
                await asyncio.sleep(0.4)
                assert len(script.answers) > 100
                assert len([delta async for delta in stream]) == 199

    asyncio.run(main())


def test_the_deck_may_say_how_long_a_backend_may_be_silent() -> None:
    """Where the call does not say; what the call says wins."""
    from attrs import evolve

    script = Script(answers=[0.5, "fine"])
    deck = deck_of(spec("smart"))
    impatient = {name: evolve(c, idle_timeout=0.1, retry=RetryPolicy(retries=0)) for name, c in deck.backends.items()}
    with Client(evolve(deck, backends=impatient), plugins_for({"scripted": script})) as client:
        with pytest.raises(IdleTimeoutError):
            client.generate_text("x", model="smart")
        script.answers = [0.5, "fine"]
        assert client.generate_text("x", model="smart", idle_timeout=30).text == "fine"


@pytest.mark.parametrize(
    "terms",
    [
        {"idle_timeout": 0},
        {"idle_timeout": "3"},
        {"deadline": -1},
        {"retries": -1},
        {"retries": 1.5},
        {"retries": True},
        {"fallback_on": "never"},
        {"on_interrupted": "restat"},
    ],
)
def test_the_terms_of_a_call_are_checked(terms: Any) -> None:
    """Wrong types, negative numbers and unknown words are refused before anything is sent, with the name of the argument."""
    script = Script()
    with Client(deck_of(spec("smart")), plugins_for({"scripted": script})) as client:
        with pytest.raises(UnsupportedInputError, match=next(iter(terms))):
            client.stream_text("x", model="smart", **terms)
    assert script.requests == []


def test_work_that_ends_within_the_grace_gives_what_it_has() -> None:
    """An answer that is there is not thrown away; an error of the work's own is told."""

    class Now:
        def remaining(self) -> float:
            return 0.01 if not started else -1.0

        def error(self) -> Exception:
            return LookupError("over")

    started: list[int] = []

    async def swallows(outcome: Any) -> Any:
        started.append(1)
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            if isinstance(outcome, Exception):
                raise outcome from None
        return outcome

    async def main() -> None:
        assert await within(Now(), swallows("late")) == "late"
        started.clear()
        with pytest.raises(KeyError):
            await within(Now(), swallows(KeyError("own")))
        with pytest.raises(LookupError, match="over"):
            await within(Now(), swallows("never begun"))

    asyncio.run(main())


def test_a_reader_passes_on_errors_and_closes_what_it_reads() -> None:
    """An error after events comes after them; closing early closes the source."""
    closed: list[str] = []

    async def source(name: str) -> Any:
        try:
            yield "1"
            yield "2"
            raise KeyError(name)
        finally:
            closed.append(name)

    def reader(name: str) -> Reader:
        async def start() -> Any:
            return source(name)

        return Reader(start, lambda events: events.aclose(), Silence(60, LookupError))

    async def main() -> None:
        seen = []
        with pytest.raises(KeyError):
            async for event in reader("read").events():
                seen.append(event)
        assert seen == ["1", "2"]
        closing = reader("closed")
        assert await anext(closing.events()) == "1"
        await closing.aclose()
        assert closed == ["read", "closed"]

    asyncio.run(main())
