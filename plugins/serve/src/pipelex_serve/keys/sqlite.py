"""Keys and spend in a SQLite file, which all workers of a machine share.

A statement takes about 20 µs, and runs in the event loop: handing it to a thread takes eight times as long. Write-ahead
logging without a sync at each commit keeps what was written when a process is killed; a machine that loses its power may
lose the last moments.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from pipelex_core.errors import PipelexError
from pipelex_serve.keys import sql
from pipelex_serve.keys.key import ANONYMOUS
from pipelex_serve.keys.rows import key_of, of_entry, of_key, of_settled
from pipelex_serve.keys.store import Standing, Store, Use

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipelex_serve.keys.key import Key
    from pipelex_serve.keys.store import Entry

_BUSY_S = 10.0
"""Seconds to wait for another process that writes."""


class SqliteStore(Store):
    """The file."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file = Path(path)
        self._waiting: list[tuple[str, dict[str, Any], asyncio.Future[int]]] = []
        self._connection: sqlite3.Connection | None = None

    async def open(self) -> None:
        """Open the file, and make the tables."""
        if self._connection is not None:
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            connection = sqlite3.connect(self._path, timeout=_BUSY_S, isolation_level=None, cached_statements=32)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            for statement in sql.TABLES:
                connection.execute(statement)
            connection.execute(sql.ADD_SPEND, {"id": ANONYMOUS.id})
            self._file.chmod(0o600)
        except (sqlite3.Error, OSError) as error:
            msg = f"spend cannot be kept in '{self._path}': {error}; name another file with --spend"
            raise PipelexError(msg) from error
        self._connection = connection

    async def close(self) -> None:
        """Close it."""
        if self._waiting:
            self._write_waiting()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    async def add(self, key: Key) -> bool:
        """As in `Store`."""
        self._execute("BEGIN IMMEDIATE")
        try:
            added = self._execute(sql.ADD, of_key(key)).rowcount == 1
            if added:
                self._execute(sql.ADD_SPEND, {"id": key.id})
        except BaseException:
            self._execute("ROLLBACK")
            raise
        self._execute("COMMIT")
        return added

    async def revoke(self, name: str, when: str) -> bool:
        """As in `Store`."""
        return self._execute(sql.REVOKE, {"name": name, "when": when}).rowcount == 1

    async def keys(self) -> list[Key]:
        """As in `Store`."""
        return [key_of(row) for row in self._execute(sql.KEYS)]

    async def find(self, digest: str) -> Key | None:
        """As in `Store`."""
        row = self._execute(sql.FIND, {"digest": digest}).fetchone()
        return None if row is None else key_of(row)

    async def enter(self, entry: Entry) -> bool:
        """As in `Store`."""
        return await self._joined(sql.ENTER, of_entry(entry)) == 1

    async def settle(self, entry: Entry, nano: int, tokens: int) -> None:
        """As in `Store`."""
        statement = sql.SETTLE if entry.key.is_limited else sql.SETTLE_UNLIMITED
        await self._joined(statement, of_settled(entry, nano, tokens))

    async def standing(self, key_id: str, day: str, month: str, minute: int) -> Standing:
        """As in `Store`."""
        row = self._execute(sql.STANDING, {"id": key_id, "day": day, "month": month, "minute": minute}).fetchone()
        return Standing() if row is None else Standing(**dict(row))

    async def count(self, uses: Sequence[Use]) -> None:
        """As in `Store`."""
        self._execute("BEGIN IMMEDIATE")
        try:
            for use in uses:
                self._execute(sql.COUNT, attrs.asdict(use))
        except BaseException:
            self._execute("ROLLBACK")
            raise
        self._execute("COMMIT")

    async def uses(self, since: str) -> list[Use]:
        """As in `Store`."""
        return [Use(**dict(row)) for row in self._execute(sql.USES, {"since": since})]

    async def secret(self, name: str, fresh: str) -> str:
        """As in `Store`."""
        self._execute(sql.ADD_SECRET, {"name": name, "value": fresh})
        return str(self._execute(sql.SECRET, {"name": name}).fetchone()[0])

    def _joined(self, statement: str, parameters: dict[str, Any]) -> asyncio.Future[int]:
        """Write with the others of this turn of the loop; how many rows it changed.

        What is written together is one transaction: the locks of a file cost more than the statements. It is done, also
        where whoever waits for it leaves.
        """
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._write_waiting)
        self._waiting.append((statement, parameters, done))
        return done

    def _write_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        counts: list[int] = []
        failed: PipelexError | None = None
        try:
            if len(waiting) > 1:
                self._execute("BEGIN IMMEDIATE")
            counts += (self._execute(statement, parameters).rowcount for statement, parameters, _ in waiting)
            if len(waiting) > 1:
                self._execute("COMMIT")
        except PipelexError as error:
            failed = error
            with suppress(PipelexError):
                self._execute("ROLLBACK")
        for place, (_, _, done) in enumerate(waiting):
            if done.done():
                continue
            if failed is None:
                done.set_result(counts[place])
            else:
                done.set_exception(failed)

    def _execute(self, statement: str, parameters: Mapping[str, Any] | None = None) -> sqlite3.Cursor:
        if self._connection is None:
            msg = "the store of keys and spend is closed"
            raise PipelexError(msg)
        try:
            return self._connection.execute(statement, parameters or {})
        except sqlite3.Error as error:
            msg = f"spend cannot be kept in '{self._path}': {error}"
            raise PipelexError(msg) from error
