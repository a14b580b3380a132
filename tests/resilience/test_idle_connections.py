"""Connections that the server closes while the program computes, at every backend: the next call goes on a new one."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from pipelex_core import AsyncClient
from pipelex_testing.running import Running, deck_for
from pipelex_testing.server import in_thread
from tests.resilience.backends import OTHERS, WIRES, kinds

if TYPE_CHECKING:
    from pipelex_testing import Conformance
    from pipelex_testing.calls import Kind
    from pipelex_testing.server import Server

pytestmark = pytest.mark.usefixtures("short_partings")

CALLS = [
    pytest.param(suite, kind, id=f"{name}-{type(kind).__name__}".replace(" ", "_"))
    for name, suite in (WIRES | OTHERS).items()
    for kind in kinds(suite)
]


def close_idle(server: Server) -> None:
    """Have the server close its connections, and keep this thread's loop from hearing of it."""
    assert server._listener is not None
    loop = server._listener.get_loop()
    for connection in list(server.opened):
        loop.call_soon_threadsafe(connection.transport.close)
    for _ in range(500):
        if (
            not server.opened
        ):  # a transport closes its socket just after it has left this list: a turn of the loop later
            asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result(5)
            return
        time.sleep(0.01)
    raise AssertionError("the server keeps its connections")


@pytest.mark.parametrize(("suite", "kind"), CALLS)
def test_a_connection_that_was_closed_idle_carries_no_request(suite: Conformance, kind: Kind) -> None:
    """Neither the call nor an image fails, and none is asked for twice."""

    async def main() -> None:
        async with AsyncClient(deck_for(suite, server.url), suite.plugins()) as client:
            at = Running(suite, server, client)
            for calls in (1, 2, 3):
                kind.queue(at)
                result = await kind.make(at)
                kind.check(result)
                assert [attempt.outcome for attempt in result.attempts] == ["ok"]
                assert len(at.calls) == calls
                close_idle(server)

    with in_thread(suite.spoken.server()) as server:
        asyncio.run(main())
