"""One call on its way through the library: let in, asked, written down, however it ends."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Self

from pipelex_core.execution.attempts import Ledger
from pipelex_serve.keys.key import usd
from pipelex_serve.problems import refuse

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator
    from types import TracebackType

    from pipelex_core.execution.plan import Plan
    from pipelex_core.results import Result, TextResult
    from pipelex_serve.exchange import Exchange
    from pipelex_serve.gateway import Gateway
    from pipelex_serve.keys.store import Entry


class Running:
    """A call, as an asynchronous context: what it cost is written down when the block ends.

    Attributes:
        result: What the library gave, once it has.
    """

    def __init__(self, gateway: Gateway, exchange: Exchange, handle: str, plan: Plan, what: Any = None) -> None:
        self._gateway = gateway
        self._exchange = exchange
        self._handle = handle
        self._plan = plan
        self._what = what
        self._ledger = Ledger()
        self._deck = gateway.decks.current
        self._entry: Entry | None = None
        self._started = time.monotonic()
        self.result: Any = None

    async def __aenter__(self) -> Self:
        key = self._exchange.key
        assert key is not None  # noqa: S101 -- the gate let it in
        self._entry = await self._gateway.accounts.enter(key, self._plan)
        self._started = time.monotonic()
        self._deck.begin()
        return self

    async def ask(self) -> Any:
        """The whole answer."""
        self.result = await self._deck.execution.ask(self._plan, self._what, self._ledger)
        return self.result

    def stream(self) -> AsyncGenerator[Any, None]:
        """The pieces of a stream, and last its result; whoever has read them all sets `result`."""
        return self._deck.execution.stream(self._plan, self._ledger)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._entry is not None  # noqa: S101 -- it was entered
        seconds = time.monotonic() - self._started
        try:
            paid = await self._gateway.accounts.settle(
                self._entry, self._handle, self._plan, self._ledger, seconds=seconds
            )
        finally:
            await self._deck.end()
        self._exchange.notes.update(
            handle=self._handle, attempts=len(self._ledger.attempts), cost=usd(paid), call_seconds=seconds
        )
        result: Result | None = self.result
        if result is not None:
            self._exchange.notes.update(model=result.model, backend=result.backend)
            self._exchange.notes.update(input=result.usage.input_tokens, output=result.usage.output_tokens)

    def headers(self) -> Iterator[tuple[bytes, bytes]]:
        """Headers that say who answered, for how much, and after how many attempts."""
        result: TextResult = self.result
        yield b"x-pipelex-model", _header(result.model)
        yield b"x-pipelex-backend", _header(result.backend)
        yield b"x-pipelex-attempts", str(len(result.attempts)).encode("ascii")
        if result.cost is not None:
            yield b"x-pipelex-cost", f"{result.cost.amount:f}".encode("ascii")


def check_handle(exchange: Exchange, handle: str) -> None:
    """Refuse a handle that the key may not call.

    Raises:
        RefusedError: 403.
    """
    key = exchange.key
    if key is not None and not key.may_call(handle):
        msg = f"key '{key.name}' may not call '{handle:.100}'; it may call {', '.join(key.handles)}"
        raise refuse(403, msg, code="model_not_allowed", param="model")


def _header(text: str) -> bytes:
    return text.encode("ascii", "replace").replace(b"\n", b"?").replace(b"\r", b"?")
