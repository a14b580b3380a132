"""What several wires have in common."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pipelex_testing.samples import ARGUMENTS

if TYPE_CHECKING:
    from pipelex_testing.samples import Said


def words(said: Said) -> str:
    """The text of an answer: its words, or the object as JSON; empty where it asks for tools."""
    if said.calls:
        return ""
    return said.text if said.value is None else json.dumps(said.value)


def arguments() -> str:
    """The arguments of a tool's call, as JSON."""
    return json.dumps(ARGUMENTS)
