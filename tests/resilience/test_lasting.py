"""Clients that last: thousands of calls, calls that are given up, other event loops, notebooks, and the end of a program."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import psutil
import pytest
from attrs import evolve

from pipelex_core import AsyncClient, Client
from pipelex_core.plugins import discover
from pipelex_core.specs import Limits
from pipelex_testing.running import Running, deck_for, until
from pipelex_testing.samples import PLAIN, PROMPT, TEXT
from pipelex_testing.server import Reply, Server, in_thread
from tests.resilience.backends import WIRES, first_kind
from tests.servers.bedrock import clean_aws
from tools.benchmarks.calls import deck
from tools.benchmarks.server import fixed_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelex_testing import Conformance

__all__ = ["clean_aws"]

pytestmark = pytest.mark.usefixtures("clean_aws")

ROOT = Path(__file__).resolve().parents[2]
EACH = [pytest.param(suite, id=name.replace(" ", "_")) for name, suite in WIRES.items()]
GROWTH = 4 * 1024 * 1024
"""Bytes that a process may grow by, whatever the number of calls: allocators keep some."""
COUNTS = [2_000, pytest.param(20_000, marks=pytest.mark.slow)]


@pytest.mark.parametrize("calls", COUNTS)
def test_memory_and_descriptors_are_flat_over_many_calls(calls: int) -> None:
    """Eight at a time, in one loop: what was there after the first few hundred is there after the last."""

    async def main(url: str) -> tuple[Any, Any]:
        async with AsyncClient(deck(url), discover()) as client:

            async def some(numbers: Iterator[None]) -> None:
                for _ in numbers:
                    assert (await client.generate_text(PROMPT, model="m")).text

            async def many(count: int) -> None:
                numbers = iter(repeat(None, count))
                await asyncio.gather(*(some(numbers) for _ in range(8)))

            await many(500)
            before = _held()
            await many(calls)
            return before, _held()

    with fixed_server() as url:
        before, after = asyncio.run(main(url))
    _check_flat(before, after)


@pytest.mark.parametrize("calls", COUNTS)
def test_memory_and_descriptors_are_flat_over_many_synchronous_calls(calls: int) -> None:
    """The same of the synchronous client, whose loop is a thread's."""
    with fixed_server() as url, Client(deck(url), discover()) as client:

        def many(count: int) -> None:
            for _ in range(count):
                assert client.generate_text(PROMPT, model="m").text

        many(500)
        before = _held()
        many(calls)
        _check_flat(before, _held())


def _held() -> tuple[int, int]:
    gc.collect()
    process = psutil.Process()
    return process.num_fds(), process.memory_info().rss


def _check_flat(before: tuple[int, int], after: tuple[int, int]) -> None:
    assert after[0] <= before[0]
    assert after[1] - before[1] < GROWTH, f"{(after[1] - before[1]) / 1e6:.1f} MB more"


@pytest.mark.parametrize("how", ["cancelled", "deadline"])
@pytest.mark.parametrize("suite", EACH)
def test_a_call_that_ends_early_ends_on_the_wire_and_frees_its_place(suite: Conformance, how: str) -> None:
    """The server sees the caller go; where one call may run at a time, the next one runs, and was not sent before."""

    async def main() -> None:
        async with asyncio.timeout(60), suite.spoken.server() as server:
            one = deck_for(suite, server.url)
            name, config = next(iter(one.backends.items()))
            one = evolve(one, backends={name: evolve(config, limits=Limits(max_concurrency=1))})
            async with AsyncClient(one, suite.plugins()) as client:
                at = Running(suite, server, client)
                call = first_kind(suite)
                call.queue(at)
                await call.make(at)
                at.wire.hang(server)
                requested = len(at.calls)
                terms = {"deadline": 1.5} if how == "deadline" else {}
                hanging = asyncio.create_task(call.make(at, **terms))
                await until(lambda: len(at.calls) > requested, "the request reaches the server")
                waiting = asyncio.create_task(call.make(at))
                await asyncio.sleep(0.05)
                assert len(at.calls) == requested + 1, "there is one place"
                hangs_by_itself = at.wire.calls(server) is server.received  # a queue hangs as a whole, until it is told
                if hangs_by_itself:
                    call.queue(at)
                if how == "cancelled":
                    hanging.cancel()
                await asyncio.wait([hanging])
                if not hangs_by_itself:
                    call.queue(at)
                call.check(await waiting)
                await until(lambda: at.wire.was_cancelled(server), "the provider hears that the caller has gone")

    asyncio.run(main())


