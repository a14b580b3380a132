"""Gemini's recorded traffic through the plugin and google-genai."""

from __future__ import annotations

import pytest

from tests.wire.google import GoogleAdapter, comparable
from tests.wire.harness import Record, answers, check, is_sayable, parameters, play

ADAPTER = GoogleAdapter()


@pytest.mark.parametrize("record", answers(ADAPTER))
def test_a_recorded_exchange_gives_what_it_should(record: Record) -> None:
    """What comes out is the record's `expect`, and what was sent is what was recorded."""
    outcome = play(record, ADAPTER)
    check(outcome, ADAPTER.expected(record))
    (sent,) = outcome.log
    recorded = record["request"]
    if is_sayable(record, ADAPTER):
        assert (sent.method, sent.path) == (recorded["method"], recorded["path"])
        assert sent.query == ({"alt": "sse"} if record["stream"] else {})
        assert comparable(sent.json, record) == comparable(recorded["body"], record)


@pytest.mark.parametrize("record", parameters(ADAPTER, lambda record: record["stream"]))
def test_a_recorded_stream_that_breaks_is_no_answer(record: Record) -> None:
    """Cut in the middle of its last event, a stream is an error that keeps the text so far, never an answer."""
    cut = record["response"]["body"].rindex("data: ") + 10
    outcome = play(record, ADAPTER, cut_after=cut)
    assert outcome.answer is None
    assert outcome.error is not None
    assert (outcome.error.partial_text or "") == "".join(outcome.deltas)
    assert (record["expect"].get("text") or "").startswith("".join(outcome.deltas))
