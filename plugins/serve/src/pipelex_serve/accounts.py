"""Who calls, whether they may, and what it cost them."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from pipelex_core.costs import cost_of
from pipelex_core.errors import PipelexError
from pipelex_core.results import Usage
from pipelex_limits.bounds import most_cost
from pipelex_serve.keys.key import ANONYMOUS, digest_of, nano, periods, usd
from pipelex_serve.keys.store import Entry, Use
from pipelex_serve.problems import Problem, RefusedError

if TYPE_CHECKING:
    from pipelex_core.execution.attempts import Ledger
    from pipelex_core.execution.plan import Plan
    from pipelex_core.results import Cost
    from pipelex_serve.keys.key import Key
    from pipelex_serve.keys.store import Store

_log = logging.getLogger("pipelex_serve")

_KNOWN_S = 2.0
"""Seconds for which a key is known without asking the store: how long one that was revoked may go on calling."""

_MOST_KNOWN = 10_000
_FLUSH_S = 0.25


class Accounts:
    """The keys of a gateway, and their spend."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._known: dict[str, tuple[float, Key | None]] = {}
        self._open_until = 0.0
        self._is_open = False
        self._uses: dict[tuple[str, str, str, str, str], list[int]] = {}
        self._flushing: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None

    # ── Who calls ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def is_open(self) -> bool:
        """Whether there are no keys, so that everybody may call."""
        now = time.monotonic()
        if now >= self._open_until:
            self._is_open = not any(key.revoked is None for key in await self.store.keys())
            self._open_until = now + _KNOWN_S
        return self._is_open

    async def key_of(self, secret: str | None) -> Key | None:
        """The key of a secret, or None; without keys everybody is `ANONYMOUS`.

        The secret is looked up by its SHA-256: how long that takes says nothing of the secrets that there are.
        """
        if await self.is_open():
            return ANONYMOUS
        if not secret:
            return None
        digest, now = digest_of(secret), time.monotonic()
        known = self._known.get(digest)
        if known is None or known[0] < now:
            found = await self.store.find(digest)
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            known = self._known[digest] = (now + _KNOWN_S, found)
        return known[1]

    # ── Whether they may ──────────────────────────────────────────────────────────────────────────────────────────

    async def enter(self, key: Key, plan: Plan) -> Entry:
        """Let a call in, with the most that it may cost reserved.

        Raises:
            RefusedError: 429: a limit of the key is full, or its budget does not reach.
        """
        day, month, minute = periods(datetime.now(UTC))
        if not key.is_limited:
            return Entry(key=key, nano=0, tokens=0, day=day, month=month, minute=minute)
        most, tokens = _expected(plan, key)
        entry = Entry(key=key, nano=most, tokens=tokens, day=day, month=month, minute=minute)
        if not await self.store.enter(entry):
            raise RefusedError(await self._why(entry))
        return entry

    async def _why(self, entry: Entry) -> Problem:
        key = entry.key
        used = await self.store.standing(key.id, entry.day, entry.month, entry.minute)
        wait = 60.0 - time.time() % 60
        if key.rpm is not None and used.minute_calls >= key.rpm:
            message = f"key '{key.name}' may begin {key.rpm} calls a minute, and has"
            return Problem(status=429, message=message, code="rate_limit_exceeded", retry_after=wait)
        if key.tpm is not None and used.minute_tokens and used.minute_tokens + entry.tokens > key.tpm:
            message = f"key '{key.name}' may use {key.tpm} tokens a minute: {used.minute_tokens} are used, and this call may need {entry.tokens}"
            return Problem(status=429, message=message, code="rate_limit_exceeded", retry_after=wait)
        for budget, spent, period in (
            (key.day_budget, used.day_nano, "day"),
            (key.month_budget, used.month_nano, "month"),
        ):
            if budget is not None and spent + entry.nano > budget:
                message = (
                    f"the budget of key '{key.name}' does not reach: {_usd(budget)} US$ a {period}, of which {_usd(spent)} "
                    f"are spent or reserved, and this call may cost {_usd(entry.nano)}"
                )
                return Problem(status=429, message=message, code="insufficient_quota", retries=False)
        return Problem(
            status=429, message=f"a limit of key '{key.name}' is full", code="rate_limit_exceeded", retry_after=1.0
        )

    # ── What it cost ──────────────────────────────────────────────────────────────────────────────────────────────

    async def settle(self, entry: Entry, handle: str, plan: Plan | None, ledger: Ledger, *, seconds: float) -> int:
        """Write down what a call cost that has ended, however it did.

        Returns:
            Billionths of a US$.
        """
        usage, paid = spent(plan, ledger, entry.nano)
        tokens = (usage.input_tokens or 0) + (usage.output_tokens or 0)
        last = next((attempt for attempt in reversed(ledger.attempts) if attempt.outcome != "skipped"), None)
        self._count(
            Use(
                day=entry.day,
                key=entry.key.name,
                handle=handle,
                model=last.model if last else "",
                backend=last.backend if last else "",
                errors=int(last is None or last.outcome != "ok"),
                input_tokens=usage.input_tokens or 0,
                output_tokens=usage.output_tokens or 0,
                nano=paid,
                millis=round(seconds * 1000),
            )
        )
        try:
            await self.store.settle(entry, paid, tokens)
        except PipelexError:
            _log.exception("a call of key '%s' cost %s US$, which could not be written down", entry.key.name, usd(paid))
        return paid

    def _count(self, use: Use) -> None:
        counts = self._uses.get(use.place)
        if counts is None:
            self._uses[use.place] = list(use.counts)
        else:
            for place, count in enumerate(use.counts):
                counts[place] += count
        if self._flushing is None:
            self._flushing = asyncio.get_running_loop().call_later(_FLUSH_S, self._flush_soon)

    def _flush_soon(self) -> None:
        self._flushing = None
        self._writing = asyncio.get_running_loop().create_task(self.flush())

    async def flush(self) -> None:
        """Write down who used what."""
        uses, self._uses = self._uses, {}
        if not uses:
            return
        listed = [Use.of(place, counts) for place, counts in uses.items()]
        try:
            await self.store.count(listed)
        except PipelexError:
            _log.exception("who used what could not be written down; it is tried again")
            for use in listed:
                self._count(use)

    async def close(self) -> None:
        """Write down what is not written yet, and close the store."""
        if self._flushing is not None:
            self._flushing.cancel()
        if self._writing is not None:
            await self._writing
        await self.flush()
        if self._flushing is not None:
            self._flushing.cancel()
        await self.store.close()


