"""The cache in a process: switched on by a variable, beside the event loop, over threads and forks, and closed."""

from __future__ import annotations

import asyncio
import gc
import logging
import multiprocessing
import os
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from pipelex_core import AsyncClient, Client
from pipelex_core.errors import PluginError
from pipelex_core.plugins import discover
from pipelex_middleware_cache import Cache, pipelex_middleware
from pipelex_middleware_cache._cache import MAX_AGE, MAX_BYTES
from pipelex_middleware_cache._settings import cache_of
from tests.plugins.cache_calls import cache_in, plugins_of, run, text, uses
from tests.support.scripted import Script, deck_of, spec

if TYPE_CHECKING:
    from pathlib import Path

# ── Switching it on ───────────────────────────────────────────────────────────────────────────────────────────────


def test_it_is_off_until_it_is_switched_on() -> None:
    """Without its variable there is no middleware, and its discovery imports neither SQLite nor the cache."""
    program = (
        "import sys\n"
        "from pipelex_middleware_cache import pipelex_middleware\n"
        "print(pipelex_middleware(), [name for name in sys.modules if 'sqlite' in name or 'middleware_cache.' in name])"
    )
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PIPELEX_CACHE")}
    done = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[] []", "")


@pytest.mark.parametrize("value", ["", "0", "off", "False", " no "])
def test_words_for_off(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As people write it."""
    monkeypatch.setenv("PIPELEX_CACHE", value)
    assert pipelex_middleware() == []


def test_its_variables_are_the_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file, the age in seconds, the size in megabytes; what is not told has its default."""
    made: list[tuple[Any, ...]] = []
    monkeypatch.setattr(
        "pipelex_middleware_cache._settings.Cache",
        lambda path, *, max_age, max_bytes, shared: made.append((path, max_age, max_bytes, shared)),
    )
    cache_of({"PIPELEX_CACHE": "a.sqlite"})
    cache_of({"PIPELEX_CACHE": "a.sqlite", "PIPELEX_CACHE_MAX_AGE": "60", "PIPELEX_CACHE_MAX_MB": "0.5"})
    cache_of({"PIPELEX_CACHE": "a.sqlite", "PIPELEX_CACHE_SHARED": "1"})
    default = ("a.sqlite", MAX_AGE, MAX_BYTES)
    assert made == [(*default, False), ("a.sqlite", 60.0, 500_000.0, False), (*default, True)]


@pytest.mark.parametrize(
    ("name", "value", "reported"),
    [
        ("PIPELEX_CACHE", "on", "PIPELEX_CACHE is the path of a file, such as .pipelex/answers.sqlite, not 'on'"),
        ("PIPELEX_CACHE_MAX_AGE", "a day", "PIPELEX_CACHE_MAX_AGE is a number above 0, not 'a day'"),
        ("PIPELEX_CACHE_MAX_MB", "-1", "PIPELEX_CACHE_MAX_MB is a number above 0, not '-1'"),
        ("PIPELEX_CACHE_MAX_MB", "nan", "PIPELEX_CACHE_MAX_MB is a number above 0, not 'nan'"),
    ],
)
def test_a_variable_that_means_nothing_quarantines_it(
    name: str, value: str, reported: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the reason, which `pipelex plugins` shows; the calls go on without a cache."""
    monkeypatch.setenv("PIPELEX_CACHE", str(tmp_path / "answers.sqlite"))
    monkeypatch.setenv(name, value)
    with pytest.raises(PluginError):
        pipelex_middleware()
    import pipelex_middleware_cache

    (record,) = discover(entry_points=(), extra=[pipelex_middleware_cache]).records
    assert (record.status, record.reason) == ("quarantined", f"pipelex_middleware {reported}")


def test_a_client_made_with_the_variable_set_has_a_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The module is the plugin; the file is made by the first call, in folders that need not be there."""
    import pipelex_middleware_cache

    file = tmp_path / "new" / "answers.sqlite"
    monkeypatch.setenv("PIPELEX_CACHE", str(file))
    script = Script()
    with Client(deck_of(spec("m")), plugins_of(script, pipelex_middleware_cache)) as client:
        assert not file.exists()
        assert uses([client.generate_text("Hi", model="m") for _ in range(2)]) == ["miss", "hit"]
    assert file.exists()


# ── Whatever is wrong with the file ───────────────────────────────────────────────────────────────────────────────


def test_no_call_fails_because_of_the_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One that is no cache: every call is answered, after one warning; the ledger says miss."""
    (tmp_path / "answers.sqlite").write_bytes(b"no database" * 1000)
    with cache_in(tmp_path) as cache:
        results = run(Script(), cache, *[text()] * 3)
        assert cache.is_off
    assert uses(results) == ["miss"] * 3
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_a_value_that_is_no_answer_is_asked_for_anew(tmp_path: Path) -> None:
    """A row that was tampered with, or written by another version: forgotten, and written again."""
    script = Script()
    with cache_in(tmp_path) as cache:
        run(script, cache, text())
        cache.close()
        for bad in (b"", b"\xc1", b"\x80", b"\x81\xa4kind\xa4text", os.urandom(100)):
            with sqlite3.connect(tmp_path / "answers.sqlite") as database:
                database.execute("UPDATE answers SET value = ?", (bad,))
            database.close()
            assert uses(run(script, cache, text(), text())) == ["miss", "hit"]
            cache.close()


def test_the_event_loop_never_waits_for_the_disk(tmp_path: Path) -> None:
    """Another process holds the file for half a second: the call waits, other tasks of the loop go on."""
    with cache_in(tmp_path) as cache:
        run(Script(), cache, text())
        other = sqlite3.connect(tmp_path / "answers.sqlite", isolation_level=None, check_same_thread=False)
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        cache.close()
        other.execute("BEGIN EXCLUSIVE")
        threading.Timer(0.5, other.close).start()
        ticks: list[float] = []

        async def tick() -> None:
            while True:
                ticks.append(time.monotonic())
                await asyncio.sleep(0.01)

        async def main(client: AsyncClient) -> Any:
            ticking = asyncio.create_task(tick())
            began = time.monotonic()
            result = await client.generate_text("Hi", model="m")
            ticking.cancel()
            return result, time.monotonic() - began

        ((result, seconds),) = run(Script(), cache, main)
    assert result.text
    assert seconds > 0.3
    assert len(ticks) > 10, "a loop that waits for the disk ticks once or twice"


# ── Threads, processes, the end ───────────────────────────────────────────────────────────────────────────────────


def test_many_threads_share_it(tmp_path: Path) -> None:
    """A synchronous client, eight threads, twenty prompts over and over: each prompt is paid once or a few times."""
    script = Script()
    with cache_in(tmp_path) as cache, Client(deck_of(spec("m")), plugins_of(script, cache)) as client:
        with ThreadPoolExecutor(8) as threads:
            prompts = [f"prompt {number % 20}" for number in range(200)]
            results = list(threads.map(lambda prompt: client.generate_text(prompt, model="m"), prompts))
        assert cache.contents().answers == 20
    assert uses(results).count("hit") >= 150
    assert uses(results).count("miss") == len(script.requests)


def test_loops_share_it(tmp_path: Path) -> None:
    """One cache object over several event loops, at once and one after the other."""
    script = Script()
    with cache_in(tmp_path) as cache:
        for _ in range(3):
            run(script, cache, text())
        with ThreadPoolExecutor(4) as threads:
            results = list(threads.map(lambda _: run(script, cache, text())[0], range(8)))
    assert uses(results) == ["hit"] * 8
    assert len(script.requests) == 1


def _in_child(folder: str, cache: Cache, answers: Any) -> None:
    try:
        answers.put(uses(run(Script(), cache, text(), text("another"))))
    except BaseException as error:  # told to the parent
        answers.put(repr(error))
        raise


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_child_opens_it_anew(tmp_path: Path) -> None:
    """It finds what the parent kept, adds to it, and harms nothing."""
    forking = multiprocessing.get_context("fork")
    answers = forking.SimpleQueue()
    with cache_in(tmp_path) as cache:
        run(Script(), cache, text())
        assert cache.contents().answers == 1  # and so is written
        child = forking.Process(target=_in_child, args=(str(tmp_path), cache, answers))
        child.start()
        assert answers.get() == ["hit", "miss"]
        child.join(30)
        assert child.exitcode == 0
        assert uses(run(Script(), cache, text(), text("another"))) == ["hit", "hit"]
        assert cache.contents().answers == 2


def open_files(folder: Path) -> list[str]:
    return [file.path for file in psutil.Process().open_files() if file.path.startswith(str(folder))]


def test_a_cache_that_is_let_go_of_closes_its_file_and_its_thread(tmp_path: Path) -> None:
    """With the client that had it: nothing has to be closed by hand."""
    cache = Cache(tmp_path / "answers.sqlite")
    run(Script(), cache, text())
    assert open_files(tmp_path) != []
    del cache
    gc.collect()
    deadline = time.monotonic() + 20
    while open_files(tmp_path) or any(thread.name.startswith("pipelex-cache") for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert not list(tmp_path.glob("*-wal"))


def test_closing_is_done_when_everything_is_written(tmp_path: Path) -> None:
    """What a call gave is in the file afterwards, whatever comes next; and a closed cache may be used again."""
    cache = Cache(tmp_path / "answers.sqlite")
    run(Script(), cache, *[text(f"prompt {number}") for number in range(50)])
    cache.close()
    assert open_files(tmp_path) == []
    with sqlite3.connect(tmp_path / "answers.sqlite") as database:
        assert database.execute("SELECT count(*) FROM answers").fetchone() == (50,)
    database.close()
    assert uses(run(Script(), cache, text("prompt 7"))) == ["hit"]
    cache.close()
    cache.close()


_PROGRAM = """
import asyncio, sys
from pipelex_core import AsyncClient
from pipelex_middleware_cache import Cache
from tests.plugins.cache_calls import plugins_of
from tests.support.scripted import Script, deck_of, spec
client = AsyncClient(deck_of(spec("m")), plugins_of(Script(), Cache(sys.argv[1])))
print(asyncio.run(client.generate_text("Hi", model="m")).attempts[0].cache)
"""


def test_a_program_that_just_ends_has_kept_its_answers(tmp_path: Path) -> None:
    """Nothing is closed, nothing is said, nothing is lost."""
    for expected in ("miss", "hit"):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", _PROGRAM, str(tmp_path / "answers.sqlite")],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.stdout.strip(), done.stderr) == (expected, "")
    assert [file.name for file in tmp_path.iterdir()] == ["answers.sqlite"]


def test_the_command_tells_and_clears(tmp_path: Path) -> None:
    """`pipelex cache FILE`; a file that does not exist, or is not a cache, is an error."""

    def command(*arguments: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "pipelex_core", "cache", *arguments], capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout, done.stderr

    file = tmp_path / "answers.sqlite"
    assert command(str(file)) == (1, "", f"PipelexError: there is no file '{file}'\n")
    with cache_in(tmp_path) as cache:
        run(Script(), cache, text(), text("another"))
        size = cache.contents().bytes
    assert command(str(file)) == (0, f"2 answers, {size} bytes\n", "")
    assert command(str(file), "--clear") == (0, "0 answers, 0 bytes\n", "")
    file.write_bytes(b"no database" * 1000)
    code, reported, stated = command(str(file))
    assert (code, reported) == (1, "")
    assert "cannot be used" in stated
