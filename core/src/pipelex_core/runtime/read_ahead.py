"""A stream read in a client's event loop, some way ahead of the thread that takes its deltas."""

from __future__ import annotations

import os
from collections import deque
from functools import partial
from threading import Condition
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from pipelex_core.runtime.exits import rest_at_exit
from pipelex_core.runtime.loop_thread import GLANCE

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Callable

E = TypeVar("E")
E_co = TypeVar("E_co", covariant=True)


class Deltas(Protocol[E_co]):
    """A stream of deltas that can be closed: `streams.AsyncTextStream` and its kin."""

    def __aiter__(self) -> AsyncIterator[E_co]:
        """The deltas, as they come."""

    async def aclose(self) -> None:
        """Close the connection."""


AHEAD = 256
"""How many deltas a stream may be ahead of its reader."""

_ENDING: set[asyncio.Task[None]] = set()
"""Those that nobody waits for."""


class ReadAhead(Generic[E]):
    """The deltas that have come and are not taken yet; `begin` and `end` run in the loop, the rest in any thread.

    Attributes:
        is_begun: Whether it has been started, or left before that.
    """

    def __init__(self, stream: Deltas[E]) -> None:
        self._stream = stream
        self._deltas: deque[E] = deque()
        self._changed = Condition()
        self._resume: Callable[[], object] | None = None
        self._reading: asyncio.Task[None] | None = None
        self._pid = os.getpid()
        self._ended = False
        self._error: Exception | None = None
        self.is_begun = False

    async def begin(self) -> None:
        """Start reading; twice is once."""
        import asyncio

        if self._reading is None and not self._ended:
            self._reading = asyncio.create_task(self._read())
            self.is_begun = True

    async def end(self) -> None:
        """Stop reading, and close the connection.

        Raises:
            PluginError: A plugin failed to close its part of the stream.
        """
        import asyncio

        if self._reading is None:
            return
        try:
            await self._stream.aclose()
        finally:
            self._reading.cancel()  # where it waits for room
            await asyncio.wait([self._reading])
            self._deltas.clear()  # what came meanwhile
        error, self._error = self._error, None
        if error is not None:
            raise error

    def leave(self) -> bool:
        """Give up what has come; whether there is a connection for `end` to close."""
        is_open = self.is_begun and not self._ended and self._pid == os.getpid()
        self.is_begun = self._ended = True
        self._deltas.clear()
        self._error = None
        return is_open

    def abandon(self) -> None:
        """As `leave` and `end`, without waiting: whoever held the stream is gone."""
        if self.leave() and self._reading is not None:
            loop = self._reading.get_loop()
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._end_soon)

    def _end_soon(self) -> None:
        """End it in a task of its own; the call's listeners hear of what goes wrong."""
        assert self._reading is not None  # noqa: S101 -- `abandon` looked
        ending = self._reading.get_loop().create_task(self.end())
        _ENDING.add(ending)
        ending.add_done_callback(_heed)

    def take(self) -> E | None:
        """The next delta that has come, or None."""
        try:
            delta = self._deltas.popleft()
        except IndexError:
            return None
        if self._resume is not None and len(self._deltas) <= AHEAD // 2:
            resume, self._resume = self._resume, None
            if resume is not None:
                resume()
        return delta

    def wait(self) -> bool:
        """Wait for a delta; False where the stream has ended instead.

        Raises:
            CallError: The call failed; raised once.
            RuntimeError: The client was closed meanwhile, or this is a forked child of the process that reads.
        """
        if not self._ended and self._pid != os.getpid():
            raise RuntimeError("this stream belongs to the process that began it")
        with self._changed:
            while not self._deltas and not self._ended:
                self._changed.wait(GLANCE)
        rest_at_exit()
        if self._deltas:
            return True
        error, self._error = self._error, None
        if error is not None:
            raise error
        return False

    async def _read(self) -> None:
        import asyncio

        loop = asyncio.get_running_loop()
        try:
            async for delta in self._stream:
                self._deltas.append(delta)
                if len(self._deltas) == 1:
                    self._notify()
                if len(self._deltas) >= AHEAD:
                    room = asyncio.Event()
                    self._resume = partial(loop.call_soon_threadsafe, room.set)
                    if len(self._deltas) >= AHEAD:
                        await room.wait()
        except Exception as error:  # noqa: BLE001 -- raised where the deltas are read
            self._error = error
        except asyncio.CancelledError:
            if not self._ended:  # nobody left the stream: its loop ends
                self._error = RuntimeError("the client was closed before this stream had ended")
            raise
        finally:
            try:
                await self._stream.aclose()
            finally:
                self._ended = True
                self._notify()

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()


def _heed(ending: asyncio.Task[None]) -> None:
    _ENDING.discard(ending)
    if not ending.cancelled():
        ending.exception()
