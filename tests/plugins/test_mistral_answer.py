"""What Mistral's chat answers and chunks become."""

from __future__ import annotations

from typing import Any

import pytest

from pipelex_backend_mistral._chat_answer import Gathered, gathered_answer
from pipelex_core.errors import InvalidAnswerError, ServerError
from pipelex_core.parts import ToolCall
from pipelex_core.results import Usage
from tests.servers.mistral import call, chunk, message, thinking


def gathered(*chunks: dict[str, Any]) -> tuple[list[str], Gathered]:
    made = Gathered(request_id="id")
    return [made.take(one, "delta") for one in chunks], made


def test_a_plain_answer_is_text() -> None:
    """Text, finish reason, usage and the request's id are taken over; the answer itself is kept."""
    payload = message("Hi.")
    answer = gathered_answer(payload, "id").answer()
    assert (answer.text, answer.finish_reason, answer.request_id) == ("Hi.", "stop", "id")
    assert answer.usage == Usage(input_tokens=11, output_tokens=7)
    assert answer.raw is payload


@pytest.mark.parametrize(
    "word, meaning",
    [
        ("stop", "stop"),
        ("length", "length"),
        ("model_length", "length"),
        ("tool_calls", "tool_calls"),
        ("content_filter", "content_filter"),
        ("something_new", "other"),
    ],
)
def test_finish_reasons_have_one_meaning(word: str, meaning: str) -> None:
    """Mistral's words become ours; an unknown one is `other`."""
    assert gathered_answer(message(finish_reason=word), None).answer().finish_reason == meaning


def test_an_answer_that_failed_is_an_error_with_its_text() -> None:
    """The finish reason `error` is not an answer, however much text there is."""
    with pytest.raises(ServerError) as caught:
        gathered_answer(message("Half an ans", finish_reason="error"), "id").answer()
    assert (caught.value.partial_text, caught.value.request_id) == ("Half an ans", "id")


@pytest.mark.parametrize(
    "counts, cached, reasoning",
    [
        ({"prompt_tokens_details": {"cached_tokens": 5}}, 5, None),
        ({"prompt_tokens_details": {"cached_tokens": 0}, "num_cached_tokens": 3}, 0, None),
        ({"num_cached_tokens": 3}, 3, None),
        ({"completion_tokens_details": {"reasoning_tokens": 4}}, None, 4),
        ({}, None, None),
    ],
)
def test_cached_and_reasoning_tokens_are_shares(
    counts: dict[str, Any], cached: int | None, reasoning: int | None
) -> None:
    """They are read in each form Mistral has used, and None where it does not say."""
    usage = gathered_answer(message(usage={"prompt_tokens": 9, "completion_tokens": 8, **counts}), None).answer().usage
    assert usage == Usage(input_tokens=9, output_tokens=8, cached_tokens=cached, reasoning_tokens=reasoning)


def test_thinking_is_no_text() -> None:
    """Thinking chunks are the reasoning, and what Mistral wants back; references in between are neither."""
    first, second = thinking("One ", "two", closed=True), thinking(" three")
    content = [first, second, {"type": "text", "text": "6"}, {"type": "reference", "reference_ids": [1]}]
    answer = gathered_answer(message(content), None).answer()
    assert (answer.text, answer.reasoning) == ("6", "One two three")
    assert [(part.provider, part.data) for part in answer.provider_parts] == [("mistral", first), ("mistral", second)]


def test_streamed_thinking_is_put_together() -> None:
    """Deltas of one thought become one chunk, and text begins a new one."""
    deltas, made = gathered(
        chunk(""),
        chunk([thinking("One ")]),
        chunk([thinking("two", closed=True)]),
        chunk("2"),
        chunk([thinking("more", signature="s")]),
        chunk([{"type": "text", "text": "!"}], finish_reason="stop"),
    )
    answer = made.answer()
    assert deltas == ["", "", "", "2", "", "!"]
    assert (answer.text, answer.reasoning) == ("2!", "One twomore")
    assert [part.data for part in answer.provider_parts] == [
        thinking("One two", closed=True),
        thinking("more", signature="s"),
    ]


