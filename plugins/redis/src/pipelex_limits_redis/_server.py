"""The Redis server where processes share their limits: one connection pool an event loop, and what this loop holds there."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from pipelex_core.shared_limits import CAPS, Entered, Full, LimitedRequest, SharedLimits, Unreachable
from pipelex_limits_redis._scripts import ENTER, LEAVE, RENEW

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Coroutine, Sequence

    from pipelex_core.specs import Secret

_log = logging.getLogger("pipelex_limits_redis")

LEASE = 30.0
"""Seconds after which a request of a process that says nothing any more counts as ended."""

STALE = 5.0
"""Seconds after which a request that waits in a process that asks no more is passed over."""

_PATIENCE = 2.0
"""Seconds the server may take to answer."""

_CONNECTIONS = 8


class RedisLimits(SharedLimits):
    """The server, for all event loops of a client."""

    def __init__(self, url: Secret) -> None:
        import redis.asyncio  # noqa: F401 -- it takes its time, which would be an event loop's later

        self._url = url
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _Here] = WeakKeyDictionary()

    async def enter(self, request: LimitedRequest) -> Entered | Full:
        """Ask for a place, see `_scripts.ENTER`."""
        caps = [
            -1 if (cap := getattr(limits, name)) is None else cap for limits in request.limits.values() for name in CAPS
        ]
        times = [int(seconds * 1000) for seconds in (request.window, LEASE, STALE)]
        here = await self._here()
        try:
            answer = await here.enter(keys=_keys(request), args=[request.id, request.tokens, *times, *caps])
        except here.failures as error:
            raise Unreachable from error
        if not _is_answer(answer, len(request.limits)):
            raise Unreachable from ValueError("it answers a script with something else than what that returns")
        passed, wait, at, found = answer
        if passed:
            here.hold(request)
            return Entered(place=found)
        whose = list(request.limits)[at - 1] if at else None
        return Full(wait=wait / 1000 if wait >= 0 else None, whose=whose, cap=CAPS[found - 1] if at else None)

    def leave(self, request: LimitedRequest, entered: Entered | None, *, sent: bool, tokens: int | None) -> None:
        """Give back, see `_scripts.LEAVE`; in the background, because nobody has to wait for it."""
        here = self._loops.get(asyncio.get_running_loop())
        if here is not None and here.pid == os.getpid():
            here.held.pop(request.id, None)
            second = -1 if entered is None else entered.place
            kept = 0 if not sent else request.tokens if tokens is None else tokens
            here.start_leaving(request, [second, 0 if sent else -1, kept - request.tokens, request.tokens])

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


def _is_answer(answer: Any, owners: int) -> bool:
    """Whether it is what `_scripts.ENTER` returns: something in between, or another server under this address, may answer anything."""
    if not (isinstance(answer, list) and len(answer) == 4 and all(type(each) is int for each in answer)):
        return False
    passed, _, at, found = answer
    return bool(passed) or (0 <= at <= owners and (not at or 0 < found <= len(CAPS)))


def _keys(request: LimitedRequest) -> list[str]:
    """The keys on the server, as `_scripts.py` wants them; one hash tag, so that a cluster has them in one place."""
    prefix = f"pipelex:limits:{{{request.backend}}}"
    owners = [f"model:{request.model}" if owner == "model" else owner for owner in request.limits]
    queues = [f"{prefix}:{kind}:{request.model}" for kind in ("waiting", "beats")]
    return queues + [f"{prefix}:{owner}:{kind}" for owner in owners for kind in ("running", "requests", "tokens")]


class _Here:
    """The connections of one event loop; closed with it, as those of backends are."""

    def __init__(self, url: Secret) -> None:
        from redis.asyncio import BlockingConnectionPool, Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff
        from redis.exceptions import ConnectionError as RedisConnectionError
        from redis.exceptions import RedisError

        self.pid = os.getpid()
        # What cannot be read, such as a number of thousands of digits, raises whatever Python does.
        self.failures = (RedisError, OSError, asyncio.TimeoutError, ValueError, RecursionError)
        pool = BlockingConnectionPool.from_url(
            url.reveal(),
            max_connections=_CONNECTIONS,
            timeout=_PATIENCE,
            socket_timeout=_PATIENCE,
            socket_connect_timeout=_PATIENCE,
            # A connection that the server closed while it was idle is opened anew, and the script run there. One that
            # breaks after the script ran counts that request twice for a minute: rare, and on the safe side.
            retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
            retry_on_error=[RedisConnectionError],
            protocol=2,  # with 3, redis-py 8 takes a closed connection for one with a notification to read
        )
        self._redis = Redis.from_pool(pool)
        self.enter = self._redis.register_script(ENTER)
        self._leave = self._redis.register_script(LEAVE)
        self._renew = self._redis.register_script(RENEW)
        self.held: dict[str, Sequence[str]] = {}
        self.keeper = self._close_with_loop()
        self._beating: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def hold(self, request: LimitedRequest) -> None:
        """Say again and again that a request lives, until it leaves."""
        running = _keys(request)[2::3]
        capped = [
            key
            for key, limits in zip(running, request.limits.values(), strict=True)
            if limits.max_concurrency is not None
        ]
        if capped:
            self.held[request.id] = capped
            if self._beating is None:
                self._beating = asyncio.create_task(self._beat())

    def start_leaving(self, request: LimitedRequest, change: Sequence[Any]) -> None:
        """Give back what a request held, which nobody waits for."""
        task = asyncio.create_task(self._let_go(request.id, _keys(request), change))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _let_go(self, id: str, keys: Sequence[str], change: Sequence[Any]) -> None:
        try:
            await self._quietly(self._leave(keys=keys, args=[id, *change]))
        except asyncio.CancelledError:
            # The loop ends, and the server may have heard of it or not: only the place is given back, because what was
            # counted for the minute must not be given back twice.
            await self._quietly(self._leave(keys=keys, args=[id, -1, 0, 0, 0]))
            raise

    async def _beat(self) -> None:
        """Renew what is held, until nothing is."""
        while self.held:
            await asyncio.sleep(LEASE / 3)
            living: dict[str, list[str]] = {}
            for request, keys in self.held.items():
                for key in keys:
                    living.setdefault(key, []).append(request)
            for key, ids in living.items():
                await self._quietly(self._renew(keys=[key], args=[int(LEASE * 1000), *ids]))
        self._beating = None

    async def _quietly(self, work: Coroutine[Any, Any, Any]) -> None:
        try:
            await work
        except self.failures as error:
            _log.debug("the server of limits_url could not be updated: %s", type(error).__name__)

    async def _close_with_loop(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            if self._beating is not None:
                self._beating.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=_PATIENCE)
            await self._redis.aclose()
            await self._redis.connection_pool.disconnect()
