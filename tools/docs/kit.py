"""The conformance kit's parts of the documentation: its scenarios, wires, and what an author sets."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pipelex_testing as testing
from pipelex_testing import CAPABILITIES, Conformance, Wire
from tools.docs.docstrings import attributes_of, sentence, summary, table

if TYPE_CHECKING:
    from collections.abc import Iterator


def kit_parts() -> dict[str, str]:
    """Name -> Markdown, of the parts about the kit."""
    return {
        "kit-attributes": _named(attributes_of(Conformance)),
        "kit-claims": ", ".join(f"`{name}`" for name in CAPABILITIES),
        "kit-wires": table(("class", "speaks", "can say"), sorted(_wires())),
        "kit-wire-attributes": _named(attributes_of(Wire)),
        "kit-wire-methods": table(("method", "gives"), _methods()),
        "kit-scenarios": table(("scenario", "for", "holds that"), _scenarios()),
    }


def scenarios() -> Iterator[tuple[str, Any]]:
    """Name and function of every scenario, group by group."""
    for group in Conformance.__mro__:
        if group.__module__.startswith("pipelex_testing.suite."):
            yield from ((name, value) for name, value in vars(group).items() if name.startswith("test_"))


def subject_of(scenario: Any) -> str:
    """What a backend must claim for a scenario: `each call`, capabilities, or nothing (`every backend`)."""
    marks = getattr(scenario, "pytestmark", ())
    if any(mark.name == "parametrize" and mark.args[0] == "call" for mark in marks):
        return "each call"
    return ", ".join(getattr(scenario, "capabilities", ())) or "every backend"


def _scenarios() -> Iterator[tuple[str, str, str]]:
    for name, scenario in scenarios():
        words = name.removeprefix("test_").replace("_", " ")
        yield words, subject_of(scenario), sentence(summary(scenario))


def _wires() -> Iterator[tuple[str, str, str]]:
    for name in testing.__all__:
        wire = getattr(testing, name)
        if inspect.isclass(wire) and issubclass(wire, Wire) and wire is not Wire:
            yield f"`{name}`", sentence(summary(wire)), ", ".join(word for word in CAPABILITIES if word in wire.says)


def _methods() -> Iterator[tuple[str, str]]:
    for name, method in vars(Wire).items():
        if inspect.isfunction(method) and not name.startswith("_"):
            needed = " Needed" if getattr(method, "__isabstractmethod__", False) else ""
            yield f"`{name}`", sentence(summary(method)) + (f".{needed}" if needed else "")


def _named(texts: dict[str, str]) -> str:
    return table(("name", "is"), ((f"`{name}`", sentence(text)) for name, text in texts.items()))
