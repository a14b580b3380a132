"""The codes of problems, read from the code of core and of the command line."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from tools.docs.markdown import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

_CODE = re.compile(r"[a-z]+(-[a-z]+)+")


def problem_codes() -> dict[str, str]:
    """Code -> `error`, `warning`, or `error or warning`."""
    found: dict[str, set[str]] = {}
    for file in (*ROOT.glob("core/src/**/*.py"), *ROOT.glob("plugins/cli/src/**/*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                for code, severity in _reported(node):
                    found.setdefault(code, set()).add(severity)
            elif isinstance(node, ast.FunctionDef):
                for code in _defaults(node):
                    found.setdefault(code, set()).add("error")
    return {code: " or ".join(sorted(severities)) for code, severities in found.items()}


def _reported(call: ast.Call) -> Iterator[tuple[str, str]]:
    """The codes of `faults.error(kind, code, …)`, `faults.warning(code, …)` `Problem(code=…)` and `TomlError(code=…)`."""
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    place = {"error": 1, "warning": 0}.get(name)
    if place is not None and len(call.args) > place:
        yield from ((code, name) for code in _words(call.args[place]))
    if name == "report_lack" and call.args:  # an error, or off where the load is not strict
        yield from ((code, "error") for code in _words(call.args[0]))
    if name in {"Problem", "TomlError"}:
        for keyword in call.keywords:
            if keyword.arg == "code":
                yield from ((code, "error") for code in _words(keyword.value))


def _defaults(function: ast.FunctionDef) -> Iterator[str]:
    """The code that an exception has where none is passed: the default of a keyword `code`."""
    for argument, default in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True):
        if argument.arg == "code" and default is not None:
            yield from _words(default)


def _words(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.IfExp):
        yield from (*_words(node.body), *_words(node.orelse))
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _CODE.fullmatch(node.value):
        yield node.value
