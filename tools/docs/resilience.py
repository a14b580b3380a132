"""docs/resilience.md, written from the table: `poe docs` writes it, and a test compares."""

from __future__ import annotations

from pathlib import Path

from pipelex_core.policies import RETRY
from tests.resilience.backends import WIRES, kinds
from tests.resilience.cells import exception_for, expected_requests, fits
from tests.resilience.scenarios import EXCEPTIONS, SCENARIOS, Scenario
from tools.docs import resilience_beside
from tools.docs.docstrings import table

IMAGES = "OpenAI chat", "Google"
"""Whose images are not jobs; they share a column."""

FILE = Path(__file__).resolve().parents[2] / "docs" / "resilience.md"

_HEAD = f"""\
# When a server misbehaves

Written by `poe docs` from the tests that prove it; a test fails where this page says anything else.

Every cell is a test in [tests/resilience/test_table.py](../tests/resilience/test_table.py): a call through `AsyncClient`, the
plugin and the provider's real SDK to a loopback server that does what the row says. The cell has the number of
requests that the provider gets with the default policy, {RETRY.retries} retries; with `retries=0` it gets one, always. The call
asks for a text, or a stream where the row speaks of one; in the last two columns for an image, which is not asked for again
where it may have been made, and so be paid for twice. At fal an image is a job in a queue, at OpenAI and Google an answer.

Each test also proves that the ledger has as many attempts, that the call is back within its deadline and 0.2 s (the best
of three, less what a busy machine delays a thread that only sleeps), that no descriptor is left open, and that the key is in no error, ledger or log.
"""
_MORE = """
A stream that is cut, or ends early, at any of its events is tested beside: before its first delta the provider is asked again
as in the table, after it the call ends with an error that has the text so far in `partial_text`.
"""


def written() -> str:
    """The page."""
    return f"{_HEAD}\n{_table()}\n{_MORE}{resilience_beside.written()}"


def _table() -> str:
    rows = (
        (
            scenario.name,
            _outcome(scenario),
            *(_cell(scenario, name) for name in WIRES if name != "fal"),
            _image(scenario),
            _cell(scenario, "fal"),
        )
        for scenario in SCENARIOS
    )
    columns = (*(name for name in WIRES if name != "fal"), "images", "images at fal")
    notes = [
        f"- {name}, {row}: `{exception.outcome.__name__}`; {exception.why}."
        for (row, name), exception in EXCEPTIONS.items()
    ]
    return (
        table(("the server", "the call ends with", *columns), rows)
        + "\n\nWhat is different (*):\n\n"
        + "\n".join(notes)
    )


def _outcome(scenario: Scenario) -> str:
    return f"`{scenario.outcome.__name__}`" if scenario.outcome else "the answer"


def _cell(scenario: Scenario, name: str) -> str:
    suite = WIRES[name]
    fitting = [call for call in kinds(suite) if fits(scenario, suite, call)]
    if not fitting:
        return ""
    exception = exception_for(scenario, name)
    return f"{expected_requests(scenario, suite, fitting[0], exception)}{' *' if exception else ''}"


def _image(scenario: Scenario) -> str:
    found = {
        expected_requests(scenario, WIRES[name], call, exception_for(scenario, name))
        for name in IMAGES
        for call in kinds(WIRES[name])
        if call.capability == "image out" and fits(scenario, WIRES[name], call)
    }
    assert len(found) < 2, f"{scenario.name}: the column needs one for each backend"
    return str(found.pop()) if found else ""