async def _used(suite: Conformance, server: Server) -> None:
    """A call, a stream, a call that is given up, and one more."""
    async with AsyncClient(deck_for(suite, server.url), suite.plugins()) as client:
        at, call = Running(suite, server, client), first_kind(suite)
        call.queue(at)
        call.check(await call.make(at))
        if "stream" in suite.claims:
            at.server.queue(at.wire.stream(PLAIN))
            async with at.client.stream_text(PROMPT, model=at.llm) as stream:
                assert "".join([delta async for delta in stream]) == TEXT
        at.wire.hang(at.server)
        with anyio.move_on_after(0.5) as scope:
            await call.make(at)
        assert scope.cancelled_caught
        await until(lambda: at.wire.was_cancelled(at.server), "the provider hears that the caller has gone")
        call.queue(at)
        call.check(await call.make(at))


@pytest.mark.parametrize("suite", EACH)
def test_a_client_runs_under_uvloop(suite: Conformance) -> None:
    """As under asyncio's own loop; the kit's server too, in the same loop."""
    uvloop = pytest.importorskip("uvloop")

    async def main() -> None:
        async with suite.spoken.server() as server:
            await _used(suite, server)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


_KINDS_OF_FAULT = {
    "drop": Reply(fault="drop"),
    "cut": Reply.sse({"a": 1}, {"b": 2}, cut_after=1),
    "stall": Reply.sse({"a": 1}, {"b": 2}, stall_after=1),
}


@pytest.mark.parametrize("fault", _KINDS_OF_FAULT)
def test_the_kits_server_breaks_connections_under_uvloop_too(fault: str) -> None:
    """As under asyncio's own loop: the client hears what came before, and then the end, or nothing."""
    uvloop = pytest.importorskip("uvloop")
    request = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"

    async def main() -> bytes:
        async with Server() as server:
            server.queue(_KINDS_OF_FAULT[fault])
            reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rpartition(":")[2]))
            writer.write(request)
            came = b""
            try:
                async with asyncio.timeout(1 if fault == "stall" else 10):
                    while piece := await reader.read(1000):
                        came += piece
            except (ConnectionError, TimeoutError) as error:
                came += type(error).__name__.encode()
            writer.close()
            return came

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        heard = runner.run(main())
    if fault == "drop":
        assert heard in {b"", b"ConnectionResetError"}
    else:
        assert heard.endswith({"cut": b'data: {"a": 1}\n\n\r\n', "stall": b"TimeoutError"}[fault]), heard


_FORKED = """
import os, sys
from pipelex_core import Client
from pipelex_testing.running import deck_for
from tests.resilience.backends import WIRES, first_kind
suite = WIRES[sys.argv[2]]
kinds = {"text": lambda c: c.generate_text("x", model="llm").text, "image out": lambda c: c.generate_image("x", model="painter")}
ask = kinds[first_kind(suite).capability]
client = Client(deck_for(suite, sys.argv[1]), suite.plugins())
assert ask(client)
child = os.fork()
if child == 0:
    assert ask(client)
    client.close()
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
assert ask(client)
client.close()
print("done")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name == "Bedrock" else pytest.mark.slow) for name in WIRES]
)
def test_a_client_works_on_both_sides_of_a_fork(name: str) -> None:
    """Child and parent each have connections, and threads, of their own."""
    suite = WIRES[name]
    with in_thread(suite.spoken.server()) as server:
        for _ in range(3):
            first_kind(suite).queue(Running(suite, server, None))  # type: ignore[arg-type]  # no client is needed for it
        done = subprocess.run(
            [sys.executable, "-W", "ignore:This process:DeprecationWarning", "-c", _FORKED, server.url, name],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=ROOT,
        )
    assert (done.stdout, done.stderr, done.returncode) == ("done\n", "", 0)


@pytest.mark.parametrize("suite", EACH)
def test_a_client_runs_under_anyio(suite: Conformance) -> None:
    """Its asyncio backend; its task groups and cancel scopes go around calls."""

    async def main() -> None:
        async with suite.spoken.server() as one, suite.spoken.server() as two, anyio.create_task_group() as group:
            group.start_soon(_used, suite, one)
            group.start_soon(_used, suite, two)

    anyio.run(main, backend="asyncio")


_ENDS = {
    "closed": "with Client(deck(url), discover()) as c: c.generate_text('x', model='m')",
    "closed, in a loop": """
