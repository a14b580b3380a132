"""docs/providers.md, written from the tests: `python -m tests.conformance` writes it, and a test compares."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.conformance import test_providers
from tests.conformance.cells import proven
from tests.conformance.provider import COLUMNS
from tests.conformance.rows import ROWS

if TYPE_CHECKING:
    from tests.conformance.cells import Cell
    from tests.conformance.provider import Column

FILE = Path(__file__).resolve().parents[2] / "docs" / "providers.md"

_TESTS = "../tests/conformance/test_providers.py"
_HEAD = f"""\
# What each provider does

Written by `python -m tests.conformance` from the tests that prove it; a test fails where this page says anything else.

Every cell is one test in [tests/conformance/test_providers.py]({_TESTS}), whose name is the cell's title: a call through
`AsyncClient`, the plugin and the provider's real SDK to a loopback server that speaks the provider's API. All servers say
the same in their own form, and the result is the same, in words, finish reason, counts and cost. What runs in this process
(internal, llama.cpp) does its real work instead. An empty cell is refused before anything is sent, which
`test_an_empty_cell_is_refused` proves; where only `thinking` or `cancel` is empty there is nothing to refuse.
"""
_MEANING = """
## What a cell says

| column | test | rule |
|---|---|---|
"""


def written() -> str:
    """The page."""
    cells = {(cell.provider, cell.column): cell for cell in proven(test_providers)}
    lines = [
        f"| provider | sdk | {' | '.join(COLUMNS)} |",
        "|---|---|" + ":-:|" * len(COLUMNS),
        *(
            f"| {row.title} | `{row.sdk}` | {' | '.join(_shown(cells.get((row.name, column))) for column in COLUMNS)} |"
            for row in ROWS
        ),
    ]
    rules = [f"| {column} | `{_test_of(column)}` | {_rule(_test_of(column))} |" for column in COLUMNS]
    return _HEAD + "\n" + "\n".join(lines) + "\n" + _MEANING + "\n".join(rules) + "\n"


def _shown(cell: Cell | None) -> str:
    return f'[✓]({_TESTS} "{cell.test}")' if cell else ""


def _test_of(column: Column) -> str:
    (name,) = {cell.test.partition("[")[0] for cell in proven(test_providers) if cell.column == column}
    return name


def _rule(test: str) -> str:
    return " ".join(getattr(test_providers, test).__doc__.split())