def test_parallel_tool_calls_keep_their_order() -> None:
    """Arguments are parsed, from text or an object, and nothing at all means none."""
    calls = [call("a", '{"x": 1}'), call("b", {"y": 2}, call_id="abcdefgh2"), call("c", "", call_id=None)]
    answer = gathered_answer(message("", finish_reason="tool_calls", tool_calls=calls), None).answer()
    assert answer.tool_calls == (
        ToolCall(id="abcdefgh1", name="a", arguments={"x": 1}),
        ToolCall(id="abcdefgh2", name="b", arguments={"y": 2}),
        ToolCall(id="call00002", name="c", arguments={}),
    )


@pytest.mark.parametrize("index", [True, False], ids=["indexed", "in sequence"])
def test_streamed_tool_calls_are_put_together(index: bool) -> None:
    """Pieces of arguments go to the call with their index, or to the last one; a new id is a new call."""

    def piece(name: str, arguments: str, call_id: str | None, number: int) -> dict[str, Any]:
        return chunk(tool_calls=[call(name, arguments, call_id=call_id, index=number if index else None)])

    _, made = gathered(
        piece("a", '{"x"', "abcdefgh1", 0),
        piece("", ": 1}", "null", 0),
        piece("b", '{"y": 2', "abcdefgh2", 1),
        piece("", "}", None, 1),
        chunk("", finish_reason="tool_calls"),
    )
    assert [(one.id, one.name, one.arguments) for one in made.answer().tool_calls] == [
        ("abcdefgh1", "a", {"x": 1}),
        ("abcdefgh2", "b", {"y": 2}),
    ]


def test_calls_of_one_index_and_two_ids_are_two() -> None:
    """Older answers give every call the index 0: their ids tell them apart."""
    _, made = gathered(
        chunk(tool_calls=[call("a", "{}"), call("b", "{}", call_id="abcdefgh2")], finish_reason="tool_calls")
    )
    assert [one.name for one in made.answer().tool_calls] == ["a", "b"]


@pytest.mark.parametrize("arguments", ['{"x": ', "[1]", 5])
def test_arguments_that_are_no_object_are_an_error(arguments: Any) -> None:
    """A tool call whose arguments cannot be used says so; one that was cut with its answer is left out."""
    calls = [call("f", arguments)]
    with pytest.raises(InvalidAnswerError, match=r"'f' are not a JSON object\. "):
        gathered_answer(message("", finish_reason="tool_calls", tool_calls=calls), None).answer()
    cut = gathered_answer(message("", finish_reason="length", tool_calls=calls), None).answer()
    assert (cut.tool_calls, cut.finish_reason) == ((), "length")


@pytest.mark.parametrize("wrong", [{"name": ""}, {"name": None}, {"call_id": 5}])
def test_a_call_without_a_name_is_an_error(wrong: dict[str, Any]) -> None:
    """Nobody could answer it."""
    made = call(**{"name": "f", "arguments": "{}", **wrong})
    with pytest.raises(InvalidAnswerError, match="no name"):
        gathered_answer(message("", finish_reason="tool_calls", tool_calls=[made]), None).answer()


def test_counts_that_are_none_are_unknown() -> None:
    """They do not cost the answer."""
    used: dict[str, Any] = {
        "prompt_tokens": None,
        "completion_tokens": "8",
        "prompt_tokens_details": {"cached_tokens": []},
    }
    assert gathered_answer(message(usage=used), None).answer().usage == Usage()


def test_further_choices_are_left_alone() -> None:
    """Only the first of several answers counts."""
    payload = message("first")
    payload["choices"].append({**message("second")["choices"][0], "index": 1})
    assert gathered_answer(payload, None).answer().text == "first"


@pytest.mark.parametrize(
    "payload",
    [
        None,
        "text",
        {},
        {"choices": None},
        {"choices": []},
        {"choices": [{}]},
        message(5),
        message(["text"]),
        message(finish_reason=None),
        message(tool_calls={"id": "x"}),
        message(tool_calls=["x"]),
    ],
    ids=repr,
)
def test_a_malformed_answer_is_an_error_that_keeps_it(payload: Any) -> None:
    """An answer of another form is never an empty text."""
    with pytest.raises(InvalidAnswerError, match="cannot be used") as caught:
        gathered_answer(payload, "id").answer()
    assert (caught.value.raw, caught.value.request_id) == (payload, "id")
