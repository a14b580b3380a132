"""Limits, as a caller meets them: waits in the ledger, deadlines, chains, streams, cancellation."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from pipelex_core import AsyncClient, Client
from pipelex_core.capabilities.text import TEXT
from pipelex_core.errors import AllAttemptsFailedError, DeadlineExceededError, LimitReachedError, ServerError
from pipelex_core.execution.admission import Admissions
from pipelex_core.execution.attempts import Attempting
from pipelex_core.plugins import discover
from pipelex_core.policies import CooldownPolicy, RetryPolicy
from pipelex_core.results import TextAnswer
from pipelex_core.specs import Limits
from tests.support.scripted import USAGE, Script, deck_of, plugins_for, spec

if TYPE_CHECKING:
    from pipelex_core.deck import ModelDeck

ONE = Limits(max_concurrency=1)
ANSWER = TextAnswer(text="Rhine", finish_reason="stop", usage=USAGE)


def limited(deck: ModelDeck, **limits: Limits) -> ModelDeck:
    """The deck with limits for some of its backends, and without retries that wait."""
    configs = {
        name: evolve(config, limits=limits.get(name), retry=RetryPolicy(retries=0), cooldown=CooldownPolicy(failures=0))
        for name, config in deck.backends.items()
    }
    return evolve(deck, backends=configs)


def client_of(
    *specs: Any, scripts: dict[str, Script], aliases: dict[str, Any] | None = None, **limits: Limits
) -> AsyncClient:
    deck = limited(deck_of(*specs, aliases=aliases or {}), **limits)
    return AsyncClient(deck, plugins_for(scripts))


def test_without_limits_nothing_is_entered() -> None:
    """A request that nothing holds back passes through nothing."""
    model = spec("m")
    assert Admissions(deck_of(model), discover(entry_points=()))(Attempting(model, TEXT)) is None
    other = spec("other", sdk="other")
    deck = limited(deck_of(model, other), scripted=ONE)
    assert Admissions(deck, discover(entry_points=()))(Attempting(other, TEXT)) is None
    assert Admissions(deck, discover(entry_points=()))(Attempting(model, TEXT)) is not None


def test_a_wait_stands_in_the_ledger() -> None:
    """With its reason, and apart from the time the provider took; the result is as ever."""

    async def main() -> None:
        script = Script([0.2, "Rhine"])
        script.answers = [0.2, "Rhine", 0.2, "Seine"]
        async with client_of(spec("m"), scripts={"scripted": script}, scripted=ONE) as client:
            first, second = await asyncio.gather(
                client.generate_text("a", model="m"), client.generate_text("b", model="m")
            )
        (attempt,) = second.attempts
        assert attempt.wait_s > 0.1
        assert attempt.wait_reason == "max_concurrency of backend 'scripted'"
        assert attempt.seconds < attempt.wait_s + 10
        assert first.attempts[0].wait_reason is None

    asyncio.run(main())


def test_a_model_has_limits_of_its_own() -> None:
    """Its spec's, besides those of its backend."""

    async def main() -> None:
        script = Script([0.1, "a", 0.1, "b", 0.1, "c"])
        async with client_of(spec("m", limits=ONE), spec("free"), scripts={"scripted": script}) as client:
            results = await asyncio.gather(*(client.generate_text("?", model=name) for name in ("m", "m", "free")))
        waits = [result.attempts[0].wait_reason for result in results]
        assert waits == [None, "max_concurrency of model 'm'", None]

    asyncio.run(main())


def test_a_wait_that_cannot_end_in_time_is_not_begun() -> None:
    """The error says so at once, and when it would do; nothing was sent."""

    async def main() -> None:
        script = Script()
        limits = Limits(requests_per_minute=1)
        async with client_of(spec("m"), scripts={"scripted": script}, scripted=limits) as client:
            await client.generate_text("a", model="m")
            begun = time.monotonic()
            with pytest.raises(LimitReachedError) as caught:
                await client.generate_text("b", model="m", deadline=30)
            assert time.monotonic() - begun < 5
        error = caught.value
        assert "requests_per_minute of backend 'scripted' is full" in str(error)
        assert 50 < (error.retry_after or 0) <= 60.2
        assert (error.backend, error.model) == ("scripted", "m")
        assert len(script.requests) == 1
        assert [attempt.error for attempt in error.attempts] == ["LimitReachedError"]

    asyncio.run(main())


def test_a_deadline_ends_a_wait() -> None:
    """The place in the queue is given up, and the next call gets it."""

    async def main() -> None:
        script = Script([2.0, "a", "b"])
        async with client_of(spec("m"), scripts={"scripted": script}, scripted=ONE) as client:
            first = asyncio.create_task(client.generate_text("a", model="m"))
            await asyncio.sleep(0.4)
            with pytest.raises(DeadlineExceededError) as caught:
                await client.generate_text("b", model="m", deadline=0.5)
            assert caught.value.attempts[0].wait_reason == "max_concurrency of backend 'scripted'"
            await first
            assert (await client.generate_text("c", model="m", deadline=20)).text == "b"

    asyncio.run(main())


