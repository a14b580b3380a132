"""What programs read goes to stdout, one JSON document; what people should see besides goes to stderr."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from pipelex_cli.terminal import shown
from pipelex_core.errors import CallError, ConfigError, PipelexError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pipelex_core.errors import Problem
    from pipelex_core.results import Attempt, Result


def print_json(document: Any) -> None:
    """One JSON document on stdout, escaped where stdout is not UTF-8."""
    is_utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    written = json.dumps(document, ensure_ascii=not is_utf8, indent=2)
    if sys.stdout.isatty() and not written.isascii():
        written = "".join(each if each.isprintable() or each == "\n" else json.dumps(each)[1:-1] for each in written)
    sys.stdout.write(f"{written}\n")


def print_rows(name: str, rows: Iterable[Sequence[float]], document: dict[str, Any]) -> None:
    """One JSON document whose first key has many numbers: a row a line, written as they come."""
    sys.stdout.write(f'{{\n  "{name}": [')
    for number, row in enumerate(rows):
        sys.stdout.write(f"{',' if number else ''}\n    {json.dumps(row, separators=(',', ':'))}")
    sys.stdout.write(f"\n  ],\n{json.dumps(document, indent=2)[2:]}\n")


def note(text: str) -> None:
    """A line for people, on stderr; what would steer a terminal is written out there."""
    sys.stderr.write(f"{shown(text, sys.stderr)}\n")


def write(text: str) -> None:
    """A text on stdout, raw; on a terminal, what would steer it is written out."""
    sys.stdout.write(shown(text))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str | None]], *, empty: str) -> None:
    """A table on stdout, as wide as the terminal, its cells broken between words; where there is none, as wide as it needs."""
    from pipelex_cli.tables import wrapped_lines
    from pipelex_cli.terminal import terminal_width

    cells = [["" if cell is None else str(cell) for cell in row] for row in rows]
    if not cells:
        note(empty)
        return
    sys.stdout.write("".join(f"{line}\n" for line in wrapped_lines(columns, cells, width=terminal_width())))


def show_error(error: PipelexError, *, as_json: bool) -> None:
    """A failure: the error object on stdout with `--json`, else the message on stderr."""
    if as_json:
        print_json({"error": error_as_json(error)})
    else:
        note(f"{type(error).__name__}: {error}")


def error_as_json(error: PipelexError) -> dict[str, Any]:
    """The stable JSON shape of a failure."""
    document: dict[str, Any] = {"type": type(error).__name__, "message": str(error)}
    call = error if isinstance(error, CallError) else None
    for name in ("backend", "model", "status", "request_id"):
        document[name] = getattr(call, name, None)
    document["attempts"] = [attempt_as_json(attempt) for attempt in getattr(error, "attempts", ())]
    if messages := getattr(error, "messages", ()):
        document["messages"] = [message.to_dict() for message in messages]
    if isinstance(error, ConfigError):
        document["problems"] = [problem_as_json(problem) for problem in error.problems]
    return document


def problem_as_json(problem: Problem) -> dict[str, Any]:
    """The stable JSON shape of one fault of a configuration."""
    return problem.to_dict()


def result_as_json(result: Result) -> dict[str, Any]:
    """What every result has in common, in the stable JSON shape."""
    names = ("model", "backend", "model_id", "usage", "cost", "request_id")
    return {**{name: result[name] for name in names}, "attempts": [*map(attempt_as_json, result.attempts)]}


def attempt_as_json(attempt: Attempt) -> dict[str, Any]:
    """One line of the ledger, in the stable JSON shape."""
    names = ("model", "backend", "outcome", "error", "status", "request_id", "wait_s", "wait_reason", "cache")
    seconds = round(attempt.seconds, 6)
    return {
        **{name: attempt[name] for name in names},
        "seconds": seconds,
        "usage": attempt["usage"],
        "cost": attempt["cost"],
    }
