"""The file: one table of SQLite, shared by threads and processes, bounded in size and age.

Whatever is wrong with the file stays here: a file that cannot be used is left alone, with one warning, and from then on
there is no cache. A file that is busy for a while is a miss.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, TypeVar

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")

_log = logging.getLogger("pipelex_middleware_cache")

_APPLICATION = 0x50585243
_FORMAT = 1
_BUSY_S = 1.0
_PASSING = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_INTERRUPT})
"""Faults that may be over at the next call."""

_TABLES = """
CREATE TABLE answers (key BLOB PRIMARY KEY, made REAL NOT NULL, used REAL NOT NULL, value BLOB NOT NULL);
CREATE INDEX by_use ON answers (used);
CREATE TABLE size (bytes INTEGER NOT NULL);
INSERT INTO size VALUES (0);
CREATE TRIGGER added AFTER INSERT ON answers BEGIN UPDATE size SET bytes = bytes + length(new.value); END;
CREATE TRIGGER removed AFTER DELETE ON answers BEGIN UPDATE size SET bytes = bytes - length(old.value); END;
"""
_MARKS = {"application_id": _APPLICATION, "user_version": _FORMAT}
"""How a file is known: https://www.sqlite.org/pragma.html#pragma_application_id"""


@frozen(kw_only=True)
class Contents:
    """What a cache holds.

    Attributes:
        answers: How many.
        bytes: Their size.
    """

    answers: int
    bytes: int


class Store:
    """One open file; each method waits for the disk, so none belongs on an event loop."""

    def __init__(self, path: Path, *, max_bytes: float, max_age: float, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._max_age = max_age
        self._clock = clock
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self.is_off = False

    def get(self, key: bytes) -> bytes | None:
        """A value that is young enough, or None."""
        return self._tried(lambda database: self._get(database, key), None)

    def put(self, key: bytes, value: bytes) -> None:
        """Keep a value; those unused for longest make room for it."""
        if len(value) <= self._max_bytes / 2:
            self._tried(lambda database: self._put(database, key, value), None)

    def delete(self, key: bytes) -> None:
        """Forget a value."""
        self._tried(lambda database: _run(database, "DELETE FROM answers WHERE key = ?", key), None)

    def clear(self) -> None:
        """Forget everything, and give the space back."""
        self._tried(_clear, None)

    def contents(self) -> Contents:
        """What is in it."""
        query = "SELECT (SELECT count(*) FROM answers), (SELECT bytes FROM size)"
        count, size = self._tried(lambda database: database.execute(query).fetchone(), (0, 0))
        return Contents(answers=count, bytes=size)

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    def _tried(self, use: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        """What the use gives, or `otherwise` where the file does not let it."""
        with self._lock:
            if self.is_off:
                return otherwise
            try:
                if self._connection is None:
                    self._connection = self._open()
                return use(self._connection)
            except (sqlite3.Error, OSError) as error:
                code = getattr(error, "sqlite_errorcode", None)
                if code is not None and code & 0xFF in _PASSING:
                    _log.info("cache '%s' is passed by: %s", self._path, error)
                    return otherwise
                _log.warning("cache '%s' cannot be used and is off: %s", self._path, error)
                self.is_off = True
                self.close()
                return otherwise

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        connection = sqlite3.connect(self._path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            _prepare(connection)
            _run(connection, "DELETE FROM answers WHERE made < ?", self._clock() - self._max_age)
        except BaseException:
            connection.close()
            raise
        return connection

    def _get(self, database: sqlite3.Connection, key: bytes) -> bytes | None:
        now = self._clock()
        row = database.execute("SELECT value, made, used FROM answers WHERE key = ?", (key,)).fetchone()
        if row is None or row[1] < now - self._max_age:
            return None
        value: bytes = row[0]
        if now - row[2] > 60:  # precise enough to know what is unused, and seldom enough to cost nothing
            _run(database, "UPDATE answers SET used = ? WHERE key = ?", now, key)
        return value

    def _put(self, database: sqlite3.Connection, key: bytes, value: bytes) -> None:
        now = self._clock()
        with _Transaction(database):
            _run(database, "DELETE FROM answers WHERE key = ?", key)
            _run(database, "INSERT INTO answers VALUES (?, ?, ?, ?)", key, now, now, value)
            (size,) = database.execute("SELECT bytes FROM size").fetchone()
            if size > self._max_bytes:
                self._make_room(database, size, key)

    def _make_room(self, database: sqlite3.Connection, size: int, newest: bytes) -> None:
        """Down to nine tenths, so that not every value that comes has to push one out."""
        rows = database.execute("SELECT key, length(value) FROM answers WHERE key <> ? ORDER BY used", (newest,))
        for key, length in rows.fetchall():
            if size <= self._max_bytes * 0.9:
                break
            _run(database, "DELETE FROM answers WHERE key = ?", key)
            size -= length


class _Transaction:
    """What is written inside is written whole, or not at all."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def __enter__(self) -> None:
        self._database.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._database.execute("COMMIT")
        elif self._database.in_transaction:  # a full disk ends it by itself
            self._database.execute("ROLLBACK")


def _prepare(database: sqlite3.Connection) -> None:
    """The tables, made in a new file; a file of something else is left as it is."""
    with _Transaction(database):
        (tables,) = database.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if tables == 0:
            marks = (f"PRAGMA {name} = {value}" for name, value in _MARKS.items())
            for statement in (*_TABLES.strip().splitlines(), *marks):
                database.execute(statement)
        elif any(database.execute(f"PRAGMA {name}").fetchone() != (value,) for name, value in _MARKS.items()):
            msg = "it is not a cache of this version; delete it, or name another file"
            raise sqlite3.DatabaseError(msg)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")


def _clear(database: sqlite3.Connection) -> None:
    _run(database, "DELETE FROM answers")
    _run(database, "VACUUM")


def _run(database: sqlite3.Connection, statement: str, *values: object) -> None:
    database.execute(statement, values)
