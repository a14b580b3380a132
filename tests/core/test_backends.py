"""The backends of a client: opened once, and never left open."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_core import AsyncClient, DeadlineExceededError, PluginError
from tests.support.scripted import KEY, Script, ScriptedBackend, deck_of, plugins_for, spec

if TYPE_CHECKING:
    from pipelex_core.backend import Resources


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
            while not script.opened:  # noqa: ASYNC110 -- the backend knows of no event
                await asyncio.sleep(0.001)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert (script.opened, script.closed) == (1, 1)
            with pytest.raises(DeadlineExceededError):
                await client.generate_text("x", model="smart", deadline=0.05)
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
