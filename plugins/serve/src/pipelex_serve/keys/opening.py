"""The store at an address."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pipelex_serve.keys.store import Store


@asynccontextmanager
async def opened_store(place: str) -> AsyncIterator[Store]:
    """The store at an address, open for the block.

    Raises:
        PipelexError: There is no store for such an address, or it cannot be used.
    """
    store = await open_store(place)
    try:
        yield store
    finally:
        await store.close()


async def open_store(place: str) -> Store:
    """The same for as long as the caller likes, who closes it."""
    store = store_of(place)
    await store.open()
    return store


def store_of(place: str) -> Store:
    """The store at an address, not opened.

    Raises:
        PipelexError: There is no store for such an address.
    """
    from pipelex_core.errors import PipelexError

    scheme, separator, _ = place.partition("://")
    if not separator or scheme == "sqlite":
        from pipelex_serve.keys.sqlite import SqliteStore

        return SqliteStore(place.removeprefix("sqlite://"))
    try:
        if scheme in {"postgresql", "postgres"}:
            from pipelex_serve.keys.postgres import PostgresStore

            return PostgresStore(place)
        if scheme in {"redis", "rediss", "unix"}:
            from pipelex_serve.keys.redis import RedisStore

            return RedisStore(place)
    except ImportError as error:
        extra = "postgres" if scheme.startswith("postgres") else "redis"
        msg = f"spend at {scheme}:// needs a package that is not installed ({error.name}); run: pip install 'pipelex-serve[{extra}]'"
        raise PipelexError(msg) from None
    msg = f"spend is kept in a file, or at postgresql:// or redis://, not at {scheme:.20}://"
    raise PipelexError(msg)
