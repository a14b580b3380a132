"""Threads that wait for jobs."""

from __future__ import annotations

import threading
import time
import weakref
from collections import deque
from queue import SimpleQueue
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

_Job: TypeAlias = "Callable[[], Callable[[], None]]"


class Threads:
    """So many threads at most, each made when a job finds none idle; the next job waits for one.

    Like an executor of `concurrent.futures`, without its futures: a job tells by itself what came of it, so that their
    locks and conditions would only make threads wait for each other, at every call. A thread that still works does not
    keep the program from ending.
    """

    def __init__(self, limit: int, name: str) -> None:
        self._limit = limit
        self._name = name
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._idle: deque[None] = deque()
        self._threads: list[threading.Thread] = []
        self._ending = weakref.finalize(self, _end, self._jobs, self._threads)

    def start(self, job: _Job) -> None:
        """Have a job done; it raises nothing. What it gives is called when its thread may have the next one."""
        self._jobs.put(job)
        try:
            self._idle.pop()
        except IndexError:
            if len(self._threads) < self._limit:
                name = f"{self._name}_{len(self._threads)}"
                thread = threading.Thread(target=_work, args=(self._jobs, self._idle), name=name, daemon=True)
                self._threads.append(thread)
                thread.start()

    def close(self) -> None:
        """Let every thread end after the jobs that were given before."""
        self._ending()

    def join(self, patience: float) -> None:
        """Wait until all have ended, for so many seconds at most: nothing interrupts one that is connecting."""
        ends_at = time.monotonic() + patience
        for thread in self._threads:
            thread.join(max(0.0, ends_at - time.monotonic()))


def _work(jobs: SimpleQueue[_Job | None], idle: deque[None]) -> None:
    while (job := jobs.get()) is not None:
        tell = job()
        del job  # and with it what it holds
        idle.append(None)  # before it tells: who hears of it may have the next job at once
        tell()
        del tell


def _end(jobs: SimpleQueue[_Job | None], threads: list[threading.Thread]) -> None:
    for _ in threads:
        jobs.put(None)
