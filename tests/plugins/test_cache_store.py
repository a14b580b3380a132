"""The file: bounded, shared, and never the fault of a call."""

from __future__ import annotations

import logging
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from pipelex_middleware_cache._store import Contents, Store

if TYPE_CHECKING:
    from pathlib import Path


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1e9

    def __call__(self) -> float:
        return self.now


def store_in(folder: Path, *, max_bytes: float = 1e6, max_age: float = 100, clock: Clock | None = None) -> Store:
    return Store(folder / "deep" / "er.sqlite", max_bytes=max_bytes, max_age=max_age, clock=clock or Clock())


def test_what_was_put_is_there(tmp_path: Path) -> None:
    """Also for whoever opens the file next; the later value of a key wins."""
    store = store_in(tmp_path)
    assert store.get(b"a") is None
    store.put(b"a", b"one")
    store.put(b"a", b"two")
    store.put(b"b", b"\0" * 10)
    assert (store.get(b"a"), store.contents()) == (b"two", Contents(answers=2, bytes=13))
    store.close()
    store = store_in(tmp_path)
    assert store.get(b"a") == b"two"
    store.delete(b"a")
    assert (store.get(b"a"), store.contents()) == (None, Contents(answers=1, bytes=10))
    store.clear()
    assert store.contents() == Contents(answers=0, bytes=0)
    store.close()


def test_it_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    """The file, and those that SQLite lays beside it."""
    store = store_in(tmp_path)
    store.put(b"a", b"one")
    modes = {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "deep").iterdir()}
    store.close()
    assert modes == {0o600}


def test_an_old_value_is_none(tmp_path: Path) -> None:
    """And is gone from the file at its next opening."""
    clock = Clock()
    store = store_in(tmp_path, clock=clock)
    store.put(b"a", b"one")
    clock.now += 99
    assert store.get(b"a") == b"one"
    clock.now += 2
    assert store.get(b"a") is None
    store.close()
    assert store.contents() == Contents(answers=0, bytes=0)
    store.close()


def test_those_unused_for_longest_make_room(tmp_path: Path) -> None:
    """The size is kept to; a value that was asked for lately stays; one too large for half the room is not kept."""
    clock = Clock()
    store = store_in(tmp_path, max_bytes=1000, max_age=1e6, clock=clock)
    for number in range(10):
        store.put(bytes([number]), b"x" * 100)
        clock.now += 100
    assert store.get(bytes([0])) is not None
    clock.now += 100
    store.put(b"new", b"y" * 100)
    assert store.contents().bytes <= 900
    assert store.get(bytes([0])) is not None
    assert store.get(b"new") is not None
    assert store.get(bytes([1])) is None
    store.put(b"huge", b"z" * 501)
    assert store.get(b"huge") is None
    store.close()


def test_the_file_does_not_grow_for_ever(tmp_path: Path) -> None:
    """Space that was freed is used again."""
    store = store_in(tmp_path, max_bytes=200_000)
    for number in range(2000):
        store.put(number.to_bytes(4, "big"), os.urandom(2000))
    assert store.contents().bytes <= 200_000
    size = sum(file.stat().st_size for file in (tmp_path / "deep").iterdir())
    store.close()
    assert size < 8_000_000, "the write-ahead log included"


def garbage(path: Path) -> None:
    path.write_bytes(b"this is no database, " * 500)


def other_database(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE mine (value TEXT)")
    database.close()


def newer_format(path: Path) -> None:
    store = Store(path, max_bytes=1e6, max_age=100)
    store.put(b"a", b"one")
    store.close()
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()


def folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("make", [garbage, other_database, newer_format, folder])
def test_a_file_that_is_no_cache_is_left_alone(make: object, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One warning, then silence and no cache; not a byte of it is changed."""
    assert callable(make)
    path = tmp_path / "answers.sqlite"
    make(path)
    before = None if path.is_dir() else path.read_bytes()
    store = Store(path, max_bytes=1e6, max_age=100)
    for _ in range(3):
        store.put(b"a", b"one")
        assert store.get(b"a") is None
    assert store.is_off
    assert store.contents() == Contents(answers=0, bytes=0)
    store.close()
    (record,) = caplog.records
    assert (record.levelno, record.name) == (logging.WARNING, "pipelex_middleware_cache")
    assert str(path) in record.getMessage()
    assert (None if path.is_dir() else path.read_bytes()) == before


def test_a_file_that_breaks_while_it_is_used_switches_it_off(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Pages overwritten below an open cache: a warning, no error."""
    store = store_in(tmp_path)
    for number in range(200):
        store.put(bytes([number]), os.urandom(3000))
    store.close()
    path = tmp_path / "deep" / "er.sqlite"
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(size - 4096))
    assert [store.get(bytes([number])) for number in range(200)] == [None] * 200
    assert store.is_off
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_a_file_that_is_locked_is_passed_by_for_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not off: once the lock is gone, it is used again."""
    monkeypatch.setattr("pipelex_middleware_cache._store._BUSY_S", 0.05)
    store = store_in(tmp_path)
    store.put(b"a", b"one")
    other = sqlite3.connect(tmp_path / "deep" / "er.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    store.put(b"b", b"two")
    assert (store.get(b"a"), store.get(b"b")) == (b"one", None)
    other.execute("COMMIT")
    other.close()
    store.put(b"b", b"two")
    assert (store.get(b"b"), store.is_off) == (b"two", False)
    store.close()


def test_threads_share_one_store(tmp_path: Path) -> None:
    """Each finds what any of them put."""
    store = store_in(tmp_path, max_bytes=1e9)

    def work(number: int) -> None:
        for item in range(100):
            store.put(f"{number}-{item}".encode(), f"{item}".encode())
            assert store.get(f"{number}-{item}".encode()) == f"{item}".encode()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.contents().answers == 400
    store.close()


_PROCESS = """
import sys
from pathlib import Path
from pipelex_middleware_cache._store import Store
store = Store(Path(sys.argv[1]), max_bytes=300_000, max_age=1000)
for number in range(300):
    key = str(number % 40).encode()
    store.put(key, key * 500)
    value = store.get(key)
    assert value in (None, key * 500), value
store.close()
assert not store.is_off
"""


def test_processes_share_one_file(tmp_path: Path) -> None:
    """They open it together, write and read at once, and leave it whole."""
    path = tmp_path / "answers.sqlite"
    running = [
        subprocess.Popen([sys.executable, "-c", _PROCESS, str(path)], stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert [(process.communicate()[1], process.returncode) for process in running] == [("", 0)] * 4
    with sqlite3.connect(path) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        ((reported, counted),) = database.execute(
            "SELECT (SELECT bytes FROM size), (SELECT sum(length(value)) FROM answers)"
        )
        assert reported == counted <= 300_000
    database.close()
