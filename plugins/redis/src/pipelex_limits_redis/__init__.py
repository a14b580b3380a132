"""Limits that several processes share on a Redis server: `limits_url = "redis://…"`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from pipelex_core.shared_limits import SharedLimits
    from pipelex_core.specs import Secret

SCHEMES = ("redis://", "rediss://", "unix://")


@hookimpl
def pipelex_limiter(url: Secret) -> SharedLimits | None:
    """The limits at a Redis server's address; None for another address."""
    if not url.reveal().startswith(SCHEMES):
        return None
    from pipelex_limits_redis._server import RedisLimits

    return RedisLimits(url)
