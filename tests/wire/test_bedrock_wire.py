"""Recorded Converse and ConverseStream traffic, through the plugin and the real SDK."""

from __future__ import annotations

from base64 import b64decode
from urllib.parse import unquote

import pytest

from pipelex_core import errors
from pipelex_core.results import TextAnswer
from tests.servers import bedrock
from tests.wire.bedrock import ConverseAdapter, comparable, has_schema
from tests.wire.harness import Record, answers, check, is_sayable, parameters, play

clean_aws = bedrock.clean_aws
pytestmark = pytest.mark.usefixtures("clean_aws")

ADAPTER = ConverseAdapter()


def _streams(record: Record) -> bool:
    return bool(record["stream"]) and record["response"]["status"] == 200


@pytest.mark.parametrize("record", answers(ADAPTER))
def test_a_record_comes_out_as_it_must(record: Record) -> None:
    """What the plugin makes of an answer is the record's `expect`, and what it asked is what the record asked."""
    outcome = play(record, ADAPTER)
    check(outcome, ADAPTER.expected(record))
    request_id = record["response"]["headers_kept"].get("x-amzn-requestid")
    if outcome.error is not None:
        failed = record["response"]["status"]
        assert outcome.error.status == (failed if failed >= 400 else None)
        assert outcome.error.request_id == request_id
    else:
        assert isinstance(outcome.answer, TextAnswer)
        assert outcome.answer.request_id == request_id
        thought = bool(record["expect"].get("thinking"))
        assert bool(outcome.answer.provider_parts) == thought  # the text of redacted thoughts is not shown
        assert not outcome.answer.reasoning or thought
    if is_sayable(record, ADAPTER):
        (entry,) = outcome.log
        assert unquote(entry.path) == unquote(record["request"]["path"])
        requested = comparable(record["request"]["body"])
        if record["stream"] and has_schema(record):
            del requested["outputConfig"]
        assert comparable(entry.json) == requested


@pytest.mark.parametrize("record", parameters(ADAPTER, _streams))
def test_a_stream_that_is_cut_is_an_error_with_what_it_gave(record: Record) -> None:
    """A recorded stream that ends in the middle is not an answer."""
    size = len(b64decode(record["response"]["body_base64"]))
    outcome = play(record, ADAPTER, cut_after=size // 2)
    assert isinstance(outcome.error, errors.ProviderConnectionError), repr(outcome.error or outcome.answer)
    assert outcome.error.partial_text == "".join(outcome.deltas)
