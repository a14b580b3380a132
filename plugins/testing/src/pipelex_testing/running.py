"""A backend under test, running: its loopback server, and a client whose deck leads to it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from attrs import frozen

from pipelex_core.client import AsyncClient
from pipelex_core.deck import ModelDeck
from pipelex_core.routing import ModelEntry, RouteMatch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from pipelex_testing.server import Received, Server
    from pipelex_testing.subject import Subject
    from pipelex_testing.wire import Wire

_LONGEST = 60.0
"""Seconds that a scenario may take at most."""


@frozen
class Running:
    """The backend, its server, and a client."""

    suite: Subject
    server: Any
    client: AsyncClient

    @property
    def wire(self) -> Wire:
        """What the server speaks."""
        return self.suite.wire

    @property
    def llm(self) -> str:
        """The language model."""
        return "llm"

    @property
    def reader(self) -> str:
        """The model for documents."""
        return "reader"

    @property
    def painter(self) -> str:
        """The model for images."""
        return "painter"

    @property
    def embedder(self) -> str:
        """The model for embeddings."""
        return "embedder"

    @property
    def calls(self) -> list[Received]:
        """The requests that each stand for one call."""
        return self.wire.calls(self.server)


def deck_for(suite: Subject, url: str, key: str | None = None) -> ModelDeck:
    """A deck with the suite's models, whose backend is at this address."""
    config = suite.config(suite.wire.endpoint(url), key)
    models = {
        spec.name: ModelEntry(
            name=spec.name,
            spec=spec,
            available=True,
            reason=None,
            route=RouteMatch(rule="exact", backend=spec.backend),
        )
        for spec in suite.specs()
    }
    return ModelDeck(models=models, backends={config.name: config})


@asynccontextmanager
async def running(suite: Subject, *, key: str | None = None, server: Server | None = None) -> AsyncIterator[Running]:
    """The backend at a server; both closed at the end."""
    async with (
        suite.wire.server() if server is None else server as listening,
        AsyncClient(deck_for(suite, listening.url, key), suite.plugins()) as client,
    ):
        yield Running(suite, listening, client)


def run(suite: Subject, use: Callable[[Running], Awaitable[None]], *, key: str | None = None) -> None:
    """Use a running backend, in an event loop of its own."""

    async def main() -> None:
        async with asyncio.timeout(_LONGEST), running(suite, key=key) as at:
            await _unless_the_server_fails(use, at)

    asyncio.run(main())


async def _unless_the_server_fails(use: Callable[[Running], Awaitable[None]], at: Running) -> None:
    """Use the backend; a mistake of the wire ends that at once, with the mistake."""
    faults: list[Exception] | None = getattr(at.server, "faults", None)
    if faults is None:
        await use(at)
        return
    using = asyncio.ensure_future(use(at))
    at.server.on_fault = using.cancel
    try:
        await using
    except BaseException:
        if faults:
            msg = f"the kit's own server failed: {type(faults[0]).__name__}: {faults[0]}"
            raise AssertionError(msg) from faults[0]
        raise
    if faults:
        msg = f"the kit's own server failed: {type(faults[0]).__name__}: {faults[0]}"
        raise AssertionError(msg) from faults[0]


async def until(condition: Callable[[], object], what: str) -> None:
    """Wait for what no event tells of, ten seconds at most."""
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.01)
    msg = f"this did not happen within ten seconds: {what}"
    raise AssertionError(msg)
