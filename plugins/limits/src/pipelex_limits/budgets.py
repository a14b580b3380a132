"""Budgets: what calls may cost together, held before each request is sent and not only seen afterwards.

A request first reserves the most it may cost, and is refused where that does not fit into what is left; when it has ended,
what it really cost takes the reservation's place. So a budget holds across retries, fallbacks and calls at the same time. An
answer that was paid for is always handed out, even where it cost more than was reserved.
"""

from __future__ import annotations

import threading
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Self

from pipelex_core.budgets import open_budgets
from pipelex_core.errors import BudgetExceededError, UnsupportedInputError
from pipelex_core.runtime.forks import after_fork
from pipelex_limits.bounds import most_cost

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from types import TracebackType

    from pipelex_core.budgets import Unknown
    from pipelex_core.execution.attempts import Attempting

_ZERO = Decimal(0)


class _Lock:
    """The lock of all budgets, so that a request reserves in several of them at once, or in none."""

    def __init__(self) -> None:
        self.lock = threading.Lock()

    def forked(self) -> None:
        """In a forked child: it may have been held."""
        self.lock = threading.Lock()


_LOCK = _Lock()
after_fork(_LOCK)


class Budget:
    """See `pipelex_core.budgets.Budget`."""

    def __init__(self, usd: Decimal | float | str, *, unknown: Unknown = "refuse", owner: object = None) -> None:
        self._limit = _amount(usd)
        if unknown not in {"refuse", "allow"}:
            raise UnsupportedInputError(f"unknown is 'refuse' or 'allow', not {unknown!r}")
        self._allows_unknown = unknown == "allow"
        self._owner = owner
        self._spent = self._reserved = self._estimated = _ZERO
        self._unpriced = 0

    @property
    def limit(self) -> Decimal:
        """What the calls may cost together."""
        return self._limit

    @property
    def spent(self) -> Decimal:
        """What has been paid, failed attempts included."""
        return self._spent

    @property
    def estimated(self) -> Decimal:
        """The part of `spent` that nobody reported: the most that attempts may have cost which broke off or reported nothing."""
        return self._estimated

    @property
    def reserved(self) -> Decimal:
        """The most that the requests under way may cost."""
        return self._reserved

    @property
    def remaining(self) -> Decimal:
        """What is neither spent nor reserved; never below zero."""
        return max(self._limit - self._spent - self._reserved, _ZERO)

    @property
    def unpriced(self) -> int:
        """Attempts whose cost is unknown and counts as nothing, where `unknown="allow"` let them through."""
        return self._unpriced

    def check(self, most: Decimal | None, model: str) -> None:
        """Whether a request fits that may cost so much, or nobody knows what.

        Raises:
            BudgetExceededError: It does not.
        """
        rest = self.remaining
        if most is None:
            if not self._allows_unknown:
                raise BudgetExceededError(
                    f"what model '{model}' may cost is unknown, so no budget can hold it: give it prices and the call a "
                    "max_tokens, or the budget unknown='allow'"
                )
            if rest <= 0:
                raise BudgetExceededError(f"nothing is left of the budget of {_shown(self._limit)} US$")
        elif most > rest:
            raise BudgetExceededError(
                f"a request to model '{model}' may cost {_shown(most)} US$, and of the budget of {_shown(self._limit)} US$ "
                f"{_shown(rest)} US$ are left"
            )

    def hold(self, most: Decimal | None) -> None:
        """Reserve what a request may cost."""
        self._reserved += most or _ZERO

    def settle(self, most: Decimal | None, paid: Decimal | None) -> None:
        """A request that held so much has ended; `paid` is None where nobody knows."""
        self._reserved -= most or _ZERO
        if paid is not None:
            self._spent += paid
        elif most is not None:
            self._spent += most
            self._estimated += most
        else:
            self._unpriced += 1

    def counts_for(self, owner: object) -> bool:
        """Whether it counts the calls of this client."""
        return self._owner is owner

    def __repr__(self) -> str:
        return f"Budget(limit={self._limit}, spent={self._spent}, reserved={self._reserved})"

    def __enter__(self) -> Self:
        open_budgets.set((*open_budgets.get(), self))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        opened = list(open_budgets.get())
        if self in opened:
            del opened[len(opened) - 1 - opened[::-1].index(self)]
        open_budgets.set(tuple(opened))


class Budgeted:
    """One attempt that counts in budgets.

    It reserves the most that it may cost before it waits, so that what waits is not promised to others; once it has ended,
    what it did cost is spent.
    """

    def __init__(self, attempting: Attempting, admitted: AbstractAsyncContextManager[Any] | None) -> None:
        self._attempting = attempting
        self._admitted = admitted
        self._budgets: tuple[Any, ...] = attempting.budgets
        self._most: Decimal | None = None

    def reserve(self) -> None:
        """Reserve in every budget, or in none.

        Raises:
            BudgetExceededError: One of them does not reach, or the cost is unknown and may not be.
        """
        attempting = self._attempting
        request = attempting.request
        assert request is not None  # noqa: S101 -- an admission is entered with what is about to be sent
        self._most = most_cost(request.spec.costs, attempting.capability.expect(request))
        with _LOCK.lock:
            for budget in self._budgets:
                budget.check(self._most, request.spec.name)
            for budget in self._budgets:
                budget.hold(self._most)

    async def __aenter__(self) -> None:
        self.reserve()
        if self._admitted is not None:
            try:
                await self._admitted.__aenter__()
            except BaseException as error:
                self.settle(error)
                raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.settle(error)
        if self._admitted is not None:
            await self._admitted.__aexit__(kind, error, traceback)

    def settle(self, error: BaseException | None) -> None:
        """Spend what the attempt cost, which has ended with this error or well."""
        attempting = self._attempting
        cost = attempting.cost
        paid = None if cost is None else cost.amount
        if paid is None and attempting.was_turned_away(error):
            paid = Decimal(0)
        with _LOCK.lock:
            for budget in self._budgets:
                budget.settle(self._most, paid)


def _shown(amount: Decimal) -> str:
    return f"{amount:.6f}".rstrip("0").rstrip(".")


def _amount(usd: Decimal | float | str) -> Decimal:
    value: object = usd
    if isinstance(value, (int, float, str, Decimal)) and not isinstance(value, bool):
        try:
            amount = Decimal(str(value))
        except InvalidOperation:
            amount = Decimal("nan")
        if amount.is_finite() and amount >= 0:
            return amount
    raise UnsupportedInputError(f"a budget is an amount of US$, 0 or more, not {value!r}")
