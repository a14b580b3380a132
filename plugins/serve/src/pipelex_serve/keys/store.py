"""What keeps keys and spend, and holds budgets: one interface, over SQLite, PostgreSQL and Redis."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

    from pipelex_serve.keys.key import Key


@frozen(kw_only=True)
class Entry:
    """A call that is about to begin.

    Attributes:
        key: Whose it is.
        nano: The most that it may cost, in billionths of a US$.
        tokens: Tokens that it will likely use.
        day: The day that it counts in.
        month: Its month.
        minute: Its minute.
    """

    key: Key
    nano: int
    tokens: int
    day: str
    month: str
    minute: int


@frozen(kw_only=True)
class Standing:
    """What a key has used so far, in the periods that run.

    Attributes:
        day_nano: Spent and reserved today, billionths of a US$.
        month_nano: The same of this month.
        minute_calls: Calls begun in this minute.
        minute_tokens: Tokens of this minute.
        total_nano: Spent ever.
        calls: Calls ever.
    """

    day_nano: int = 0
    month_nano: int = 0
    minute_calls: int = 0
    minute_tokens: int = 0
    total_nano: int = 0
    calls: int = 0


@frozen(kw_only=True)
class Use:
    """What calls of one key used, of one handle, model and backend, in one day.

    Attributes:
        day: The day, UTC.
        key: Name of the key.
        handle: What was asked for.
        model: Who answered; empty where nobody did.
        backend: Its backend.
        calls: How many.
        errors: How many of them failed.
        input_tokens: Tokens.
        output_tokens: Tokens.
        nano: Billionths of a US$.
        millis: Milliseconds, all together.
    """

    day: str
    key: str
    handle: str
    model: str
    backend: str
    calls: int = 1
    errors: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    nano: int = 0
    millis: int = 0

    @classmethod
    def of(cls, place: Sequence[str], counts: Sequence[int]) -> Self:
        """Made of what `place` and `counts` give."""
        day, key, handle, model, backend = place
        calls, errors, inputs, outputs, nano, millis = counts
        return cls(
            day=day,
            key=key,
            handle=handle,
            model=model,
            backend=backend,
            calls=calls,
            errors=errors,
            input_tokens=inputs,
            output_tokens=outputs,
            nano=nano,
            millis=millis,
        )

    @property
    def place(self) -> tuple[str, str, str, str, str]:
        """What it is counted under."""
        return self.day, self.key, self.handle, self.model, self.backend

    @property
    def counts(self) -> tuple[int, int, int, int, int, int]:
        """What is counted."""
        return self.calls, self.errors, self.input_tokens, self.output_tokens, self.nano, self.millis


class Store(ABC):
    """Keeps keys and spend.

    What a call may cost is spent when it is let in, and what it did not cost is given back when it has ended. So a process
    that is killed forgets nothing: what its calls had reserved stays spent, because the provider may have worked for it.

    Attributes:
        is_shared: Whether other machines use it too: it then has `put` and `texts`.
    """

    is_shared: ClassVar[bool] = False

    @abstractmethod
    async def open(self) -> None:
        """Make ready, in the running loop."""

    @abstractmethod
    async def close(self) -> None:
        """Close what is open."""

    @abstractmethod
    async def add(self, key: Key) -> bool:
        """Keep a key; False where another one that is not revoked has its name."""

    @abstractmethod
    async def revoke(self, name: str, when: str) -> bool:
        """Revoke the key of a name; False where there is none."""

    @abstractmethod
    async def keys(self) -> list[Key]:
        """All keys, also the revoked ones."""

    @abstractmethod
    async def find(self, digest: str) -> Key | None:
        """The key with this digest that is not revoked; None where there is none."""

    @abstractmethod
    async def enter(self, entry: Entry) -> bool:
        """Let a call in and count it, in one step that no other process can come between; False where a limit is full."""

    @abstractmethod
    async def settle(self, entry: Entry, nano: int, tokens: int) -> None:
        """A call has ended which cost and used this: it takes the place of what was reserved.

        It is also for calls that were never let in, because their key has no limits; their `entry` reserves nothing.
        """

    @abstractmethod
    async def standing(self, key_id: str, day: str, month: str, minute: int) -> Standing:
        """What a key has used."""

    @abstractmethod
    async def count(self, uses: Sequence[Use]) -> None:
        """Add what was used to the table of who used what."""

    @abstractmethod
    async def uses(self, since: str) -> list[Use]:
        """The table, from a day on."""

    @abstractmethod
    async def secret(self, name: str, fresh: str) -> str:
        """A value that all processes share: that which is kept under this name, or else the fresh one, kept from now on."""

    async def put(self, owner: str, texts: Mapping[str, str], seconds: int) -> None:
        """Keep texts by their owner and name, for so long."""
        raise NotImplementedError

    async def texts(self, owner: str, names: Sequence[str]) -> dict[str, str]:
        """Those of the names that are kept still."""
        raise NotImplementedError
