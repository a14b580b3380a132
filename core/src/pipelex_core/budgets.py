"""Budgets: what calls may cost together. A distribution of its own keeps them, which every backend brings."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

from pipelex_core.first_party import LIMITER, brought

if TYPE_CHECKING:
    from decimal import Decimal
    from types import TracebackType

Unknown = Literal["refuse", "allow"]

GROUP = "pipelex_core.budgets"
"""The entry point of the module that keeps budgets."""

open_budgets: ContextVar[tuple[Budget, ...]] = ContextVar("pipelex_core_budgets", default=())
"""The budgets whose blocks are open here and now, the outermost first."""


class Budget(Protocol):
    """Money for calls, in US$.

    As a context manager it counts the calls that are begun inside, by the client that made it; it may be entered again, in
    another thread too, and goes on counting. Budgets may be nested: a call counts in all of them.

    Attributes:
        limit: What the calls may cost together.
        spent: What has been paid, failed attempts included.
        estimated: The part of `spent` that nobody reported: the most that attempts may have cost which broke off or reported
            nothing.
        reserved: The most that the requests under way may cost.
        remaining: What is neither spent nor reserved; never below zero.
        unpriced: Attempts whose cost is unknown and counts as nothing, where `unknown="allow"` let them through.
    """

    @property
    def limit(self) -> Decimal:
        """What the calls may cost together."""

    @property
    def spent(self) -> Decimal:
        """What has been paid, failed attempts included."""

    @property
    def estimated(self) -> Decimal:
        """The part of `spent` that nobody reported: the most that attempts may have cost which broke off or reported nothing."""

    @property
    def reserved(self) -> Decimal:
        """The most that the requests under way may cost."""

    @property
    def remaining(self) -> Decimal:
        """What is neither spent nor reserved; never below zero."""

    @property
    def unpriced(self) -> int:
        """Attempts whose cost is unknown and counts as nothing, where `unknown="allow"` let them through."""

    def counts_for(self, owner: object) -> bool:
        """Whether it counts the calls of this client."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


def keeping() -> Any:
    """Import what keeps budgets.

    Raises:
        PluginError: It is not installed.
    """
    return brought(GROUP, LIMITER, "budgets come with a distribution that is not installed")


def budgets_of(owner: object) -> tuple[Budget, ...]:
    """The budgets, open here and now, that a call counts in which a client begins."""
    return tuple(dict.fromkeys(budget for budget in open_budgets.get() if budget.counts_for(owner)))