def spent(plan: Plan | None, ledger: Ledger, reserved: int) -> tuple[Usage, int]:
    """What all attempts of a call used, and cost in billionths of a US$.

    Of an attempt that was cut short, what it used is estimated: its prompt, and what it had given. Where a price is unknown,
    an attempt that was reserved for counts with what was reserved, any other with nothing.
    """
    inputs = outputs = 0
    paid = Decimal(0)
    for attempt in ledger.attempts:
        usage, cost = attempt.usage, attempt.cost
        if usage is None and cost is None:
            usage, cost = _estimated(plan, ledger)
        if usage is not None:
            inputs += usage.input_tokens or 0
            outputs += usage.output_tokens or 0
        paid += usd(reserved) if cost is None else cost.amount
    return Usage(input_tokens=inputs, output_tokens=outputs), nano(paid)


def _estimated(plan: Plan | None, ledger: Ledger) -> tuple[Usage | None, Cost | None]:
    from pipelex_core.estimates import tokens_of

    last = ledger.last
    if plan is None or last is None or last.request is None:
        return None, None
    expected = plan.capability.expect(last.request)
    provided = tokens_of("".join(last.text)).likely
    inputs = expected.input_tokens.likely if expected.input_tokens else 0
    usage = Usage(input_tokens=inputs, output_tokens=provided)
    return usage, cost_of(last.spec.costs, usage)


def _expected(plan: Plan, key: Key) -> tuple[int, int]:
    """The most that a call may cost, over the members of its chain, and the tokens that it will likely use.

    Raises:
        RefusedError: Nobody knows what it may cost, and the key has a budget.
    """
    most, tokens = Decimal(0), 0
    for member in plan.members:
        spec = member.spec
        assert spec is not None  # noqa: S101 -- what is in a plan can be called
        expected = plan.capability.expect(plan.build(spec, member.settings, None))
        tokens = max(tokens, expected.tokens)
        if not key.has_budget:
            continue
        cost = most_cost(spec.costs, expected, spec.service_tier)
        if cost is None:
            message = (
                f"what model '{spec.name}' may cost is unknown, so the budget of key '{key.name}' cannot hold it: give the "
                "model prices, and the call a max_tokens"
            )
            raise RefusedError(Problem(status=429, message=message, code="insufficient_quota", retries=False))
        most = max(most, cost)
    return nano(most), tokens


def _usd(nanos: int) -> str:
    return f"{usd(nanos):.6f}".rstrip("0").rstrip(".")
