"""A virtual key."""

from __future__ import annotations

import hashlib
import secrets
from decimal import Decimal
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from datetime import datetime

PREFIX = "pplx-"
NANO = 1_000_000_000
"""Money is counted in whole billionths of a US$: exact in every store, and finer than the price of a token."""


@frozen(kw_only=True)
class Key:
    """A key, without the secret: that is shown once, when it is made, and only its digest is kept.

    Attributes:
        id: Names it in the store; unique for ever.
        name: What people call it; unique among the keys that are not revoked.
        digest: SHA-256 of the secret, in hexadecimal. The secret has 256 random bits, so that needs no salt.
        handles: The handles that it may call; empty for all.
        day_budget: Billionths of a US$ that its calls of a day (UTC) may cost, or None.
        month_budget: The same of a month.
        rpm: Calls that it may begin in a minute, or None.
        tpm: Tokens that it may use in a minute, or None.
        is_admin: Whether it may see the page and the metrics.
        created: When it was made, ISO 8601.
        revoked: When it was revoked, or None.
    """

    id: str
    name: str
    digest: str
    handles: tuple[str, ...] = ()
    day_budget: int | None = None
    month_budget: int | None = None
    rpm: int | None = None
    tpm: int | None = None
    is_admin: bool = False
    created: str = ""
    revoked: str | None = None

    @property
    def is_limited(self) -> bool:
        """Whether a call has to be let in before it begins."""
        return not (self.day_budget is None is self.month_budget is self.rpm is self.tpm)

    @property
    def has_budget(self) -> bool:
        """Whether the money that a call may cost is reserved before it begins."""
        return self.day_budget is not None or self.month_budget is not None

    def may_call(self, handle: str) -> bool:
        """Whether it may call a handle."""
        return not self.handles or handle in self.handles


ANONYMOUS = Key(id="anonymous", name="anonymous", digest="")
"""Everybody, where there are no keys."""


def new_secret() -> str:
    """A secret of 256 random bits."""
    return PREFIX + secrets.token_urlsafe(32)


def digest_of(secret: str) -> str:
    """What is kept of a secret, and what a key is looked up by: no comparison that takes time by what it compares."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def nano(usd: Decimal) -> int:
    """US$ in billionths, rounded up: a budget is never exceeded by rounding."""
    return int((usd * NANO).to_integral_value(rounding="ROUND_CEILING"))


def usd(nanos: int) -> Decimal:
    """Billionths as US$."""
    return Decimal(nanos) / NANO


def periods(now: datetime) -> tuple[str, str, int]:
    """The day, the month and the minute of a moment in UTC, as spend is counted by."""
    return now.strftime("%Y-%m-%d"), now.strftime("%Y-%m"), int(now.timestamp()) // 60
