"""Which test proves which cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from attrs import frozen

from tests.conformance.provider import COLUMNS
from tests.conformance.rows import ROWS

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from tests.conformance.provider import Column, Provider

Test = TypeVar("Test", bound="Callable[..., Any]")


@frozen
class Cell:
    """A cell of the table, and the test that proves it."""

    provider: str
    column: Column
    test: str


def proves(column: Column) -> Callable[[Test], Test]:
    """Run a test for every provider that has this column; the test's name stands in their cells."""
    rows = [pytest.param(row, id=row.name) for row in ROWS if column in row.cells]

    def mark(test: Test) -> Test:
        test.proves = column  # type: ignore[attr-defined]  # read by `proven`
        parametrized: Test = pytest.mark.parametrize("provider", rows)(test)
        return parametrized

    return mark


def empty_cells() -> list[tuple[Provider, Column]]:
    """What a provider does not do."""
    return [(row, column) for row in ROWS for column in COLUMNS if column not in row.cells]


def proven(module: ModuleType) -> list[Cell]:
    """The cells that a module's tests prove."""
    return [
        Cell(row.id, test.proves, f"{name}[{row.id}]")
        for name, test in vars(module).items()
        if name.startswith("test_") and hasattr(test, "proves")
        for mark in test.pytestmark
        for row in mark.args[1]
    ]