def test_a_full_member_of_a_chain_lets_it_move_on() -> None:
    """After a second at most where another one can be asked; the last one is waited for."""

    async def main() -> None:
        scripts = {"one": Script([60.0, "late"]), "two": Script(["two"])}
        models = spec("a", sdk="one"), spec("b", sdk="two")
        async with client_of(*models, scripts=scripts, aliases={"both": ["a", "b"]}, one=ONE) as client:
            first = asyncio.create_task(client.generate_text("a", model="a"))
            await asyncio.sleep(0.05)
            result = await client.generate_text("b", model="both")
            assert (result.text, result.model) == ("two", "b")
            assert [attempt.error for attempt in result.attempts] == ["LimitReachedError", None]
            assert 0.9 < result.attempts[0].wait_s < 20
            first.cancel()

    asyncio.run(main())


def test_a_known_long_wait_moves_on_at_once() -> None:
    """A minute that is full is no reason to try for a second."""

    async def main() -> None:
        scripts = {"one": Script(), "two": Script(["two"])}
        models = spec("a", sdk="one"), spec("b", sdk="two")
        limits = Limits(requests_per_minute=1)
        async with client_of(*models, scripts=scripts, aliases={"both": ["a", "b"]}, one=limits) as client:
            await client.generate_text("a", model="both")
            result = await client.generate_text("b", model="both")
        assert result.model == "b"
        assert result.attempts[0].wait_s < 0.5
        assert len(scripts["one"].requests) == 1

    asyncio.run(main())


def test_every_member_full() -> None:
    """Then the call fails with all of them, in time."""

    async def main() -> None:
        scripts = {"one": Script(), "two": Script()}
        models = spec("a", sdk="one"), spec("b", sdk="two")
        limits = Limits(requests_per_minute=1)
        aliases = {"both": ["a", "b"]}
        async with client_of(*models, scripts=scripts, aliases=aliases, one=limits, two=limits) as client:
            await client.generate_text("a", model="both")
            await client.generate_text("b", model="both")
            with pytest.raises(AllAttemptsFailedError) as caught:
                await client.generate_text("c", model="both", deadline=20)
        assert [attempt.error for attempt in caught.value.attempts] == ["LimitReachedError"] * 2

    asyncio.run(main())


def test_an_attempt_that_fails_frees_its_place() -> None:
    """Whatever it fails with, a cancelled one included."""

    async def main() -> None:
        script = Script([ServerError("no", status=500), ValueError("no"), 60.0, "never", "fine"])
        async with client_of(spec("m"), scripts={"scripted": script}, scripted=ONE) as client:
            for _ in range(2):
                with pytest.raises(Exception, match="no"):
                    await client.generate_text("a", model="m")
            hanging = asyncio.create_task(client.generate_text("b", model="m"))
            await asyncio.sleep(0.05)
            hanging.cancel()
            await asyncio.gather(hanging, return_exceptions=True)
            script.answers = ["fine"]
            assert (await client.generate_text("c", model="m", deadline=20)).text == "fine"

    asyncio.run(main())


def test_a_stream_holds_its_place_to_its_end() -> None:
    """Not only until its first delta; leaving it early frees the place."""

    async def main() -> None:
        script = Script(["Rhi", "ne", ANSWER])
        async with client_of(spec("m"), scripts={"scripted": script}, scripted=ONE) as client:
            async with client.stream_text("a", model="m") as stream:
                assert await anext(stream) == "Rhi"
                with pytest.raises(DeadlineExceededError):
                    await client.generate_text("b", model="m", deadline=0.05)
            script.answers = ["done"]
            assert (await client.generate_text("c", model="m", deadline=20)).text == "done"

    asyncio.run(main())


def test_tokens_are_reserved_and_settled() -> None:
    """What a call asks for counts while it runs, and what it used afterwards."""

    async def main() -> None:
        script = Script()
        limits = Limits(tokens_per_minute=1000)
        async with client_of(spec("m"), scripts={"scripted": script}, scripted=limits) as client:
            for _ in range(4):  # each reserves 595 and uses 110: a fifth does not fit any more
                await client.generate_text("?", model="m", max_tokens=590, deadline=20)
            with pytest.raises(LimitReachedError, match="tokens_per_minute"):
                await client.generate_text("?", model="m", max_tokens=590, deadline=5)

    asyncio.run(main())


def test_what_the_provider_refused_used_no_tokens() -> None:
    """An answer of 500 leaves the minute as it was."""

    async def main() -> None:
        script = Script([ServerError("no", status=500), "fine"])
        limits = Limits(tokens_per_minute=1000)
        async with client_of(spec("m"), scripts={"scripted": script}, scripted=limits) as client:
            with pytest.raises(ServerError):
                await client.generate_text("?", model="m", max_tokens=900)
            assert (await client.generate_text("?", model="m", max_tokens=900, deadline=5)).text == "fine"

    asyncio.run(main())


def test_threads_of_a_synchronous_client_share_the_limits() -> None:
    """However many threads ask, no more than the cap are under way."""
    script = Script([0.001, "x"] * 200)
    deck = limited(deck_of(spec("m")), scripted=Limits(max_concurrency=2))
    with Client(deck, plugins_for({"scripted": script})) as client, ThreadPoolExecutor(8) as threads:
        results = list(threads.map(lambda _: client.generate_text("?", model="m", deadline=60), range(40)))
    assert [result.text for result in results] == ["x"] * 40
    assert any(result.attempts[0].wait_reason for result in results)
