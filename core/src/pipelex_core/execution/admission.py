"""The seam between an attempt and its request: what may hold a request back, and learns afterwards what it used.

An admission is innermost, inside the middlewares: a call that a middleware answers by itself (a cache) neither
waits nor counts. Nothing is configured: there is nothing to enter, and a call takes no more steps than without this module.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, TypeAlias

from pipelex_core.budgets import keeping
from pipelex_core.execution.attempts import Attempting
from pipelex_core.first_party import LIMITER, brought

if TYPE_CHECKING:
    from pipelex_core.deck import ModelDeck
    from pipelex_core.plugins import Plugins

Admission: TypeAlias = Callable[[Attempting], AbstractAsyncContextManager[Any] | None]
"""Lets one attempt in; None where nothing holds it back. Entered before the request is sent, and left when its answer, its error or its cancellation is here.

On entering, `attempting.request` is what is about to be sent and `attempting.ends_at` when the caller's time is over
(monotonic). It may wait, and tells `attempting.waited(seconds, reason)`; the deadline and a caller who gives up cancel it
like anything that is awaited, so it must free what it took. What it raises is a `CallError`, in the ledger as this
attempt's: one of those that say "cannot now" (a `RateLimitError` with `retry_after`) moves on to the next member of a
chain, any other ends the call. Nothing has been sent then: `attempting.sent` is False.

On leaving, `attempting.usage` and `attempting.cost` are what the provider reported, also of an attempt that failed; None
where it reported nothing. For a stream it may be left in another task than it was entered in.
"""


class Admissions:
    """What the requests of one client pass: the budgets of the call, and the limits of the backend and the model."""

    def __init__(self, deck: ModelDeck, plugins: Plugins) -> None:
        self._limiter: Any = None
        if _is_limited(deck):
            limiter_of = brought(
                "pipelex_core.limits", LIMITER, "limits come with a distribution that is not installed"
            )
            self._limiter = limiter_of(deck, plugins)

    def __call__(self, attempting: Attempting) -> AbstractAsyncContextManager[Any] | None:
        """See `Admission`."""
        admitted = None if self._limiter is None else self._limiter(attempting)
        if not attempting.budgets:
            return admitted
        budgeted: AbstractAsyncContextManager[Any] = keeping().Budgeted(attempting, admitted)
        return budgeted

    async def close(self) -> None:
        """Close what was opened in the running loop."""
        if self._limiter is not None:
            await self._limiter.close()


def _is_limited(deck: ModelDeck) -> bool:
    return any(config.limits for config in deck.backends.values()) or any(
        entry.spec is not None and entry.spec.limits for entry in deck.models.values()
    )
