"""How long to wait before a member is asked again."""

from __future__ import annotations

from random import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelex_core.policies import RetryPolicy

_SPREAD = 0.1
"""How much later than the provider asks for, at most, as a share: so that callers do not all come back at once."""


def wait_before(
    retry: int, policy: RetryPolicy, retry_after: float | None, chance: Callable[[], float] = random
) -> tuple[float, str] | None:
    """Seconds to wait before a retry, counted from 1, and why; None where the member is not asked again.

    The back-off is exponential with full jitter: anything from nothing to twice the one before.

    Args:
        retry: Which retry it would be.
        policy: The member's.
        retry_after: Seconds that the provider asks for, or None.
        chance: A random number from 0 to 1.
    """
    if retry > policy.retries:
        return None
    if retry_after is not None:
        if retry_after > policy.longest_retry_after:
            return None
        return retry_after * (1 + _SPREAD * chance()), "retry-after"
    longest = min(policy.longest_wait, policy.initial_wait * 2.0 ** min(retry - 1, 60))
    return longest * chance(), "back-off"
