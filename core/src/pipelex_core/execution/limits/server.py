"""The Redis server where processes share their limits: one connection pool an event loop, and what this loop holds there."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from pipelex_core.errors import PluginError
from pipelex_core.execution.limits.scripts import ENTER, LEAVE, RENEW

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Coroutine, Sequence

    from pipelex_core.specs import Secret

_log = logging.getLogger("pipelex_core.execution")

LEASE = 30.0
"""Seconds after which a request of a process that says nothing any more counts as ended."""

STALE = 5.0
"""Seconds after which one that waits in a process that asks no more is passed over."""

DOWN = 10.0
"""Seconds for which a server that cannot be reached is left alone."""

_PATIENCE = 2.0
"""Seconds the server may take to answer."""

_CONNECTIONS = 8


class Unreachable(Exception):  # noqa: N818 -- no error for callers: they go on with the limits of their process
    """The server cannot be reached now."""


class LimitsServer:
    """The server, for all event loops of a client."""

    def __init__(self, url: Secret) -> None:
        try:
            import redis.asyncio  # noqa: F401 -- that it is there
        except ImportError:
            msg = "limits_url needs the redis library: pip install 'pipelex-core[redis]'"
            raise PluginError(msg) from None
        self._url = url
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _Here] = WeakKeyDictionary()
        self._down_until = 0.0

    @property
    def is_down(self) -> bool:
        """Whether it was not reached a short while ago."""
        return time.monotonic() < self._down_until

    async def enter(self, keys: Sequence[str], arguments: Sequence[Any]) -> list[int]:
        """Ask for leave, see `scripts.ENTER`.

        Raises:
            Unreachable: The server cannot be reached.
        """
        here = await self._here()
        try:
            answer: list[int] = await here.enter(keys=keys, args=arguments)
        except here.failures as error:
            if not self.is_down:
                _log.warning(
                    "the server of limits_url cannot be used (%s): each process keeps to the limits by itself until it can",
                    type(error).__name__,
                )
            self._down_until = time.monotonic() + DOWN
            raise Unreachable from None
        return answer

    async def hold(self, id: str, running: Sequence[str]) -> None:
        """Say again and again that a request lives, until it is left."""
        here = await self._here()
        here.held[id] = running
        if here.beating is None:
            here.beating = asyncio.create_task(here.beat())

    def leave(self, id: str, keys: Sequence[str], arguments: Sequence[Any]) -> None:
        """Give back, see `scripts.LEAVE`; done in the background, because nobody has to wait for it."""
        here = self._loops.get(asyncio.get_running_loop())
        if here is not None and here.pid == os.getpid():
            here.held.pop(id, None)
            here.start_leaving(id, keys, arguments)

    async def close(self) -> None:
        """Close the connections of the running loop."""
        here = self._loops.pop(asyncio.get_running_loop(), None)
        if here is not None and here.pid == os.getpid():
            await here.keeper.aclose()

    async def _here(self) -> _Here:
        loop = asyncio.get_running_loop()
        here = self._loops.get(loop)
        if here is None or here.pid != os.getpid():
            here = self._loops[loop] = _Here(self._url)
            await anext(here.keeper)
        return here


class _Here:
    """The connections of one event loop; closed with it, as those of backends are."""

    def __init__(self, url: Secret) -> None:
        from redis.asyncio import BlockingConnectionPool, Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff
        from redis.exceptions import RedisError

        self.pid = os.getpid()
        self.failures = (RedisError, OSError, asyncio.TimeoutError)
        pool = BlockingConnectionPool.from_url(
            url.reveal(),
            max_connections=_CONNECTIONS,
            timeout=_PATIENCE,
            socket_timeout=_PATIENCE,
            socket_connect_timeout=_PATIENCE,
            retry=Retry(NoBackoff(), 0),
        )
        self._redis = Redis.from_pool(pool)
        self.enter = self._redis.register_script(ENTER)
        self._leave = self._redis.register_script(LEAVE)
        self._renew = self._redis.register_script(RENEW)
        self.held: dict[str, Sequence[str]] = {}
        self.beating: asyncio.Task[None] | None = None
        self.keeper = self._close_with_loop()
        self._tasks: set[asyncio.Task[None]] = set()

    def start_leaving(self, id: str, keys: Sequence[str], arguments: Sequence[Any]) -> None:
        """Give back what a request held, which nobody waits for."""
        task = asyncio.create_task(self._let_go(id, keys, arguments))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _let_go(self, id: str, keys: Sequence[str], arguments: Sequence[Any]) -> None:
        try:
            await self._quietly(self._leave(keys=keys, args=arguments))
        except asyncio.CancelledError:
            # The loop ends, and the server may have been told or not: only the place is given back, because what was
            # counted for the minute must not be given back twice.
            await self._quietly(self._leave(keys=keys, args=[id, -1, 0, 0, 0]))
            raise

    async def beat(self) -> None:
        """Renew what is held, until nothing is."""
        while self.held:
            await asyncio.sleep(LEASE / 3)
            living: dict[str, list[str]] = {}
            for request, keys in self.held.items():
                for key in keys:
                    living.setdefault(key, []).append(request)
            for key, ids in living.items():
                await self._quietly(self._renew(keys=[key], args=[int(LEASE * 1000), *ids]))
        self.beating = None

    async def _quietly(self, work: Coroutine[Any, Any, Any]) -> None:
        try:
            await work
        except self.failures as error:
            _log.debug("the server of limits_url was not told: %s", type(error).__name__)

    async def _close_with_loop(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            if self.beating is not None:
                self.beating.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=_PATIENCE)
            await self._redis.aclose()
            await self._redis.connection_pool.disconnect()
