"""The middleware: an answer that was given once is given again."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from attrs import evolve

from pipelex_core.converter import to_plain
from pipelex_core.hookspecs import hookimpl
from pipelex_middleware_cache._bypass import is_bypassed
from pipelex_middleware_cache._key import key_of
from pipelex_middleware_cache._store import Store
from pipelex_middleware_cache._values import decoded, encoded, is_worth_keeping, texts_of
from pipelex_middleware_cache._worker import Worker

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

    from pipelex_core.calls import Call
    from pipelex_core.hookspecs import Middleware, Proceed
    from pipelex_middleware_cache._store import Contents
    from pipelex_middleware_cache._values import WholeAnswer

    Flights = dict[bytes, asyncio.Future[WholeAnswer | None]]
    Found = tuple[bytes, tuple[WholeAnswer, tuple[str, ...]] | None]

_log = logging.getLogger("pipelex_middleware_cache")

DAY = 24 * 3600.0
MAX_AGE = 30 * DAY
MAX_BYTES = 1e9


class Cache:
    """A plugin that keeps answers in a file, and gives them again to the same request.

    One object may serve many clients, loops and threads; several processes may share one file.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        max_age: float = MAX_AGE,
        max_bytes: float = MAX_BYTES,
        when: Callable[[Call], bool] | None = None,
        shared: bool = False,
    ) -> None:
        """A cache; the file is opened, or made, by the first call.

        Args:
            path: The file.
            max_age: Seconds for which an answer is good.
            max_bytes: Most bytes of answers; those unused for longest make room.
            when: Which calls it is for; None for all.
            shared: Whether calls with different credentials may have each other's answers.
        """
        self.path = Path(path).expanduser()
        self._when = when
        self._shared = shared
        self._worker = Worker(partial(Store, self.path, max_bytes=max_bytes, max_age=max_age))
        self._flights: WeakKeyDictionary[asyncio.AbstractEventLoop, Flights] = WeakKeyDictionary()

    @hookimpl
    def pipelex_middleware(self) -> Sequence[Middleware]:
        """The cache, around every attempt."""
        return [self._around]

    def clear(self) -> None:
        """Forget every answer."""
        self._worker.ask(Store.clear).result()

    def contents(self) -> Contents:
        """How much is in it."""
        return self._worker.ask(Store.contents).result()

    @property
    def is_off(self) -> bool:
        """Whether the file could not be used."""
        return self._worker.ask(lambda store: store.is_off).result()

    def close(self) -> None:
        """Close the file; a later call opens it again. A cache that is let go of closes itself."""
        self._worker.close()

    async def _around(self, call: Call, proceed: Proceed) -> Any:
        if is_bypassed() or (self._when is not None and not self._when(call)):
            return await proceed(call)
        found = await self._find(call)
        if found is None:
            return await proceed(call)
        key, kept = found
        streams = call.operation in {"stream_text", "stream_object", "stream_speech"}
        if kept is not None:
            answer, pieces = kept
            if call.fits(answer):
                hit = evolve(answer, cache="hit")
                return _played(pieces, hit) if streams else hit
            self._worker.tell(lambda store: store.delete(key))
        if streams:
            return self._recorded(key, call, await proceed(call))
        return await self._requested_once(key, call, proceed)

    async def _find(self, call: Call) -> Found | None:
        """The key of a request and what is kept for it; None where it has no key, or the process is about to end."""
        try:
            requested = self._worker.ask(partial(_look, call, self._shared))
        except RuntimeError:  # no thread may be given work any more
            return None
        return await asyncio.wrap_future(requested)

    async def _requested_once(self, key: bytes, call: Call, proceed: Proceed) -> Any:
        """The provider's answer; the same request made meanwhile waits for it, and asks itself where it cannot have it."""
        loop = asyncio.get_running_loop()
        flights = self._flights.setdefault(loop, {})
        flight = flights.get(key)
        if flight is not None:
            shared = await asyncio.shield(flight)
            if shared is not None and call.fits(shared):
                return evolve(shared, cache="hit", raw=None, request_id=None)
            return await self._requested(key, call, proceed)
        flight = flights[key] = loop.create_future()
        shared = None
        try:
            answer = await self._requested(key, call, proceed)
            shared = answer if is_worth_keeping(answer) and call.fits(answer) else None
        finally:
            del flights[key]
            flight.set_result(shared)
        return answer

    async def _requested(self, key: bytes, call: Call, proceed: Proceed) -> Any:
        answer: Any = await proceed(call)
        return self._kept(key, call, answer, ())

    async def _recorded(self, key: bytes, call: Call, events: Any) -> AsyncGenerator[Any, None]:
        """A stream, kept once it has ended well."""
        pieces: list[str] = []
        try:
            async for event in events:
                if isinstance(event, str):
                    if event:  # what comes beside the text is in the answer
                        pieces.append(event)
                    yield event
                elif isinstance(event, bytes):
                    yield event  # the answer holds them, too
                else:
                    yield self._kept(key, call, event, pieces)
        finally:
            await events.aclose()

    def _kept(self, key: bytes, call: Call, answer: Any, pieces: Sequence[str]) -> Any:
        """An answer, marked as missing in the cache; kept where it is whole and what the caller wanted."""
        if is_worth_keeping(answer) and call.fits(answer):
            self._worker.tell(partial(_keep, key, answer, tuple(pieces), call.redact))
        return evolve(answer, cache="miss") if hasattr(answer, "cache") else answer


async def _played(pieces: Sequence[str], answer: Any) -> AsyncIterator[Any]:
    """A stream that was recorded; speech comes in one piece."""
    for piece in pieces:
        yield piece
    if not pieces and hasattr(answer, "audio"):
        yield answer.audio.data
    yield answer


def _look(call: Call, shared: bool, store: Store) -> Found | None:
    """In the thread: hashing and reading take their time."""
    try:
        key = key_of(call) if shared else call.seal(key_of(call))
    except (TypeError, ValueError, RecursionError) as error:
        _log.info("a request is not cached: %s", type(error).__name__)
        return None
    value = store.get(key)
    if value is None:
        return key, None
    try:
        expected = None if call.kind is None else call.kind.operation(call.operation).answer
        return key, decoded(value, expected)
    except ValueError:
        store.delete(key)
        return key, None


def _keep(key: bytes, answer: WholeAnswer, pieces: tuple[str, ...], redact: Callable[[str], str], store: Store) -> None:
    """In the thread: an answer that holds a secret of its backend is not written anywhere."""
    value = encoded(answer, pieces)
    if value is None:
        _log.info("an answer is not cached: it would not come back as it was")
        return
    bare = evolve(answer, raw=None, request_id=None)
    written = "\n".join(texts_of(to_plain(bare, compact=True)))
    if redact(written) != written or redact("".join(pieces)) != "".join(pieces):
        _log.info("an answer is not cached: it repeats a secret")
        return
    store.put(key, value)
