"""How a run ended, or how far it is: for people, and as JSON."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from pipelex_batch.open_batches import open_batches
from pipelex_core.plain import Plain

if TYPE_CHECKING:
    from pathlib import Path

    from pipelex_batch.standing import Standing


@frozen(kw_only=True)
class Repeated(Plain):
    """Calls that were under way when a process was killed, and were made once more.

    Attributes:
        calls: How many.
        cost: What they may have cost besides: the price of their repetitions.
        rows: Their rows.
    """

    calls: int
    cost: Decimal
    rows: tuple[int, ...]


@frozen(kw_only=True)
class Report(Plain):
    """How far a run is.

    Attributes:
        output: The output.
        state: `finished` where every row has an outcome; `interrupted` where its process ended before; `stopped` with a `reason`.
        rows: Rows of the input, or None where they have not been counted.
        done: Rows with an answer.
        failed: Rows with an error.
        cost: What the outcomes cost together, US$.
        unpriced: Outcomes whose cost is unknown.
        errors: Class of errors -> rows.
        models: Model -> rows and cost.
        repeated: Calls that may have been paid twice.
        in_flight: Calls that are under way, or were when the process ended.
        reason: Why it stopped, or None.
        batches: Of each batch at a provider, its id, model, rows and when it was submitted.
    """

    output: str
    state: str
    rows: int | None
    done: int
    failed: int
    cost: Decimal
    unpriced: int
    repeated: Repeated
    in_flight: int = 0
    errors: dict[str, int] = field(factory=dict)
    models: dict[str, dict[str, Any]] = field(factory=dict)
    reason: str | None = None
    batches: tuple[dict[str, Any], ...] = ()

    @property
    def is_fine(self) -> bool:
        """Whether every row has an answer."""
        return self.state == "finished" and not self.failed

    def to_dict(self) -> dict[str, Any]:
        """Write it as plain data; the cost is an amount with its currency."""
        plain = super().to_dict()
        plain["cost"] = {"amount": f"{self.cost:f}", "currency": "USD"}
        return plain

    def lines(self) -> list[str]:
        """Describe it to people."""
        of = "" if self.rows is None else f" of {self.rows}"
        lines = [
            f"{self.output}: {self.state}; {self.done + self.failed}{of} rows, {self.failed} failed; {shown(self.cost)} US$"
        ]
        if self.unpriced:
            lines[0] += f" and {counted(self.unpriced)} of unknown cost"
        if self.reason:
            lines.append(f"  {self.reason}")
        for model, totals in sorted(self.models.items()):
            lines.append(f"  {model}: {counted(totals['rows'])}, {shown(Decimal(totals['cost']))} US$")
        lines += [
            f"  batch {each['id'] or 'of unknown id'} of {each['model']}: {counted(each['rows'])}, since {each['at']}"
            for each in self.batches
        ]
        for name, count in sorted(self.errors.items()):
            lines.append(f"  {name}: {counted(count)}")
        if self.failed and self.state != "running":
            lines.append(
                f"  `pipelex batch results {self.output} --failed` shows what failed; `pipelex batch retry {self.output}` calls "
                "for it again"
            )
        if self.repeated.calls:
            lines.append(
                f"  {self.repeated.calls} calls were under way when a process ended, and were made again: they may have cost up to "
                f"{shown(self.repeated.cost)} US$ more"
            )
        if self.state == "interrupted" and self.in_flight:
            lines.append(f"  {self.in_flight} calls were under way; the same command goes on, and makes them again")
        return lines


def report_of(output: Path, standing: Standing, *, state: str, rows: int | None, reason: str | None = None) -> Report:
    """Make the report of a run."""
    repeated = standing.repeated
    return Report(
        output=str(output),
        state=state,
        rows=rows,
        done=standing.done,
        failed=standing.failed,
        cost=standing.spent,
        unpriced=standing.unpriced,
        errors=dict(standing.errors),
        models={name: {"rows": rows, "cost": f"{cost:f}"} for name, (rows, cost) in standing.models.items()},
        repeated=Repeated(
            calls=sum(repeated.values()), cost=standing.repeated_cost, rows=tuple(sorted(repeated.elements()))
        ),
        in_flight=0 if state == "finished" else len(standing.in_flight),
        reason=reason,
        batches=tuple(
            {
                "id": each.id,
                "model": each.model,
                "rows": sum(last - first + 1 for first, last in each.rows),
                "at": each.at,
            }
            for each in open_batches(standing.batches).values()
        ),
    )


def counted(count: int) -> str:
    """So many rows."""
    return "1 row" if count == 1 else f"{count} rows"


def shown(amount: Decimal) -> str:
    """An amount without needless zeros."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
