"""The backends of a client: opened once, and never left open."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_core import AsyncClient, DeadlineExceededError, PluginError
from pipelex_core.plugins import discover
from pipelex_testing.running import until
from tests.support.scripted import KEY, Script, ScriptedBackend, deck_of, plugin, plugins_for, spec

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelex_core.backend import Backend, Resources
    from pipelex_core.specs import BackendConfig


class OpensSlowly(ScriptedBackend):
    """Has opened something before the rest of it takes its time, or fails."""

    failure: Exception | None = None
    failure_of_close: Exception | None = None

    async def open(self, resources: Resources) -> None:
        await super().open(resources)
        if self.failure is not None:
            raise self.failure
        await asyncio.sleep(30)

    async def close(self) -> None:
        await super().close()
        if self.failure_of_close is not None:
            raise self.failure_of_close


def client_of(kind: type[ScriptedBackend], script: Script) -> AsyncClient:
    """A client of one model whose backend is of this kind."""
    return AsyncClient(deck_of(spec("smart")), plugins_for({"scripted": script}, kind=kind))


def test_a_backend_given_up_while_it_opens_is_closed() -> None:
    """By the caller, or by the deadline."""

    async def main() -> None:
        script = Script()
        async with client_of(OpensSlowly, script) as client:
            call = asyncio.create_task(client.generate_text("x", model="smart"))
            await until(lambda: script.opened)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert (script.opened, script.closed) == (1, 1)
            with pytest.raises(DeadlineExceededError):
                await client.generate_text("x", model="smart", deadline=1.0)
            assert (script.opened, script.closed) == (2, 2)
        assert script.closed == 2

    asyncio.run(main())


def test_a_backend_that_fails_to_open_is_closed(caplog: pytest.LogCaptureFixture) -> None:
    """The error of `open` is the one that is told; one of `close` is logged by its class."""

    class Fails(OpensSlowly):
        failure = OSError("no such socket")
        failure_of_close: Any = RuntimeError(f"not open {KEY}")

    async def main() -> None:
        script = Script()
        async with client_of(Fails, script) as client:
            with pytest.raises(PluginError, match="no such socket"):
                await client.generate_text("x", model="smart")
        assert (script.opened, script.closed) == (1, 1)

    with caplog.at_level(logging.WARNING, "pipelex_core"):
        asyncio.run(main())
    assert "failed to close: RuntimeError" in caplog.text
    assert KEY not in caplog.text


def client_made_by(make: Callable[[BackendConfig], Backend]) -> AsyncClient:
    """A client of one model whose backend a factory makes."""
    return AsyncClient(deck_of(spec("smart")), discover(entry_points=(), extra=[plugin({"scripted": make})]))


def test_a_factory_that_takes_its_time_holds_nobody_up() -> None:
    """It imports an SDK: the deadline passes meanwhile, the loop goes on, and the next call gets what it made."""
    script = Script()
    made: list[str] = []

    def make(config: BackendConfig) -> Backend:
        made.append(threading.current_thread().name)
        time.sleep(1.5)
        return ScriptedBackend(config, script)

    async def main() -> float:
        async with client_made_by(make) as client:
            client_turns = 0

            async def turn() -> None:
                nonlocal client_turns
                while True:
                    await asyncio.sleep(0.01)
                    client_turns += 1

            turning = asyncio.create_task(turn())
            started = time.monotonic()
            with pytest.raises(DeadlineExceededError):
                await client.generate_text("x", model="smart", deadline=0.2)
            seconds = time.monotonic() - started
            assert (await client.generate_text("x", model="smart")).text
            turning.cancel()
            assert client_turns > 20
            return seconds

    assert asyncio.run(main()) < 1.2
    assert made == ["pipelex-work"]


TERMS = pytest.mark.parametrize("terms", [{}, {"deadline": 60}], ids=["in the loop", "in a thread"])
"""A call with a clock is not alone in its loop."""


@TERMS
def test_a_factory_that_asks_for_the_loop_gets_it(terms: Any) -> None:
    """One that was written as if it ran there always."""
    script = Script()

    def make(config: BackendConfig) -> Backend:
        assert asyncio.get_running_loop().is_running()
        return ScriptedBackend(config, script)

    async def main() -> str:
        async with client_made_by(make) as client:
            return (await client.generate_text("x", model="smart", **terms)).text

    assert asyncio.run(main())


@TERMS
def test_a_factory_that_failed_is_asked_again(terms: Any) -> None:
    """By the next call."""
    script = Script()
    faults = [ImportError("not yet")]

    def make(config: BackendConfig) -> Backend:
        if faults:
            raise faults.pop()
        return ScriptedBackend(config, script)

    async def main() -> str:
        async with client_made_by(make) as client:
            with pytest.raises(PluginError, match="not yet"):
                await client.generate_text("x", model="smart", **terms)
            return (await client.generate_text("x", model="smart", **terms)).text

    assert asyncio.run(main())
