"""How often a provider is asked again, when a chain moves on, and when a member rests: the defaults, and what is set."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

FallbackOn = Literal["unavailable", "provider", "any"]

FALLBACK_ON: tuple[FallbackOn, ...] = ("unavailable", "provider", "any")
"""What `fallback_on` may be."""

OnInterrupted = Literal["error", "restart"]


@frozen(kw_only=True)
class RetryPolicy:
    """When a member of a chain is asked again, and when the next one is asked instead.

    Asked again is only for what may pass on its own: no connection, a timeout, 408, 429, 5xx. A member is asked again
    when no other is left to be asked at once.

    Attributes:
        retries: How often after the first time.
        initial_wait: Seconds before the first retry; twice that before the second, and so on. The wait is random, up to
            this much.
        longest_wait: Most seconds before any retry.
        longest_retry_after: Most seconds that are waited because the provider asks for it (`Retry-After`); where it asks
            for more, it is not asked again.
        fallback_on: What lets a chain move on: `unavailable`, the provider cannot answer, now or until somebody mends it
            (rate limit, 5xx, key, permission, unknown model, no proper answer); `provider`, also too long an input, a
            plugin's fault, an object that fits its type no better after its repair, and what may have been paid already;
            `any`, also what says that the request is wrong.
    """

    retries: int = 2
    initial_wait: float = 0.5
    longest_wait: float = 8.0
    longest_retry_after: float = 30.0
    fallback_on: FallbackOn = "unavailable"


@frozen(kw_only=True)
class CooldownPolicy:
    """When a member that keeps failing is passed over while another one can answer.

    Attributes:
        failures: How many failures in a row make it rest; 0 for never.
        seconds: How long it rests; then one call tries whether it answers again.
    """

    failures: int = 3
    seconds: float = 30.0


RETRY = RetryPolicy()
COOLDOWN = CooldownPolicy()
