"""What makes importing an SDK cheaper leaves nothing behind."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest

from pipelex_core.runtime.importing import undisturbed, with_room

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    """The collector as it was, whatever a test did to it."""
    was_on = gc.isenabled()
    gc.enable()
    yield
    gc.unfreeze()
    if not was_on:
        gc.disable()


def _collections() -> int:
    return sum(generation["collections"] for generation in gc.get_stats())


def test_nothing_is_collected_in_the_block_and_the_collector_is_on_after_it() -> None:
    """Ten thousand objects bring about no collection, neither in the block nor at its end."""
    before = _collections()
    with undisturbed():
        kept = [[each] for each in range(10_000)]
        assert not gc.isenabled()
        assert _collections() == before
    assert gc.isenabled()
    assert gc.get_count()[0] < len(kept)
    assert _collections() <= before + 1


def test_threads_import_one_after_the_other() -> None:
    """Packages whose modules import each other are never seen half-made; the same thread may import within an import."""
    inside, most = [], []

    def run() -> None:
        with undisturbed(), undisturbed():
            inside.append(1)
            time.sleep(0.01)
            most.append(len(inside))
            inside.pop()

    threads = [threading.Thread(target=run) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 5


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_imports_though_a_thread_of_the_parent_did() -> None:
    """That thread, which held the lock, is not in the child."""
    begun, done = threading.Event(), threading.Event()

    def hold() -> None:
        with undisturbed():
            begun.set()
            done.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    begun.wait(30)
    child = os.fork()
    if child == 0:
        signal.alarm(10)
        with undisturbed():
            os._exit(7)
    _, status = os.waitpid(child, 0)
    done.set()
    thread.join()
    assert os.waitstatus_to_exitcode(status) == 7


def test_the_collector_is_on_again_where_the_block_failed() -> None:
    """An import that fails does not leave the program without its collector."""
    with pytest.raises(ImportError), undisturbed():
        raise ImportError
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off() -> None:
    """A program that switched it off did so for a reason."""
    gc.disable()
    with undisturbed():
        pass
    assert not gc.isenabled()


def test_what_the_program_froze_stays_frozen() -> None:
    """A server that froze its objects before it forks keeps them so."""
    gc.freeze()
    frozen = gc.get_freeze_count()
    with undisturbed():
        pass
    assert gc.get_freeze_count() > frozen / 2  # some of it may be gone meanwhile, by its own references


def test_a_function_with_room_is_the_same_function() -> None:
    """It takes and gives what it did, with a larger frame alone."""

    def add(one: int, other: int = 2) -> int:
        return one + other

    before = add.__code__.co_stacksize
    roomy = with_room(add)
    assert roomy is add
    assert roomy(1) == 3
    assert add.__code__.co_stacksize * 8 > before * 8 + 16 * 1024 * 4


def test_what_is_no_function_is_left_as_it_is() -> None:
    """A class is a callable too, and has no frame."""
    assert with_room(dict) is dict