async def main():
    async with AsyncClient(deck(url), discover()) as c: await c.generate_text('x', model='m')
asyncio.run(main())""",
    "never closed": "c = Client(deck(url), discover()); c.generate_text('x', model='m')",
    "never closed, in a loop": """
c = AsyncClient(deck(url), discover())
async def main(): await c.generate_text('x', model='m')
asyncio.run(main())""",
    "a stream left in the middle": """
c = Client(deck(url), discover())
stream = c.stream_text('x', model='m')
next(stream)
del stream""",
    "a stream left in the middle, in a loop": """
async def main():
    c = AsyncClient(deck(url), discover())
    async for _ in c.stream_text('x', model='m'):
        break
asyncio.run(main())""",
    "ended in a call": """
c = Client(deck(url), discover())
def ask():
    try: c.generate_text('x', model='m')
    except RuntimeError as error: assert 'closed' in str(error)
threading.Thread(target=ask, daemon=True).start()
time.sleep(0.3)""",
}
_BEGIN = """\
import asyncio, sys, threading, time
from pipelex_core import AsyncClient, Client
from pipelex_core.plugins import discover
from pipelex_core.specs import Limits
from tools.benchmarks.calls import deck
url = sys.argv[1]
"""


@pytest.mark.parametrize("program", _ENDS)
def test_a_program_ends_without_a_word(program: str) -> None:
    """Whether it closes its client or not: no warning, no complaint of a loop or a task, no wait."""
    command = [sys.executable, "-W", "error", "-c", _BEGIN + _ENDS[program]]
    with fixed_server(delay=0.1) as url:
        done = subprocess.run([*command, url], capture_output=True, text=True, timeout=60, check=False, cwd=ROOT)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


_CELLS = (
    f"{_BEGIN.replace('sys.argv[1]', repr('URL'))}\nclient, later = Client(deck(url), discover()), AsyncClient(deck(url), discover())",
    "assert asyncio.get_running_loop()\nassert client.generate_text('x', model='m').text",
    "assert len(list(client.stream_text('x', model='m'))) > 100",
    "assert (await later.generate_text('x', model='m')).text",
    "one, two = await asyncio.gather(*(later.generate_text('x', model='m') for _ in range(2)))\nassert one.text == two.text",
    "stream = later.stream_text('x', model='m')\nassert await anext(stream)",
    "assert [delta async for delta in stream]",
    "client.close()\nawait later.aclose()",
)
_NOTEBOOK = """
import json, sys
from jupyter_client.manager import start_new_kernel
cells, url = json.loads(sys.argv[1]), sys.argv[2]
manager, kernel = start_new_kernel(kernel_name="python3")
try:
    for cell in cells:
        told = []
        reply = kernel.execute_interactive(cell.replace("URL", url), timeout=60, output_hook=told.append)
        assert reply["content"]["status"] == "ok", reply["content"]
        assert not [message for message in told if message["msg_type"] in ("stream", "error")], told
finally:
    kernel.stop_channels()
    manager.shutdown_kernel(now=True)
print("done")
"""


def test_both_clients_work_in_a_notebook() -> None:
    """In a real kernel, whose cells run in a loop: calls and streams, also one that goes on in the next cell."""
    pytest.importorskip("ipykernel")
    import json

    with fixed_server() as url:
        done = subprocess.run(
            [sys.executable, "-c", _NOTEBOOK, json.dumps(_CELLS), url],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd=ROOT,
        )
    assert (done.stdout, done.returncode) == ("done\n", 0), done.stderr
