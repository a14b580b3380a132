"""How long a retry waits, and whether there is one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipelex_core import RetryPolicy
from pipelex_core.execution.policy import wait_before
from tests.support.properties import PROPERTY

POLICY = RetryPolicy(retries=5)
chances = st.floats(0, 1, exclude_max=True)


@PROPERTY
@given(st.integers(1, 5), chances)
def test_the_back_off_doubles_and_is_random(retry: int, chance: float) -> None:
    """Half a second, one, two, four, eight at most; and of that anything from nothing."""
    longest = [0.5, 1, 2, 4, 8][retry - 1]
    assert wait_before(retry, POLICY, None, lambda: chance) == (longest * chance, "back-off")


@PROPERTY
@given(st.integers(1, 5), st.floats(0, 30), chances)
def test_what_the_provider_asks_for_is_waited(retry: int, requested: float, chance: float) -> None:
    """Never less than it asks for, and little more."""
    wait = wait_before(retry, POLICY, requested, lambda: chance)
    assert wait is not None
    assert requested <= wait[0] <= requested * 1.1
    assert wait[1] == "retry-after"


@PROPERTY
@given(st.integers(1, 10), st.one_of(st.none(), st.floats(0, 1e6)))
def test_there_is_no_retry_beyond_the_number_or_the_cap(retry: int, requested: float | None) -> None:
    """After `retries`, or where the provider asks for more than `longest_retry_after`, nobody waits."""
    expected = retry <= 5 and (requested is None or requested <= 30)
    assert (wait_before(retry, POLICY, requested) is not None) == expected


def test_many_retries_do_not_overflow() -> None:
    """The doubling stops at the cap, however many retries there are."""
    assert wait_before(5000, RetryPolicy(retries=10_000), None, lambda: 1.0) == (8.0, "back-off")
