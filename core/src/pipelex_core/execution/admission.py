"""The seam between an attempt and its request: what may hold a request back, and learns afterwards what it used.

An admission stands innermost, inside the middlewares: a call that a middleware answers by itself (a cache) neither
waits nor counts. Nothing is configured: there is no admission, and the way of a call is as short as without this module.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, TypeAlias

from pipelex_core.execution.attempts import Attempting

if TYPE_CHECKING:
    from pipelex_core.deck import ModelDeck

Admission: TypeAlias = Callable[[Attempting], AbstractAsyncContextManager[Any]]
"""Lets one attempt in. Entered before the request is sent, and left when its answer, its error or its cancellation is here.

On entering, `attempting.request` is what is about to be sent and `attempting.ends_at` when the caller's time is over
(monotonic). It may wait, and tells `attempting.waited(seconds, reason)`; the deadline and a caller who gives up cancel it
like anything that is awaited, so it must free what it took. What it raises is a `CallError`, in the ledger as this
attempt's: one of those that say "cannot now" (a `RateLimitError` with `retry_after`) moves on to the next member of a
chain, any other ends the call. Nothing has been sent then: `attempting.sent` is False.

On leaving, `attempting.usage` and `attempting.cost` are what the provider reported, also of an attempt that failed; None
where it reported nothing. For a stream it may be left in another task than it was entered in.
"""


def admission_of(deck: ModelDeck) -> Admission | None:  # noqa: ARG001 -- limits are read from its backends
    """What the requests of a deck's models pass; None where nothing holds them back."""
    return None
