"""Everything that can be known to be wrong before a call is paid: of each row, with its number."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from attrs import define, field

from pipelex_batch.jobs import JobMaker, common_arguments
from pipelex_batch.report import counted
from pipelex_batch.settings import BatchError
from pipelex_batch.templates import BadRowError
from pipelex_core.errors import PipelexError
from pipelex_core.estimates import tokens_of
from pipelex_core.execution.plan import make_plan

if TYPE_CHECKING:
    from pipelex_batch.jobs import RowJob
    from pipelex_batch.rows import Row
    from pipelex_batch.settings import BatchSettings
    from pipelex_core.deck import ModelDeck
    from pipelex_core.execution.plan import Plan
    from pipelex_core.objects import ObjectType

_TERMS = frozenset({"type", "deadline", "idle_timeout", "retries", "fallback_on"})
SHOWN = 20
"""How many faults a message names."""
_RANGES = 5


@define
class Faults:
    """The rows that cannot be called.

    Attributes:
        count: How many there are.
    """

    count: int = 0
    _numbers: dict[str, list[list[int]]] = field(factory=dict)
    _counts: Counter[str] = field(factory=Counter)

    def add(self, number: int, fault: str) -> None:
        """Add one; those with the same fault are named together."""
        self.count += 1
        if fault in self._numbers or len(self._numbers) < SHOWN:
            self._counts[fault] += 1
            ranges = self._numbers.setdefault(fault, [])
            if ranges and ranges[-1][1] == number - 1:
                ranges[-1][1] = number
            elif len(ranges) <= _RANGES:
                ranges.append([number, number])

    @property
    def first(self) -> list[str]:
        """The first faults, each with its rows."""
        return [f"{self._rows(fault)}: {fault}" for fault in self._numbers]

    def _rows(self, fault: str) -> str:
        count, ranges = self._counts[fault], self._numbers[fault][:_RANGES]
        named = ", ".join(f"{start}" if start == last else f"{start}-{last}" for start, last in ranges)
        others = count - sum(last - start + 1 for start, last in ranges)
        return f"row {named}" if count == 1 else f"rows {named}{f' and {others} more' if others else ''}"

    def describe(self) -> str:
        """Name the first ones."""
        others = self.count - sum(self._counts.values())
        return "\n".join(self.first) + (f"\n… and {others} more" if others else "")


class Checker:
    """Checks rows against the deck; handles are resolved once.

    Attributes:
        maker: Makes their calls.
        arguments: Those of every call.
        kind: The type of the objects, or None.
    """

    def __init__(self, settings: BatchSettings, deck: ModelDeck) -> None:
        self.maker = JobMaker(settings, deck.capabilities)
        self.arguments = common_arguments(settings)
        self._settings = settings
        self._deck = deck
        self._windows: dict[str, int | None] = {}
        self._operation = next(
            (each for each in self.maker.capability.operations if each.name == settings.called),
            self.maker.capability.operations[0],
        )
        self.kind: ObjectType[Any] | None = None
        if "type" in self.arguments:
            from pipelex_core.objects import object_type

            self.kind = object_type(self.arguments["type"])

    def job(self, row: Row) -> RowJob:
        """The call of a row, checked.

        Raises:
            BadRowError: It would be refused.
        """
        job = self.maker.make(row)
        own = {**self.arguments, **job.arguments}
        handle = own.pop("model", self._settings.model)
        known = str(handle)
        try:
            if known not in self._windows:
                self._windows[known] = self._window(self.plan(job))
            elif not self.maker.capability.settings.keys().isdisjoint(job.arguments):
                self.plan(job)
            else:
                self._read(job.source, own)
            window = self._windows[known]
        except PipelexError as error:
            raise BadRowError(getattr(error, "message", None) or str(error)) from None
        if window is not None and isinstance(job.source, str) and len(job.source) > window:
            tokens = tokens_of(job.source).low
            if tokens > window:
                msg = f"it is too long: at least {tokens} tokens, and model '{known}' takes {window}"
                raise BadRowError(msg)
        return job

    def plan(self, job: RowJob) -> Plan:
        """What the call of a row is to do; its files are read.

        Raises:
            PipelexError: It would be refused.
        """
        own = {**self.arguments, **job.arguments}
        handle = own.pop("model", self._settings.model)
        what = self._read(job.source, own)
        beside = self._beside(own)
        settings = {name: value for name, value in own.items() if name not in beside and name not in _TERMS}
        return make_plan(
            self._deck,
            self.maker.capability,
            what,
            operation=self._operation,
            handle=handle,
            settings=settings,
        )

    def _read(self, source: Any, own: dict[str, Any]) -> Any:
        kind = {"kind": self.kind} if "type" in own else {}
        return self.maker.capability.read(source, **self._beside(own), **kind)

    def _beside(self, own: dict[str, Any]) -> dict[str, Any]:
        return {name: own[name] for name in self.maker.capability.arguments if name in own}

    @staticmethod
    def _window(plan: Plan) -> int | None:
        """The most input tokens that a member takes, where all say; raises where none takes the request."""
        refused = None
        windows: list[int | None] = []
        for member in plan.members:
            assert member.spec is not None  # noqa: S101 -- only available members are in a plan
            try:
                plan.build(member.spec, member.settings, None)
            except PipelexError as error:
                refused = refused or error
            else:
                windows.append(member.spec.context_window)
        if refused is not None and not windows:
            raise refused
        return None if None in windows else max(window for window in windows if window is not None)


def refuse(faults: Faults) -> None:
    """Refuse a run with such rows.

    Raises:
        BatchError: There are some.
    """
    if faults.count:
        msg = f"{counted(faults.count)} cannot be called; nothing was sent (--skip-bad writes them as failed, and calls the others):\n{faults.describe()}"
        raise BatchError(msg)
