"""Recorded answers, said in other words or damaged: the same comes out, or an error of ours; never something in between."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve, frozen

from pipelex_backend_fal import _backend
from pipelex_core.errors import CallError
from pipelex_core.parts import ToolCall
from pipelex_core.requests import ObjectRequest
from pipelex_core.results import DocumentAnswer, ImageAnswer, TextAnswer, Usage
from tests.servers import bedrock
from tests.wire.anthropic import MessagesAdapter
from tests.wire.bedrock import ConverseAdapter
from tests.wire.fal import FalAdapter
from tests.wire.google import GoogleAdapter
from tests.wire.harness import check, load_records, play, why_skipped, wire_folder
from tests.wire.mistral import MistralAdapter
from tests.wire.openai_chat import ChatAdapter
from tests.wire.openai_images import ImagesAdapter, with_reachable_pictures
from tests.wire.openai_responses import ResponsesAdapter
from tests.wire.variations import HARMLESS, PIECES, Answer, damaged

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.wire.harness import Expected, Outcome, Record

clean_aws = bedrock.clean_aws

pytestmark = [
    pytest.mark.usefixtures("clean_aws"),
    pytest.mark.skipif(wire_folder() is None, reason="no recorded traffic here"),
]

ADAPTERS: dict[str, Callable[[], Any]] = {
    "chat": ChatAdapter,
    "responses": ResponsesAdapter,
    "images": ImagesAdapter,
    "anthropic": MessagesAdapter,
    "mistral": MistralAdapter,
    "google": GoogleAdapter,
    "bedrock": ConverseAdapter,
    "fal": FalAdapter,
}
QUICK = 6
"""How many records of an adapter a default run takes; `-m slow` takes all."""

COUNTS = ("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens")
UNTOLD: dict[str, dict[str, Any]] = {"a new end": {"finish_reason": None}, "no counts": dict.fromkeys(COUNTS)}
"""What a variation leaves out of the answer."""
FINISH_REASONS = {"stop", "length", "tool_calls", "content_filter", "other"}


@frozen(kw_only=True)
class Slice:
    """Some records of an adapter: every `step`th, each damaged so many times."""

    step: int | None
    times: int


SLICES = [
    pytest.param(Slice(step=None, times=1), id="some"),
    pytest.param(Slice(step=1, times=10), id="all", marks=pytest.mark.slow),
]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue is looked at without long pauses."""
    monkeypatch.setattr(_backend, "FIRST_PAUSE", 0.001)


def playable(adapter: Any) -> list[Record]:
    """The records that the adapter plays."""
    return [
        with_reachable_pictures(record) if isinstance(adapter, ImagesAdapter) else record
        for record in load_records(*adapter.stems)
        if why_skipped(record, adapter) is None
    ]


def records_of(adapter: Any, chosen: Slice) -> list[Record]:
    """The records with JSON in them that the adapter plays."""
    varied = [record for record in playable(adapter) if Answer(record).is_json]
    return varied[:: chosen.step or max(1, len(varied) // QUICK)]


def is_empty(expected: Expected) -> bool:
    """Whether an answer holds nothing but the reason for its end."""
    return not expected.text and not expected.tool_calls and not expected.n_images


@pytest.mark.parametrize("chosen", SLICES)
@pytest.mark.parametrize("name", ADAPTERS)
@pytest.mark.parametrize("variation", HARMLESS)
def test_the_same_in_other_words_is_the_same(variation: str, name: str, chosen: Slice) -> None:
    """Further fields and events, other orders, line ends and comments, nulls for nothing: the answer is the recorded one."""
    adapter = ADAPTERS[name]()
    for record in records_of(adapter, chosen):
        varied = HARMLESS[variation](record)
        if varied is not None and not (variation == "a new end" and is_empty(adapter.expected(record))):
            _check_same(record, play(varied, adapter), adapter, variation)


@pytest.mark.parametrize("chosen", SLICES)
@pytest.mark.parametrize("name", ADAPTERS)
@pytest.mark.parametrize("size", PIECES)
def test_the_pieces_of_a_stream_may_end_anywhere(size: int, name: str, chosen: Slice) -> None:
    """In the middle of a line, an event or a character; or all of it comes at once."""
    adapter = ADAPTERS[name]()
    adapter.replay_options = {**adapter.replay_options, "piece": size}
    for record in records_of(adapter, chosen):
        if record["stream"]:
            _check_same(record, play(record, adapter), adapter, f"pieces of {size}")


@pytest.mark.parametrize("chosen", SLICES)
@pytest.mark.parametrize("name", ADAPTERS)
def test_a_damaged_answer_is_sound_or_an_error_of_ours(name: str, chosen: Slice) -> None:
    """Whatever is lost, null, doubled, odd or in another order: what comes out is whole, or a `CallError`; nothing else."""
    adapter = ADAPTERS[name]()
    for record in records_of(adapter, chosen):
        for number in range(chosen.times):
            seed = f"{record['id']} {number}"
            try:
                request = adapter.request(record)
                # Core looks at the text of objects, and an answer that a stop string ended may be empty.
                may_be_empty = isinstance(request, ObjectRequest) or bool(getattr(request, "stop", ()))
                _check_sound(play(damaged(record, Random(seed)), adapter), may_be_empty=may_be_empty)
            except Exception as error:
                error.add_note(f"damage {seed!r}")
                raise


def _check_same(record: Record, outcome: Outcome, adapter: Any, variation: str) -> None:
    try:
        check(outcome, evolve(adapter.expected(record), partial_text=None, **UNTOLD.get(variation, {})))
    except Exception as error:
        error.add_note(f"record {record['id']}, {variation}")
        raise


def _check_sound(outcome: Outcome, *, may_be_empty: bool) -> None:
    error, answer = outcome.error, outcome.answer
    if error is not None:
        assert isinstance(error, CallError)
        assert len(str(error)) < 3000
        assert error.partial_text is None or isinstance(error.partial_text, str)
        return
    assert answer is not None
    _check_counts(answer.usage)
    assert answer.request_id is None or isinstance(answer.request_id, str)
    if isinstance(answer, TextAnswer):
        _check_text(answer, may_be_empty=may_be_empty)
    elif isinstance(answer, DocumentAnswer):
        assert answer.pages
        texts: list[object] = [page.text for page in answer.pages]
        assert all(isinstance(text, str) for text in texts)
    else:
        assert isinstance(answer, ImageAnswer)
        assert answer.images
        assert all(image.data and image.content_type.startswith("image/") for image in answer.images)


def _check_text(answer: TextAnswer, *, may_be_empty: bool) -> None:
    assert type(answer.text) is str
    assert answer.finish_reason in FINISH_REASONS
    says_why = answer.finish_reason in {"length", "content_filter"}
    assert answer.text or answer.tool_calls or says_why or may_be_empty, "an empty answer"
    assert answer.reasoning is None or type(answer.reasoning) is str
    for call in answer.tool_calls:
        assert isinstance(call, ToolCall)
        reported: tuple[object, ...] = (call.id, call.name)
        assert all(isinstance(text, str) and text for text in reported)
        assert isinstance(call.arguments, dict)


def _check_counts(usage: Usage) -> None:
    for name in COUNTS:
        value = getattr(usage, name)
        assert value is None or (type(value) is int and value >= 0), (name, value)
