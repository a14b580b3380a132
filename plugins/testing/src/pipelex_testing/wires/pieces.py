"""What several wires have in common."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pipelex_testing.samples import ARGUMENTS

if TYPE_CHECKING:
    from pipelex_testing.samples import SampleAnswer


def words(stated: SampleAnswer) -> str:
    """The text of an answer: its words, or the object as JSON; empty where it asks for tools."""
    if stated.calls:
        return ""
    return stated.text if stated.value is None else json.dumps(stated.value)


def arguments() -> str:
    """The arguments of a tool's call, as JSON."""
    return json.dumps(ARGUMENTS)
