"""Keys and spend in a PostgreSQL database, which many machines share.

A write that was cancelled on its way is often done all the same, so none is cancelled: each runs to its end.
"""

from __future__ import annotations

import asyncio
import re
import time
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import asyncpg
import attrs

from pipelex_core.errors import PipelexError
from pipelex_serve.keys import sql
from pipelex_serve.keys.key import ANONYMOUS
from pipelex_serve.keys.rows import key_of, of_entry, of_key, of_settled
from pipelex_serve.keys.store import Standing, Store, Use

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence

    from pipelex_serve.keys.key import Key
    from pipelex_serve.keys.store import Entry

T = TypeVar("T")

_TEXTS = frozenset({"id", "day", "month", "name", "digest", "handles", "created", "when", "value", "since"})
_SCHEMA_LOCK = 7_165_301
"""The advisory lock under which tables are made: `IF NOT EXISTS` alone fails where two do it at once."""

_PUTS_A_SWEEP = 256


class PostgresStore(Store):
    """The database."""

    is_shared: ClassVar[bool] = True

    def __init__(self, url: str) -> None:
        self._url = url
        self._pool: Any = None
        self._puts = 0

    async def open(self) -> None:
        """Connect, and make the tables."""
        if self._pool is not None:
            return
        try:
            self._pool = await asyncpg.create_pool(self._url, min_size=1, max_size=8, command_timeout=15)
            async with self._pool.acquire() as connection, connection.transaction():
                await connection.execute(f"SELECT pg_advisory_xact_lock({_SCHEMA_LOCK})")
                for statement in (*sql.TABLES, sql.TABLE_OF_TEXTS):
                    await connection.execute(statement)
            await self._write(sql.ADD_SPEND, {"id": ANONYMOUS.id})
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError) as error:
            raise _unusable(error) from None

    async def close(self) -> None:
        """Close the connections."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()

    async def add(self, key: Key) -> bool:
        """As in `Store`."""
        added = await self._write(sql.ADD, of_key(key)) == 1
        if added:
            await self._write(sql.ADD_SPEND, {"id": key.id})
        return added

    async def revoke(self, name: str, when: str) -> bool:
        """As in `Store`."""
        return await self._write(sql.REVOKE, {"name": name, "when": when}) == 1

    async def keys(self) -> list[Key]:
        """As in `Store`."""
        return [key_of(row) for row in await self._read(sql.KEYS, {})]

    async def find(self, digest: str) -> Key | None:
        """As in `Store`."""
        rows = await self._read(sql.FIND, {"digest": digest})
        return key_of(rows[0]) if rows else None

    async def enter(self, entry: Entry) -> bool:
        """As in `Store`."""
        return await self._write(sql.ENTER, of_entry(entry)) == 1

    async def settle(self, entry: Entry, nano: int, tokens: int) -> None:
        """As in `Store`."""
        statement = sql.SETTLE if entry.key.is_limited else sql.SETTLE_UNLIMITED
        await self._write(statement, of_settled(entry, nano, tokens))

    async def standing(self, key_id: str, day: str, month: str, minute: int) -> Standing:
        """As in `Store`."""
        rows = await self._read(sql.STANDING, {"id": key_id, "day": day, "month": month, "minute": minute})
        return Standing(**rows[0]) if rows else Standing()

    async def count(self, uses: Sequence[Use]) -> None:
        """As in `Store`; in one order, so that two processes never wait for each other."""
        for use in sorted(uses, key=lambda each: each.place):
            await self._write(sql.COUNT, attrs.asdict(use))

    async def uses(self, since: str) -> list[Use]:
        """As in `Store`."""
        return [Use(**row) for row in await self._read(sql.USES, {"since": since})]

    async def secret(self, name: str, fresh: str) -> str:
        """As in `Store`."""
        await self._write(sql.ADD_SECRET, {"name": name, "value": fresh})
        return str((await self._read(sql.SECRET, {"name": name}))[0]["value"])

    async def put(self, owner: str, texts: Mapping[str, str], seconds: int) -> None:
        """As in `Store`; what is kept no longer goes now and then."""
        now = int(time.time())
        columns = [owner] * len(texts), [*texts], [*texts.values()], [now + seconds] * len(texts)
        await self._whole(self._open().execute(sql.PUT_TEXTS, *columns))
        self._puts += 1
        if self._puts % _PUTS_A_SWEEP == 0:
            await self._write(sql.SWEEP_TEXTS, {"now": now})

    async def texts(self, owner: str, names: Sequence[str]) -> dict[str, str]:
        """As in `Store`."""
        rows = await self._whole(self._open().fetch(sql.TEXTS, owner, [*names], int(time.time())))
        return {row["name"]: row["text"] for row in rows}

    async def _write(self, statement: str, parameters: Mapping[str, Any]) -> int:
        """Run a statement to its end, also where whoever waits for it leaves; how many rows it changed."""
        text, names = _numbered(statement)
        status = await self._whole(self._open().execute(text, *(parameters[name] for name in names)))
        return int(str(status).rpartition(" ")[2])

    async def _read(self, statement: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        text, names = _numbered(statement)
        try:
            rows = await self._open().fetch(text, *(parameters[name] for name in names))
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            raise _unusable(error) from None
        return [dict(row) for row in rows]

    async def _whole(self, work: Coroutine[Any, Any, T]) -> T:
        task = asyncio.ensure_future(work)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait([task])
            raise
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            raise _unusable(error) from None

    def _open(self) -> Any:
        if self._pool is None:
            msg = "the store of keys and spend is closed"
            raise PipelexError(msg)
        return self._pool


@cache
def _numbered(statement: str) -> tuple[str, tuple[str, ...]]:
    """A statement with `$1` for its first parameter, and so on, and the parameters' names in that order."""
    names = tuple(dict.fromkeys(re.findall(r":([a-z_]+)", statement)))

    def number(found: re.Match[str]) -> str:
        name = found[1]
        kind = "text" if name in _TEXTS or name in {"key", "handle", "model", "backend"} else "bigint"
        return f"${names.index(name) + 1}::{kind}"

    return re.sub(r":([a-z_]+)", number, statement), names


def _unusable(error: Exception) -> PipelexError:
    """The error of a database that does not answer as it should; never with its address, which may have a password."""
    return PipelexError(f"spend cannot be kept in the PostgreSQL database: {type(error).__name__}: {str(error)[:200]}")
