"""Thoughts in an answer's leading tags are reasoning, however the answer is cut into pieces."""

from __future__ import annotations

import pytest

from pipelex_backend_openai._think import ThinkTags


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 100])
@pytest.mark.parametrize(
    ("answer", "reasoning", "visible"),
    [
        ("<think>a</think>c", "a", "c"),
        ("<think>a</think><think>b</think>c", "a\nb", "c"),
        ("<think>a</think>\n\n<think>b</think>\n<think></think>\nc", "a\nb", "c"),
        ("a</think><think>b</think>c", "a\nb", "c"),
        ("<think>a</think>c <think>b</think>", "a", "c <think>b</think>"),
        ("<think>a</think>\n<thin", "a", "<thin"),
        ("<think>a</think> <b>c</b>", "a", " <b>c</b>"),
        ("<think>a</think>", "a", ""),
    ],
)
def test_all_leading_thoughts_are_reasoning(answer: str, reasoning: str, visible: str, size: int) -> None:
    """A tag after the answer has begun is part of the answer."""
    tags = ThinkTags()
    pieces = [tags.feed(answer[start : start + size]) for start in range(0, len(answer), size)]
    assert ("".join(pieces) + tags.flush(), tags.reasoning) == (visible, reasoning)
