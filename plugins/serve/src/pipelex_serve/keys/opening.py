"""The store at an address."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelex_serve.keys.store import Store


def open_store(place: str) -> Store:
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
