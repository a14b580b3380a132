"""A backend under test, running: its loopback server, and a client whose deck leads to it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from attrs import frozen

from pipelex_core.client import AsyncClient
from pipelex_core.deck import ModelDeck
from pipelex_core.routing import ModelEntry, RouteMatch
from pipelex_testing.absence import SERVER, absent
from pipelex_testing.server import in_thread

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from pipelex_testing.server import Received, Server
    from pipelex_testing.subject import Subject
    from pipelex_testing.wire import Wire

_LONGEST = 60.0
"""Seconds that a scenario may take at most."""


@frozen
class Running:
    """The backend, its server, and a client.

    A scenario that asks for the server, its wire or its calls is absent where the backend has none.

    Attributes:
        suite: The backend under test.
        listening: The server; None for an engine in this process.
        client: Whose deck leads to the backend.
    """

    suite: Subject
    listening: Any
    client: AsyncClient

    @property
    def has_server(self) -> bool:
        """Whether a provider answers as a scenario wants; an engine in this process answers as it can."""
        return self.suite.wire is not None

    @property
    def server(self) -> Any:
        """The server."""
        if not self.has_server:
            absent(SERVER)
        return self.listening

    @property
    def wire(self) -> Wire:
        """What the server speaks."""
        return self.suite.spoken

    @property
    def llm(self) -> str:
        """The language model."""
        return "llm"

    @property
    def listener(self) -> str:
        """The language model that takes recordings."""
        return "listener"

    @property
    def reader(self) -> str:
        """The model for documents."""
        return "reader"

    @property
    def painter(self) -> str:
        """The model for images."""
        return "painter"

    @property
    def editor(self) -> str:
        """The model for changes of images."""
        return "editor"

    @property
    def embedder(self) -> str:
        """The model for embeddings."""
        return "embedder"

    @property
    def writer(self) -> str:
        """The model for transcripts."""
        return "writer"

    @property
    def speaker(self) -> str:
        """The model for speech."""
        return "speaker"

    @property
    def judge(self) -> str:
        """The model that ranks."""
        return "judge"

    @property
    def guard(self) -> str:
        """The model that moderates."""
        return "guard"

    @property
    def calls(self) -> list[Received]:
        """The requests that each stand for one call."""
        return self.wire.calls(self.server)


def deck_for(suite: Subject, url: str, key: str | None = None) -> ModelDeck:
    """A deck with the suite's models, whose backend is at this address; of an engine in this process, the address is empty."""
    config = suite.config(suite.wire.endpoint(url) if suite.wire else url, key)
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
    if server is None and suite.wire is None:
        async with AsyncClient(deck_for(suite, "", key), suite.plugins()) as client:
            yield Running(suite, None, client)
        return
    async with (
        server or suite.spoken.server() as listening,
        AsyncClient(deck_for(suite, listening.url, key), suite.plugins()) as client,
    ):
        yield Running(suite, listening, client)


@contextmanager
def standing(suite: Subject) -> Iterator[Server | None]:
    """The backend's server in a thread of its own, for what goes through several event loops; None where it has none."""
    if suite.wire is None:
        yield None
    else:
        with in_thread(suite.wire.server()) as server:
            yield server


def run(suite: Subject, use: Callable[[Running], Awaitable[None]], *, key: str | None = None) -> None:
    """Use a running backend, in an event loop of its own."""

    async def main() -> None:
        async with asyncio.timeout(_LONGEST), running(suite, key=key) as at:
            await _unless_the_server_fails(use, at)

    asyncio.run(main())


async def _unless_the_server_fails(use: Callable[[Running], Awaitable[None]], at: Running) -> None:
    """Use the backend; a mistake of the wire ends that at once, with the mistake."""
    faults: list[Exception] | None = getattr(at.listening, "faults", None)
    if faults is None:
        await use(at)
        return
    using = asyncio.ensure_future(use(at))
    at.listening.on_fault = using.cancel
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


async def until(condition: Callable[[], object], what: str = "what the test waits for") -> None:
    """Wait for what no event tells of, ten seconds at most."""
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.01)
    msg = f"this did not happen within ten seconds: {what}"
    raise AssertionError(msg)
