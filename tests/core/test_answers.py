"""What every plugin checks of an answer."""

from __future__ import annotations

import pytest

from pipelex_core.answers import count, says_something
from pipelex_core.errors import InvalidAnswerError
from pipelex_core.parts import ToolCall
from pipelex_core.requests import TextRequest
from pipelex_core.results import TextAnswer, Usage
from pipelex_core.specs import ModelSpec

REQUEST = TextRequest(spec=ModelSpec(name="m", backend="b", sdk="s", model_id="m"), messages=())


@pytest.mark.parametrize(
    "answer",
    [
        TextAnswer(text="Hi.", finish_reason="stop"),
        TextAnswer(text="", finish_reason="tool_calls", tool_calls=(ToolCall(id="1", name="t", arguments={}),)),
        TextAnswer(text="", finish_reason="length"),
        TextAnswer(text="", finish_reason="content_filter"),
    ],
)
def test_an_answer_that_says_something_or_why_not(answer: TextAnswer) -> None:
    """It goes on as it is."""
    assert says_something(answer, REQUEST) is answer


@pytest.mark.parametrize("reasoning", [None, "Hm."])
def test_an_empty_answer_is_none(reasoning: str | None) -> None:
    """The error names the provider's reason, and keeps the answer, its usage and the request's id."""
    used = Usage(input_tokens=3, output_tokens=0)
    answer = TextAnswer(text="", finish_reason="stop", reasoning=reasoning, request_id="r", raw={"a": 1}, usage=used)
    with pytest.raises(InvalidAnswerError, match="ended with STOP") as caught:
        says_something(answer, REQUEST, "STOP")
    assert (caught.value.request_id, caught.value.raw, caught.value.usage) == ("r", {"a": 1}, used)


def test_a_stop_string_may_come_at_once() -> None:
    """Where the request has stop strings, an empty answer is one."""
    answer = TextAnswer(text="", finish_reason="stop")
    request = TextRequest(spec=REQUEST.spec, messages=(), stop=("x",))
    assert says_something(answer, request) is answer


@pytest.mark.parametrize("value, counted", [(3, 3), (0, 0), (12.0, 12)])
def test_counts(value: object, counted: int) -> None:
    """Whole numbers, in either form JSON has for them."""
    assert count(value) == counted


@pytest.mark.parametrize("value", [None, True, -1, 3.5, "3", [], {}, float("inf"), float("nan")])
def test_what_counts_nothing(value: object) -> None:
    """Anything else is unknown, and no reason to lose the answer."""
    assert count(value) is None
