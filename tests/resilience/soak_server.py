"""A process with a server for each API, which answers every request well and keeps none: only the client's memory is looked at."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from contextlib import AsyncExitStack, contextmanager
from typing import TYPE_CHECKING

from attrs import evolve

from pipelex_testing.samples import PLAIN
from tests.resilience.backends import OTHERS, WIRES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelex_testing import Conformance
    from pipelex_testing.server import Received, Reply, Server

LEFT = "leave early"
"""What a system prompt says where the stream is not to end by itself."""

SUITES = {**WIRES, **OTHERS}


def _server(suite: Conformance) -> Server:
    """A server that answers as long as it is asked."""
    wire = suite.spoken
    server = wire.server()
    if "text" not in wire.says:
        return server
    answer, stream = wire.answer(PLAIN), wire.stream(PLAIN)
    unfinished = evolve(stream, stall_after=len(stream.chunks) - wire.ending)

    async def always(request: Received) -> Reply:
        server.received.clear()
        server.abandoned.clear()
        if b'"stream":true' not in request.body.replace(b" ", b"") and "tream" not in request.path:
            return answer
        return unfinished if LEFT.encode() in request.body else stream

    server.answer = always  # type: ignore[method-assign]  # one server's, whatever its class
    return server


async def _main() -> None:
    async with AsyncExitStack() as stack:
        servers = {name: await stack.enter_async_context(_server(suite)) for name, suite in SUITES.items()}
        sys.stdout.write(json.dumps({name: server.url for name, server in servers.items()}) + "\n")
        sys.stdout.flush()
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)  # until whoever started it has gone


@contextmanager
def soak_servers() -> Iterator[dict[str, str]]:
    """The address of each API's server."""
    command = [sys.executable, "-m", "tests.resilience.soak_server"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.kill()


if __name__ == "__main__":
    asyncio.run(_main())
