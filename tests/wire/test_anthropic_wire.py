"""Recorded exchanges of the Messages API through the plugin: what comes out, and what goes in."""

from __future__ import annotations

import pytest

from pipelex_core.errors import ProviderConnectionError
from pipelex_core.requests import ObjectRequest
from pipelex_core.results import TextAnswer
from tests.wire.anthropic import MessagesAdapter, comparable
from tests.wire.harness import Record, answers, check, parameters, play

ADAPTER = MessagesAdapter()


def is_recorded(record: Record) -> bool:
    return bool(record["request"].get("recorded", True))


def is_whole_stream(record: Record) -> bool:
    return bool(record["stream"]) and record["response"]["status"] == 200 and not record["expect"].get("stream_error")


@pytest.mark.parametrize("record", answers(ADAPTER))
def test_the_answer_is_the_recorded_one(record: Record) -> None:
    """Text, finish reason, counts, tool calls or the class of the error come out as the record says."""
    outcome = play(record, ADAPTER)
    check(outcome, ADAPTER.expected(record))
    if record["expect"].get("thinking"):
        assert isinstance(outcome.answer, TextAnswer)
        assert any("thinking" in block["type"] for block in outcome.answer.provider_parts[0].data["content"])
    if outcome.error is not None and "request-id" in record["response"]["headers_kept"]:
        assert outcome.error.request_id == record["response"]["headers_kept"]["request-id"]


@pytest.mark.parametrize("record", parameters(ADAPTER, is_recorded))
def test_the_request_is_the_recorded_one(record: Record) -> None:
    """The plugin sends what the recorded client sent, but for the differences that the adapter lists."""
    outcome = play(record, ADAPTER)
    sent, recorded = outcome.log[0], record["request"]["body"]
    is_object = isinstance(ADAPTER.request(record), ObjectRequest)
    wanted = comparable(recorded, is_object=is_object, is_streamed=record["stream"])
    assert comparable(sent.json, is_object=is_object, is_streamed=record["stream"]) == wanted
    assert sent.json.get("stream", False) == bool(record["stream"])
    if record["provider"] == "vertex":
        assert "model" not in sent.json
        assert sent.json["anthropic_version"]
        assert sent.path == record["request"]["path"]
        return
    assert sent.json["model"] == recorded.get("model", record["model"])
    assert sent.path == "/v1/messages"
    assert {"x-api-key", "authorization"} <= sent.headers.keys()


@pytest.mark.parametrize("record", parameters(ADAPTER, is_whole_stream))
def test_a_recorded_stream_that_is_cut_is_no_answer(record: Record) -> None:
    """Cut in the middle, every recorded stream ends as a broken connection with the text it had given."""
    outcome = play(record, ADAPTER, cut_after=len(record["response"]["body"].encode()) // 2)
    assert type(outcome.error) is ProviderConnectionError
    assert outcome.error.partial_text == "".join(outcome.deltas)
    assert (record["expect"].get("text") or "").startswith(outcome.error.partial_text)
