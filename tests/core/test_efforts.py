"""The nearest level of reasoning effort that a model has."""

from __future__ import annotations

import pytest

from pipelex_core.efforts import nearest_effort


@pytest.mark.parametrize(
    "effort, levels, nearest",
    [
        ("high", ("low", "medium", "high"), "high"),
        ("minimal", ("none", "low", "medium", "high"), "low"),
        ("xhigh", ("minimal", "low", "medium", "high"), "high"),
        ("max", ("none", "low", "medium", "high", "xhigh"), "xhigh"),
        ("none", ("low", "medium", "high"), "low"),
        ("low", ("high",), "high"),
        ("medium", ("high", "low"), "high"),
        ("low", ("none",), "none"),
        ("medium", (), "medium"),
    ],
)
def test_the_nearest_level(effort: str, levels: tuple[str, ...], nearest: str) -> None:
    """The higher of two as near; an effort stays one where the model has any, and without levels it is sent as it is."""
    assert nearest_effort(effort, levels) == nearest
