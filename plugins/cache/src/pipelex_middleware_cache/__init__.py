"""A cache of answers on SQLite, off until it is switched on.

`PIPELEX_CACHE=answers.sqlite` switches it on for every client that is made afterwards; `Cache` does so for one of them.
Without that variable there is no middleware, and nothing of this package is imported.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from pipelex_core.commands import Command
from pipelex_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipelex_core.hookspecs import Middleware
    from pipelex_middleware_cache._bypass import bypassed, is_bypassed
    from pipelex_middleware_cache._cache import Cache

__all__ = ["Cache", "bypassed", "is_bypassed", "pipelex_commands", "pipelex_middleware"]


@hookimpl
def pipelex_middleware() -> Sequence[Middleware]:
    """The cache that `PIPELEX_CACHE` switches on, or none."""
    if not os.environ.get("PIPELEX_CACHE"):
        return []
    from pipelex_middleware_cache._settings import cache_of

    cache = cache_of(os.environ)
    return [] if cache is None else cache.pipelex_middleware()


@hookimpl
def pipelex_commands() -> Mapping[str, Command]:
    """`cache`."""
    return {
        "cache": Command(
            "pipelex_middleware_cache.cache_command:cache", help="Show what a cache of answers holds, or forget it."
        )
    }


_HOMES = {"Cache": "_cache", "bypassed": "_bypass", "is_bypassed": "_bypass"}


def __getattr__(name: str) -> Any:
    """A public name, imported when it is first used."""
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
