"""What makes importing an SDK cheaper leaves nothing behind."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

from pipelex_core.runtime.importing import with_room, without_collections

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
    with without_collections():
        kept = [[each] for each in range(10_000)]
        assert not gc.isenabled()
        assert _collections() == before
    assert gc.isenabled()
    assert gc.get_count()[0] < len(kept)
    assert _collections() <= before + 1


def test_the_collector_is_on_again_where_the_block_failed() -> None:
    """An import that fails does not leave the program without its collector."""
    with pytest.raises(ImportError), without_collections():
        raise ImportError
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off() -> None:
    """A program that switched it off did so for a reason."""
    gc.disable()
    with without_collections():
        pass
    assert not gc.isenabled()


def test_what_the_program_froze_stays_frozen() -> None:
    """A server that froze its objects before it forks keeps them so."""
    gc.freeze()
    frozen = gc.get_freeze_count()
    with without_collections():
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
