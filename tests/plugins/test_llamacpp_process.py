"""A real model and the process around it: signals, forks, the end of the interpreter, ports, the terminal."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from pipelex_backend_llamacpp.models import fetch

ROOT = Path(__file__).resolve().parents[2]

PRELUDE = """
import asyncio, os, signal, sys, threading, time
from tests.support.llamacpp import make, opened, text_request
short = text_request("Hello.", max_tokens=2)

async def ask(request=short):
    async with opened() as backend:
        return (await backend.generate_text(request)).usage.output_tokens
"""


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program of its own; its output must come within a minute."""
    fetch("smollm2")
    return subprocess.run(
        [sys.executable, "-c", PRELUDE + textwrap.dedent(code)],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_llama_cpp_is_silent_unless_asked() -> None:
    """Nothing is written to stdout or stderr, also when a load fails; `verbose` shows llama.cpp's own log."""
    code = """
        async def main():
            async with opened(verbose={verbose}) as backend:
                await backend.generate_text(short)
                try:
                    await backend.generate_text(text_request(model_id="/dev/null/x.gguf"))
                except Exception as error:
                    assert type(error).__name__ == "NotFoundError"
        asyncio.run(main())
    """
    silent = run(code.format(verbose=False))
    assert (silent.returncode, silent.stdout, silent.stderr) == (0, "", "")
    assert "model loaded" in run(code.format(verbose=True)).stderr


def test_no_port_is_open() -> None:
    """The library's own HTTP server is out of everybody's reach: no TCP port, and a socket whose path is gone."""
    ended = run("""
        import psutil
        async def main():
            async with opened() as backend:
                await backend.generate_text(short)
                process = psutil.Process()
                print(process.net_connections("inet"))
                paths = [c.laddr for c in process.net_connections("unix") if c.laddr]
                print(len(paths), [os.path.exists(path) for path in paths])
        asyncio.run(main())
    """)
    assert ended.stdout.splitlines() == ["[]", "1 [False]"]


def test_where_no_socket_can_be_private_a_key_is_asked_for(tmp_path: Path) -> None:
    """A socket's path has a limit; beyond it a loopback port is used, with a key that nobody knows."""
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    ended = run(
        """
        import psutil, urllib.error, urllib.request
        async def main():
            async with opened() as backend:
                await backend.generate_text(short)
                (port,) = [c.laddr.port for c in psutil.Process().net_connections("inet") if c.status == "LISTEN"]
                for path in ("/v1/chat/completions", "/slots", "/props"):
                    try:
                        urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", data=b"{}", timeout=10)
                    except urllib.error.HTTPError as error:
                        print(error.code)
                        error.close()
        asyncio.run(main())
        """,
        TMPDIR=str(deep),
    )
    assert ended.stdout.split() == ["401"] * 3, ended.stderr
    assert list(deep.iterdir()) == []


def test_ctrl_c_still_reaches_python() -> None:
    """The library leaves the handlers of SIGINT and SIGTERM alone, while a model is loaded and after."""
    ended = run("""
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job starts without one
        signal.signal(signal.SIGTERM, lambda number, frame: print("term"))
        async def main():
            async with opened() as backend:
                await backend.generate_text(short)
                signal.raise_signal(signal.SIGTERM)
                loop = asyncio.get_running_loop()
                loop.call_later(0.5, signal.raise_signal, signal.SIGINT)
                await backend.generate_text(text_request(max_tokens=900))
        try:
            asyncio.run(main())
        except KeyboardInterrupt:
            print("interrupted")
    """)
    assert (ended.returncode, ended.stdout.split()) == (0, ["term", "interrupted"])


@pytest.mark.parametrize("kept", ["a running call", "a loaded model"])
def test_the_interpreter_ends_cleanly(kept: str) -> None:
    """A program that ends without closing anything ends: soon, without a crash, and with its own exit status."""
    ended = run(f"""
        def work():
            backend = make()
            request = text_request(max_tokens=900) if {kept == "a running call"} else short
            loop = asyncio.new_event_loop()
            loop.run_until_complete(backend.generate_text(request))
            done.set()
            time.sleep(1000)

        done = threading.Event()
        threading.Thread(target=work, daemon=True).start()
        done.wait(1.5)
        sys.exit(7)
    """)
    assert (ended.returncode, ended.stderr) == (7, "")


FORK = """
loop = asyncio.new_event_loop()
threading.Thread(target=loop.run_forever, daemon=True).start()

def call(awaitable):
    return asyncio.run_coroutine_threadsafe(awaitable, loop).result()

def in_child(work):
    child = os.fork()
    if not child:
        try:
            work()
        except Exception as error:
            print(type(error).__name__, "spawn" in str(error), flush=True)
        sys.exit(5)
    for _ in range(200):
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            print("child ended", os.waitstatus_to_exitcode(status), flush=True)
            return
        time.sleep(0.1)
    print("child hangs", flush=True)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("state", ["running", "loaded", "closed"])
def test_a_child_process_does_not_touch_its_parents_model(state: str) -> None:
    """llama.cpp cannot work in a fork of a process that used it: the child is told, it ends, and the parent goes on."""
    ended = run(
        FORK
        + textwrap.dedent(f"""
        backend = make()
        call(backend.generate_text(short))
        if "{state}" == "running":
            running = asyncio.run_coroutine_threadsafe(backend.generate_text(text_request(max_tokens=900)), loop)
            time.sleep(0.5)
        if "{state}" == "closed":
            call(backend.close())

        def work():
            async def main():
                try:
                    await backend.generate_text(short)
                except Exception as error:
                    print(type(error).__name__, flush=True)
                await backend.close()
                await ask()
            asyncio.run(main())

        in_child(work)
        if "{state}" == "running":
            running.cancel()
        print(call(ask()))
        call(backend.close())
    """)
    )
    lines = ended.stdout.splitlines()
    assert lines == ["CallError", "CallError True", "child ended 5", "2"], ended.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_of_a_process_that_loaded_nothing_can() -> None:
    """Importing the library is no obstacle; only its threads are."""
    ended = run(
        FORK
        + textwrap.dedent("""
        make()
        in_child(lambda: print(asyncio.run(ask()), flush=True))
        print(asyncio.run(ask()))
    """)
    )
    assert ended.stdout.splitlines() == ["2", "child ended 5", "2"], ended.stderr
