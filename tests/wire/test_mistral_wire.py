"""Mistral's recorded chat and OCR traffic, through the plugin and the real SDK."""

from __future__ import annotations

import pytest

from pipelex_core import errors
from pipelex_core.results import TextAnswer
from tests.wire.harness import Record, answers, check, is_sayable, parameters, play
from tests.wire.mistral import MistralAdapter, comparable

ADAPTER = MistralAdapter()


def _streams(record: Record) -> bool:
    return bool(record["stream"]) and record["response"]["status"] == 200


@pytest.mark.parametrize("record", answers(ADAPTER))
def test_a_record_comes_out_as_it_must(record: Record) -> None:
    """What the plugin makes of an answer is the record's `expect`, and what it asked is what the record asked."""
    outcome = play(record, ADAPTER)
    check(outcome, ADAPTER.expected(record))
    if isinstance(outcome.answer, TextAnswer):
        assert bool(outcome.answer.reasoning) == bool(record["expect"].get("thinking"))
        assert len(outcome.answer.provider_parts) == bool(record["expect"].get("thinking"))
    headers = record["response"].get("headers_kept") or {}
    if outcome.answer is not None and "mistral-correlation-id" in headers:
        assert outcome.answer.request_id == headers["mistral-correlation-id"]
    if is_sayable(record, ADAPTER):
        (entry,) = outcome.log
        assert entry.path == record["request"]["path"]
        assert comparable(entry.json) == comparable(record["request"]["body"])


@pytest.mark.parametrize("record", parameters(ADAPTER, _streams))
def test_a_stream_that_is_cut_is_an_error_with_what_it_gave(record: Record) -> None:
    """A recorded stream that ends in the middle is not an answer."""
    body = record["response"]["body"]
    outcome = play(record, ADAPTER, cut_after=len(body.encode()) // 2)
    assert isinstance(outcome.error, errors.ProviderConnectionError), repr(outcome.error or outcome.answer)
    assert outcome.error.partial_text == ("".join(outcome.deltas) or None)
