"""Findings for people and for programs: with the line and a caret, as JSON, as GitHub's annotations, as SARIF."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelex_cli.validation.codes import MEANINGS, page
from pipelex_cli.validation.quote import Quotes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelex_cli.validation.report import Report
    from pipelex_core.errors import Problem

_RESET, _BOLD, _BLUE = "\x1b[0m", "\x1b[1m", "\x1b[34m"
_COLOURS = {"error": "\x1b[31m", "warning": "\x1b[33m"}
_SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_FIELDS = ("severity", "code", "message", "file", "line", "column", "key", "expected", "suggestion")


def as_text(report: Report, *, colours: bool = False) -> str:
    """A paragraph a finding, as a good compiler writes it."""
    quotes = Quotes(report.secrets, report.texts)
    return "\n".join(line for problem in report.problems for line in _paragraph(problem, quotes, colours=colours))


def _paragraph(problem: Problem, quotes: Quotes, *, colours: bool) -> Iterator[str]:
    def paint(text: str, *styles: str) -> str:
        return f"{''.join(styles)}{text}{_RESET}" if colours else text

    colour = _COLOURS[problem.severity]
    yield paint(f"{problem.severity}[{problem.code}]", _BOLD, colour) + paint(f": {_printable(problem.message)}", _BOLD)
    quote = quotes.of(problem)
    margin = " " * (len(str(problem.line)) if quote else 1)
    place = ":".join(str(part) for part in (problem.file, problem.line, problem.column) if part is not None)
    if place:
        yield f"{margin}{paint('-->', _BLUE)} {_printable(place)}"
    if quote:
        yield f"{margin} {paint('|', _BLUE)}"
        yield f"{paint(f'{problem.line} |', _BLUE)} {quote.text}"
        yield f"{margin} {paint('|', _BLUE)} {paint(quote.caret, _BOLD, colour)}"
    reported = {"at": problem.key, "expected": problem.expected, "help": problem.suggestion}
    reported["see"] = f"pipelex explain {problem.code}"
    for name, text in reported.items():
        if text:
            yield f"{margin} {paint('=', _BLUE)} {name}: {_printable(text)}"
    yield ""


def _printable(text: str) -> str:
    """A text without characters that would command a terminal; names in it come from files."""
    return "".join(char if char.isprintable() or char == "\n" else f"\\x{ord(char):02x}" for char in text)


def as_json(report: Report) -> dict[str, Any]:
    """The stable JSON shape of a validation."""
    quotes = Quotes(report.secrets, report.texts)
    return {"ok": report.ok, "problems": [_problem(problem, quotes) for problem in report.problems]}


def _problem(problem: Problem, quotes: Quotes) -> dict[str, Any]:
    quote = quotes.of(problem)
    return {
        **{name: getattr(problem, name) for name in _FIELDS},
        "page": page(problem.code),
        "text": quote.text if quote else None,
        "caret": quote.caret if quote else None,
    }


def as_github(report: Report) -> str:
    """Workflow commands, which GitHub shows beside the lines; paths from the working directory.

    https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
    """
    return "".join(_command(problem) for problem in report.problems)


def _command(problem: Problem) -> str:
    file = _relative(problem.file) if problem.file else None
    properties = {"file": file, "line": problem.line, "col": problem.column, "title": f"pipelex: {problem.code}"}
    provided = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items() if value is not None)
    lines = [problem.message]
    lines += [f"expected: {problem.expected}"] if problem.expected else []
    lines += [f"help: {problem.suggestion}"] if problem.suggestion else []
    lines += [f"see: pipelex explain {problem.code}"]
    return f"::{problem.severity} {provided}::{_data(chr(10).join(lines))}\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def as_sarif(report: Report, *, version: str) -> dict[str, Any]:
    """SARIF 2.1.0, which code-scanning services read.

    https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
    """
    quotes = Quotes(report.secrets, report.texts)
    codes = list(dict.fromkeys(problem.code for problem in report.problems))
    rules = [
        {"id": code, "shortDescription": {"text": MEANINGS[code]}, "help": {"text": f"See {page(code)}"}}
        for code in codes
    ]
    driver = {"name": "pipelex", "version": version, "rules": rules}
    results = [_result(problem, codes.index(problem.code), quotes) for problem in report.problems]
    base = {"%SRCROOT%": {"uri": Path.cwd().as_uri() + "/"}}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": base,
        "results": results,
    }
    return {"$schema": _SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}


def _result(problem: Problem, rule: int, quotes: Quotes) -> dict[str, Any]:
    reported = {"key": problem.key, "expected": problem.expected, "suggestion": problem.suggestion}
    result: dict[str, Any] = {
        "ruleId": problem.code,
        "ruleIndex": rule,
        "level": problem.severity,
        "message": {"text": problem.message + (f"\n{problem.suggestion}" if problem.suggestion else "")},
        "properties": {name: value for name, value in reported.items() if value is not None},
    }
    if problem.file and Path(problem.file).suffix:  # else it is the version of a plugin
        location: dict[str, Any] = {"artifactLocation": _artifact(problem.file)}
        quote = quotes.of(problem)
        if problem.line:
            location["region"] = {"startLine": problem.line}
            if problem.column:
                location["region"]["startColumn"] = problem.column
            if quote:
                location["region"]["snippet"] = {"text": quote.text}
        result["locations"] = [{"physicalLocation": location}]
    return result


def _artifact(file: str) -> dict[str, str]:
    from urllib.parse import quote

    relative = _relative(file)
    if Path(relative).is_absolute():
        return {"uri": Path(relative).as_uri()}
    return {"uri": quote(relative), "uriBaseId": "%SRCROOT%"}


def _relative(file: str) -> str:
    """A path from the working directory, where it is below it; with slashes."""
    path, here = Path(file).absolute(), Path.cwd()
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else str(file).replace(os.sep, "/")
