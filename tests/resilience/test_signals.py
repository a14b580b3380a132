"""Signals in every phase of a call: it ends at once, what it held is free, the client goes on, and the program can end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipelex_testing.replies import Reply
from pipelex_testing.server import Server, in_thread

if TYPE_CHECKING:
    from pipelex_testing.server import Received

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

GOOD = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o-mini",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Done."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}
DELTA = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-mini"} | {
    "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Half"}, "finish_reason": None}]
}


class Phases(Server):
    """What a request says is what happens to it."""

    provider = "openai"

    async def answer(self, request: Received) -> Reply:
        prompt = request.json["messages"][-1]["content"]
        replies = {
            "silent": Reply(fault="hang"),
            "half": Reply.sse(DELTA, DELTA, stall_after=1),
            "busy": Reply.json({"error": {"message": "busy"}}, status=503, headers={"retry-after": "30"}),
        }
        return replies.get(prompt, Reply.json(GOOD))


BEGIN = """
import asyncio, os, signal, sys, threading, time
from pipelex_core import AsyncClient, Client
from pipelex_core.plugins import discover
from pipelex_core.specs import Limits
from attrs import evolve
from tools.benchmarks.calls import deck

url, name, phase = sys.argv[1:]
number = getattr(signal, name)
if name == "SIGTERM":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))  # as a program that cleans up does it
made = deck(url + "/v1")
backend = evolve(made.backends["openai"], limits=Limits(max_concurrency=1))
made = evolve(made, backends={"openai": backend})

def signal_later():
    time.sleep(1)
    os.kill(os.getpid(), number)
"""

SYNC = """
client = Client(made, discover())
client.generate_text("good", model="m")
held = client.stream_text("half", model="m") if phase == "queued" else None
if held:
    next(held)
threading.Thread(target=signal_later, daemon=True).start()
try:
    if phase == "half":
        print(*client.stream_text("half", model="m"))
    else:
        client.generate_text(phase, model="m")
except (KeyboardInterrupt, SystemExit) as end:
    print(type(end).__name__)
began = time.monotonic()
if held:
    held.close()
print(client.generate_text("good", model="m").text)
client.close()
print(time.monotonic() - began < 5)
"""

ASYNC = """
async def main():
    async with AsyncClient(made, discover()) as client:
        await client.generate_text("good", model="m")
        held = client.stream_text("half", model="m") if phase == "queued" else None
        if held:
            await anext(held)
        threading.Thread(target=signal_later, daemon=True).start()
        try:
            if phase == "half":
                async with client.stream_text("half", model="m") as stream:
                    async for delta in stream:
                        pass
            else:
                await client.generate_text(phase, model="m")
        except asyncio.CancelledError:
            asyncio.current_task().uncancel()
            if held:
                await held.aclose()
            print((await client.generate_text("good", model="m")).text)
            raise

began = time.monotonic()
try:
    asyncio.run(main())
except (KeyboardInterrupt, SystemExit) as end:
    print(type(end).__name__)
print(time.monotonic() - began < 10)
"""


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    with in_thread(Phases()) as server:
        command = [sys.executable, "-W", "error", "-c", BEGIN + program, server.url, *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=40, check=False)


@pytest.mark.parametrize("phase", ["silent", "half", "busy", "queued"])
@pytest.mark.parametrize(("name", "end"), [("SIGINT", "KeyboardInterrupt"), ("SIGTERM", "SystemExit")])
def test_a_signal_ends_a_call_and_nothing_else(name: str, end: str, phase: str) -> None:
    """While it waits for an answer, the rest of a stream, a retry, or a place: the client answers afterwards, and closes."""
    done = run(SYNC, name, phase)
    assert (done.stdout, done.stderr, done.returncode) == (f"{end}\nDone.\nTrue\n", "", 0)


@pytest.mark.parametrize("phase", ["silent", "half", "busy", "queued"])
def test_a_signal_ends_a_call_of_an_asynchronous_client(phase: str) -> None:
    """As above, by the cancellation that asyncio makes of Ctrl-C."""
    done = run(ASYNC, "SIGINT", phase)
    assert (done.stdout, done.stderr, done.returncode) == ("Done.\nKeyboardInterrupt\nTrue\n", "", 0)


ENDS = {
    "atexit": """
import atexit
client = Client(made, discover())
def last():
    print(client.generate_text("good", model="m").text)
    client.close()
atexit.register(last)
client.generate_text("good", model="m")
""",
    "a daemon thread in a stream": """
client = Client(made, discover())
thread = threading.Thread(target=lambda: list(client.stream_text("half", model="m")), daemon=True)
thread.start()
time.sleep(1)
print("Done.")
""",
    "streams that are open": """
client = Client(made, discover())
streams = [client.stream_text("half", model="m")]
print(next(streams[0]) and "Done.")
""",
    "sys.exit in a stream": """
client = Client(made, discover())
with client.stream_text("half", model="m") as stream:
    for delta in stream:
        print("Done.")
        sys.exit(0)
""",
}


@pytest.mark.parametrize("how", ENDS)
def test_a_program_ends_in_time_and_in_silence(how: str) -> None:
    """With calls in `atexit`, threads in the middle of a stream, and streams that nobody closed."""
    done = run(ENDS[how], "SIGINT", "")
    assert (done.stdout, done.stderr, done.returncode) == ("Done.\n", "", 0)
