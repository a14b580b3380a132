"""What the workers of a gateway remember together, for a while: items of responses, and what providers want back.

One worker remembers in its memory. Several on one machine have a file beside it, which is gone when the gateway ends; several
machines, the Redis or PostgreSQL server of keys and spend.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import time
from abc import ABC, abstractmethod
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

from pipelex_core.errors import PipelexError
from pipelex_serve.metrics import MULTIPROCESS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipelex_serve.keys.store import Store

_log = logging.getLogger("pipelex_serve")

KEPT_S = 3600
"""Seconds for which something is remembered."""

LARGEST = 1024 * 1024
"""Characters of the largest thing that is remembered."""

_PAGE = 4096
_PAGES = 64 * 1024 * 1024 // _PAGE
_BUSY_S = 0.5


class Shelf(ABC):
    """Texts by their owner, a key's id, and their name."""

    @abstractmethod
    async def put(self, owner: str, texts: Mapping[str, str]) -> None:
        """Keep texts, for a while."""

    @abstractmethod
    async def find(self, owner: str, names: Sequence[str]) -> dict[str, str]:
        """Those of the names that are known."""

    @abstractmethod
    async def close(self) -> None:
        """Close what is open."""


class FileShelf(Shelf):
    """A file that the workers of a machine share. It holds 64 MiB; then the older half goes."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)
        path.chmod(0o600)
        for statement in (
            f"PRAGMA page_size={_PAGE}",
            "PRAGMA journal_mode=WAL",
            "PRAGMA synchronous=OFF",  # it outlives no gateway
            "CREATE TABLE IF NOT EXISTS kept (owner TEXT, name TEXT, text TEXT, until REAL, UNIQUE (owner, name) ON CONFLICT REPLACE)",
            f"PRAGMA max_page_count={_PAGES}",
        ):
            self._connection.execute(statement)

    async def put(self, owner: str, texts: Mapping[str, str]) -> None:
        """As in `Shelf`."""
        until = time.time() + KEPT_S
        rows = [(owner, name, text, until) for name, text in texts.items()]
        try:
            self._insert(rows)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
                msg = f"what workers share cannot be kept: {error}"
                raise PipelexError(msg) from error
            self._connection.execute("DELETE FROM kept WHERE rowid <= (SELECT (min(rowid) + max(rowid)) / 2 FROM kept)")
            self._insert(rows)

    def _insert(self, rows: Sequence[tuple[str, str, str, float]]) -> None:
        self._connection.executemany("INSERT INTO kept VALUES (?, ?, ?, ?)", rows)

    async def find(self, owner: str, names: Sequence[str]) -> dict[str, str]:
        """As in `Shelf`."""
        marks = ",".join("?" * len(names))
        query = f"SELECT name, text FROM kept WHERE owner = ? AND until > ? AND name IN ({marks})"  # noqa: S608 -- marks alone
        try:
            return dict(self._connection.execute(query, (owner, time.time(), *names)))
        except sqlite3.Error as error:
            msg = f"what workers share cannot be read: {error}"
            raise PipelexError(msg) from error

    async def close(self) -> None:
        """Close the file."""
        self._connection.close()


class StoreShelf(Shelf):
    """The server of keys and spend."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def put(self, owner: str, texts: Mapping[str, str]) -> None:
        """As in `Shelf`."""
        await self._store.put(owner, texts, KEPT_S)

    async def find(self, owner: str, names: Sequence[str]) -> dict[str, str]:
        """As in `Shelf`."""
        return await self._store.texts(owner, names)

    async def close(self) -> None:
        """Whoever opened the server closes it."""


def open_shelf(store: Store) -> Shelf | None:
    """What the workers remember together; None where there is one worker, and nobody to share with."""
    if store.is_shared:
        return StoreShelf(store)
    folder = os.environ.get(MULTIPROCESS)
    return FileShelf(Path(folder) / "kept.sqlite3") if folder else None


class Memory:
    """What a worker remembers, and its shelf: the oldest goes first. What cannot be put on the shelf is logged, and known here alone.

    Args:
        shelf: What it shares with others; None where it is alone.
        most: Characters that it remembers itself.
    """

    def __init__(self, shelf: Shelf | None = None, most: int = 16 * LARGEST) -> None:
        self._shelf = shelf
        self._most = most
        self._size = 0
        self._texts: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._writing: set[asyncio.Task[None]] = set()

    @property
    def is_blank(self) -> bool:
        """Whether it knows nothing, and cannot."""
        return not self._texts and self._shelf is None

    def put(self, owner: str, texts: Mapping[str, str]) -> None:
        """Remember texts; those that are large are not. They are put on the shelf at once, in a task of its own."""
        texts = {name: text for name, text in texts.items() if len(text) <= self._most // 16}
        for name, text in texts.items():
            self._size += len(text) - len(self._texts.pop((owner, name), ""))
            self._texts[owner, name] = text
        while self._size > self._most:
            self._size -= len(self._texts.popitem(last=False)[1])
        if self._shelf is not None and texts:
            task = asyncio.get_running_loop().create_task(self._put(self._shelf, owner, texts))
            self._writing.add(task)
            task.add_done_callback(self._writing.discard)

    async def find(self, owner: str, names: Sequence[str]) -> dict[str, str]:
        """Those of the names that are known."""
        found = {name: self._texts[owner, name] for name in names if (owner, name) in self._texts}
        missing = [name for name in names if name not in found]
        if self._shelf is None or not missing:
            return found
        try:
            return found | await self._shelf.find(owner, missing)
        except PipelexError:
            _log.exception("what other workers remember could not be read")
            return found

    async def close(self) -> None:
        """Put on the shelf what is on its way, and close it."""
        if self._writing:
            await asyncio.wait(self._writing)
        if self._shelf is not None:
            await self._shelf.close()

    @staticmethod
    async def _put(shelf: Shelf, owner: str, texts: Mapping[str, str]) -> None:
        try:
            await shelf.put(owner, texts)
        except PipelexError:
            _log.exception("other workers will not know what this one remembers")
