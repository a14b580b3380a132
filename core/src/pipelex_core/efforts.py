"""Levels of reasoning effort, and the nearest one that a model has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""What `reasoning_effort` may be, least first."""


def nearest_effort(effort: str, levels: Sequence[str]) -> str:
    """The level of a model that is nearest to an effort; the higher of two that are as near.

    `none` stands for itself: a model that cannot stop reasoning gets its least level, and an effort never becomes `none`
    where the model has another level.
    """
    known = sorted((level for level in levels if level in EFFORTS), key=EFFORTS.index)
    if effort in known or effort not in EFFORTS or not known:
        return effort
    if effort != "none" and known[-1] != "none":
        known = [level for level in known if level != "none"]
    wanted = EFFORTS.index(effort)
    return min(reversed(known), key=lambda level: abs(EFFORTS.index(level) - wanted))
