"""How a run is done, this time: what does not decide its answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from pipelex_batch.settings import BatchError

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from pipelex_core.client import AsyncClient


@frozen(kw_only=True)
class RunOptions:
    """How a run is done, this time.

    Attributes:
        concurrency: Calls under way at most.
        budget: US$ that the run may cost in all, earlier runs of the same output included; None for as much as it does.
        retry: Whether the rows that failed are called again, and no others.
        changed: What becomes of rows that hold something else than when they were answered: `refuse` the run, or `keep` the
            answers.
        via: `calls`, `provider` for the provider's batch API, or `auto`.
        within: Hours within which the outcomes are wanted, for `auto`; None for at once.
        detach: Whether to end when the batches are at the provider; the same run again collects them.
        poll_s: Seconds before the provider is first asked how far they are.
        engine: `local` for this process, or `ray` for the nodes of a cluster.
        address: Of the cluster, such as `auto`; None for one on this machine, which lives as long as the run.
        workers: Workers on the cluster; None for one for each node, and two at least. Each has `concurrency` calls under way.
        make_client: How a worker makes its client.
    """

    concurrency: int = 16
    budget: Decimal | None = None
    retry: bool = False
    changed: str = "refuse"
    via: str = "calls"
    within: float | None = None
    detach: bool = False
    poll_s: float = 10.0
    engine: str = "local"
    address: str | None = None
    workers: int | None = None
    make_client: Callable[[], AsyncClient] | None = None

    def __attrs_post_init__(self) -> None:
        """Refuse numbers that a run would wait for ever with.

        Raises:
            BatchError: One of them is too small.
        """
        fewest = min(self.concurrency, 1 if self.workers is None else self.workers)
        if fewest < 1:
            msg = f"a run has one call and one worker at least, not {fewest}"
            raise BatchError(msg)
        if self.poll_s <= 0:
            msg = f"a provider is asked after some seconds, not after {self.poll_s:g}"
            raise BatchError(msg)
