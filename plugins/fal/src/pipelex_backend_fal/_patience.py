"""Asking again for what was paid for already: polls and fetches change nothing, so a hiccup must not lose an image."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from pipelex_core.errors import CallError, OverloadedError, ProviderConnectionError, RateLimitError, ServerError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")

PAUSES = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Seconds before each further try."""


def may_pass(error: CallError) -> bool:
    """Whether an error may be gone a moment later."""
    return isinstance(error, (ProviderConnectionError, RateLimitError, OverloadedError, ServerError))


async def patiently(ask: Callable[[], Awaitable[T]], *, passing: Callable[[CallError], bool] = may_pass) -> T:
    """The answer, asked for again after a passing error; the last error where there are too many in a row."""
    for pause in PAUSES:
        try:
            return await ask()
        except CallError as error:
            if not passing(error):
                raise
            await asyncio.sleep(max(pause, error.retry_after or 0.0))
    return await ask()
