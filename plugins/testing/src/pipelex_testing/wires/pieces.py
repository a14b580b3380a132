"""What several wires have in common."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pipelex_testing.samples import ARGUMENTS

if TYPE_CHECKING:
    from pipelex_testing.samples import SampleAnswer


def words(sample: SampleAnswer) -> str:
    """The text of an answer: its words, or the object as JSON; empty where it asks for tools."""
    if sample.calls:
        return ""
    return sample.text if sample.value is None else json.dumps(sample.value)


def arguments() -> str:
    """The arguments of a tool's call, as JSON."""
    return json.dumps(ARGUMENTS)
