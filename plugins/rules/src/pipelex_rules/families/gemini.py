"""What Gemini's models take, by their ids: https://ai.google.dev/gemini-api/docs/thinking."""

from __future__ import annotations

import re

_ID = re.compile(r"gemini-(\d+)(?:\.(\d+))?")
_NO_MINIMAL = ("gemini-3-pro", "gemini-3.1-pro", "gemini-3.7-flash")
BUDGETS = {"gemini-2.5-pro": (128, 32_768), "gemini-2.5-flash-lite": (512, 24_576), "gemini-2.5-flash": (0, 24_576)}
"""The smallest budget of thinking that is not 0 or -1, and the largest."""


def version(model: str) -> tuple[int, int]:
    """Read the version of a Gemini model; (0, 0) for others."""
    match = _ID.search(model)
    return (int(match[1]), int(match[2] or 0)) if match else (0, 0)


def takes_minimal(model: str) -> bool:
    """Tell whether the thinking level MINIMAL is known to a model."""
    return not any(name in model for name in _NO_MINIMAL)


def budgets(model: str) -> tuple[str, int, int] | None:
    """Tell a model's name and range of thinking budgets; None where that is not known."""
    for name, (low, high) in BUDGETS.items():
        if name in model:
            return name, low, high
    return None
