"""The event loop of a synchronous client: threads that call while it is closed, Ctrl-C, and forks."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pipelex_core.runtime.loop_thread import LoopThread
from tools.benchmarks.server import fixed_server


async def _nothing() -> None:
    await asyncio.sleep(0)


async def _number(number: int) -> int:
    await asyncio.sleep(0)
    return number


def _threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "pipelex-core"]


def test_no_call_is_lost_while_other_threads_stop_the_loop() -> None:
    """Each call has its result, or is told that the client was closed; none waits for ever."""
    thread = LoopThread(_nothing)
    until = time.monotonic() + 1
    wrong: list[object] = []

    def call() -> None:
        while time.monotonic() < until:
            try:
                if thread.run(_number(3)) != 3:
                    wrong.append("another's result")
            except RuntimeError as error:
                if "was closed" not in str(error):
                    wrong.append(error)

    callers = [threading.Thread(target=call, daemon=True) for _ in range(4)]
    for caller in callers:
        caller.start()
    while time.monotonic() < until:
        thread.stop()
    for caller in callers:
        caller.join(5)
    assert not [caller for caller in callers if caller.is_alive()]
    assert wrong == []
    thread.stop()
    assert _threads() == []


def test_a_call_under_way_is_cancelled_when_the_loop_is_stopped_and_before_its_resources_go() -> None:
    """The caller hears why; what it used is released after it, not under it."""
    order: list[str] = []

    async def at_end() -> None:
        order.append("released")

    async def long() -> None:
        try:
            await asyncio.sleep(20)
        finally:
            order.append("cancelled")

    thread = LoopThread(at_end)
    reported: list[str] = []

    def call() -> None:
        try:
            thread.run(long())
        except RuntimeError as error:
            reported.append(str(error))

    caller = threading.Thread(target=call)
    caller.start()
    time.sleep(0.1)
    thread.stop()
    caller.join(5)
    assert reported == ["the client was closed while this call was under way"]
    assert order == ["cancelled", "released"]


def test_a_call_from_the_loop_itself_is_refused() -> None:
    """It would wait for itself; the coroutine is closed, so that nothing complains of it."""
    thread = LoopThread(_nothing)

    async def inside() -> int:
        return thread.run(_number(1))

    with pytest.raises(RuntimeError, match="wait for itself"):
        thread.run(inside())
    thread.stop()


def test_a_loop_whose_owner_is_gone_ends() -> None:
    """Also where the owner is collected on the loop's own thread."""
    ended = threading.Event()

    async def at_end() -> None:
        ended.set()

    async def last(holder: list[LoopThread]) -> None:
        holder.clear()
        gc.collect()

    holder = [LoopThread(at_end)]
    coroutine = last(holder)
    asyncio.run_coroutine_threadsafe(coroutine, holder[0]._start()).result(5)
    assert ended.wait(5)
    for thread in _threads():
        thread.join(5)
    assert _threads() == []


_FORKS = """
import os, sys
from pipelex_core import Client
from pipelex_core.plugins import discover
from tools.benchmarks.calls import deck

client = Client(deck(sys.argv[1]), discover())
assert client.generate_text("x", model="m").text
stream = client.stream_text("x", model="m")
assert next(stream)
for how in ("call", "no call", "stream"):
    child = os.fork()
    if child == 0:
        if how == "call":
            assert client.generate_text("x", model="m").text
            client.close()
        if how == "stream":
            try:
                for _ in stream: pass
            except RuntimeError as error:
                assert "process" in str(error)
        sys.exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert client.generate_text("x", model="m").text
assert len(list(stream)) == 399
stream.close()
client.close()
print("done")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_calls_for_itself_and_harms_nothing_of_its_parent() -> None:
    """However the child ends, the parent's loop, connections and streams go on."""
    with fixed_server() as url:
        done = subprocess.run(
            [sys.executable, "-W", "ignore:This process:DeprecationWarning", "-c", _FORKS, url],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=Path(__file__).parents[2],
        )
    assert (done.stdout, done.stderr, done.returncode) == ("done\n", "", 0)


def test_work_in_a_thread_that_does_not_come_back_holds_up_no_end() -> None:
    """Whatever a plugin does in the loop's executor: other work goes on, the client closes, and the program ends."""
    program = """
import asyncio, time
from pipelex_core.runtime.loop_thread import LoopThread

async def nothing():
    pass

async def main():
    for _ in range(100):
        asyncio.get_running_loop().run_in_executor(None, time.sleep, 600)
    print(await asyncio.to_thread(str, 1))
    try:
        await asyncio.to_thread(int, "x")
    except ValueError as error:
        print(error)

thread = LoopThread(nothing)
thread.run(main())
thread.stop()
print("stopped")
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert run.stdout.splitlines() == ["1", "invalid literal for int() with base 10: 'x'", "stopped"], run.stderr
    assert run.returncode == 0


def test_a_call_longer_than_a_glance_gives_its_result_and_its_own_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread that waits looks up now and then; a `TimeoutError` of the call itself is raised as it is."""
    monkeypatch.setattr("pipelex_core.runtime.loop_thread.GLANCE", 0.01)

    async def slow(error: Exception | None) -> str:
        await asyncio.sleep(0.1)
        if error is not None:
            raise error
        return "done"

    thread = LoopThread(_nothing)
    try:
        assert thread.run(slow(None)) == "done"
        with pytest.raises(TimeoutError, match="its own"):
            thread.run(slow(TimeoutError("its own")))
    finally:
        thread.stop()
