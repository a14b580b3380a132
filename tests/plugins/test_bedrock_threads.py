"""Threads for jobs: as many as are needed, no more than the limit, none left over."""

from __future__ import annotations

import gc
import threading
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING

import pytest

from pipelex_backend_bedrock._threads import Threads

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 30.0


def _names(prefix: str) -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith(prefix)}


def test_jobs_one_after_the_other_need_one_thread() -> None:
    """Whoever hears that a job has ended may give the next one to the same thread."""
    threads, reported = Threads(8, "one"), SimpleQueue[int]()
    for number in range(50):
        threads.start(partial(lambda number: partial(reported.put, number), number))
        assert reported.get(timeout=SECONDS) == number
    assert _names("one") == {"one_0"}
    threads.close()
    threads.join(10)
    assert not _names("one")


@pytest.mark.parametrize("limit", [1, 3])
def test_no_more_jobs_run_than_the_limit_says_and_none_is_lost(limit: int) -> None:
    """The others wait for their turn; those that were given before the end are done."""
    threads, reported, go = Threads(limit, "many"), SimpleQueue[int](), threading.Event()
    lock, running, most = threading.Lock(), 0, 0

    def job(number: int) -> Callable[[], None]:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        assert go.wait(SECONDS)
        with lock:
            running -= 1
        return partial(reported.put, number)

    for number in range(10):
        threads.start(partial(job, number))
    threads.close()
    go.set()
    threads.join(10)
    assert most == limit
    assert {reported.get_nowait() for _ in range(10)} == set(range(10))


def test_threads_end_with_their_owner() -> None:
    """An owner that is forgotten without being closed leaves no thread behind."""
    threads, reported = Threads(2, "forgotten"), SimpleQueue[str]()
    threads.start(lambda: partial(reported.put, "done"))
    assert reported.get(timeout=SECONDS) == "done"
    remaining = [thread for thread in threading.enumerate() if thread.name == "forgotten_0"]
    del threads
    gc.collect()
    for thread in remaining:
        thread.join(SECONDS)
    assert remaining
    assert not _names("forgotten")
