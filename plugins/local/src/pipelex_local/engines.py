"""Engines: models loaded once in a process, each with the one thread that computes for every call.

This is state of the process and not of a client: a model's memory and its threads are the process's.
"""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Generic, TypeVar

from pipelex_core.errors import BadRequestError, CallError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Hashable, Iterator

__all__ = ["Engine", "Engines", "threads_of"]

Step = TypeVar("Step")
Loaded = TypeVar("Loaded")


class Engine(Generic[Loaded]):
    """A model, loaded by the first call that needs it, and its thread.

    Args:
        load: Loads the model, in the thread; called with what says whether the call that waits for it was given up.

    Attributes:
        users: How many backends hold it; kept by `Engines`.
    """

    def __init__(self, load: Callable[[Callable[[], bool]], Loaded]) -> None:
        self.users = 0
        self._load = load
        self._loaded: Loaded | None = None
        self._pid = os.getpid()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pipelex-engine")

    async def run(self, steps: Callable[[Loaded], Iterator[Step]]) -> AsyncIterator[Step]:
        """What each step gives, computed in the engine's thread; calls take turns at every step.

        A call that is given up in the middle of a step takes no further one: the step ends by itself, and its result is lost.

        Args:
            steps: Makes the iterator of the steps of one call, from the loaded model.

        Raises:
            CallError: The backend was closed, or opened in a parent process.
        """
        abandoned = threading.Event()
        try:
            loaded = await self._submit(lambda: self._load_once(abandoned.is_set))
            iterator = steps(loaded)
            while (found := await self._submit(lambda: next(iterator, _DONE))) is not _DONE:
                yield found  # type: ignore[misc]  # what is not the mark is a step's
        finally:
            abandoned.set()

    def close(self) -> None:
        """Take no more calls, and free the model when the step under way has ended."""
        if self._pid == os.getpid():
            self._thread.shutdown(wait=False, cancel_futures=True)
        self._loaded = None

    def _load_once(self, stopped: Callable[[], bool]) -> Loaded:
        if self._loaded is None:
            self._loaded = self._load(stopped)
        return self._loaded

    async def _submit(self, work: Callable[[], Step]) -> Step:
        if self._pid != os.getpid():
            msg = "this backend was opened in the parent process: open a client in this one"
            raise CallError(msg)
        try:
            computed = self._thread.submit(work)
        except RuntimeError as error:  # it is shut down
            msg = "the backend is closed"
            raise CallError(msg) from error
        try:
            return await asyncio.wrap_future(computed)
        except asyncio.CancelledError:
            if computed.cancelled() and not _is_cancelled():
                msg = "the backend was closed"
                raise CallError(msg) from None
            raise


class Engines(Generic[Loaded]):
    """The engines in use, counted."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._engines: dict[Hashable, Engine[Loaded]] = {}
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._begin_anew)

    def acquire(self, key: Hashable, load: Callable[[Callable[[], bool]], Loaded]) -> Engine[Loaded]:
        """The engine of these settings; loads nothing yet. Each `acquire` needs its `release`."""
        with self._lock:
            engine = self._engines.get(key)
            if engine is None:
                engine = self._engines[key] = Engine(load)
            engine.users += 1
            return engine

    def release(self, engine: Engine[Loaded]) -> None:
        """Let go of an engine; the last who does closes it."""
        with self._lock:
            engine.users -= 1
            if engine.users:
                return
            self._engines = {key: one for key, one in self._engines.items() if one is not engine}
        engine.close()

    def _begin_anew(self) -> None:
        """In a child process: the threads of the parent's engines are not here."""
        self._lock = threading.Lock()
        self._engines = {}


def threads_of(wanted: int | None) -> int:
    """How many threads of an engine compute: as many as are wanted, else half the cores, four at most.

    Raises:
        BadRequestError: Fewer than one is wanted.
    """
    if wanted is not None:
        if wanted < 1:
            msg = f"option 'n_threads' must be at least 1, not {wanted}"
            raise BadRequestError(msg)
        return wanted
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(4, cores // 2))


_DONE = object()


def _is_cancelled() -> bool:
    """Whether the task that runs is being cancelled."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
