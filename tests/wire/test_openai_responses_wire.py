"""Recorded responses of the Responses API through the plugin: what comes out, and what goes in."""

from __future__ import annotations

import pytest

from tests.wire.harness import Record, answers, check, parameters, play
from tests.wire.openai_requests import TOLD
from tests.wire.openai_responses import ResponsesAdapter, comparable_response

ADAPTER = ResponsesAdapter()


@pytest.mark.parametrize("record", answers(ADAPTER))
def test_the_answer_is_the_recorded_one(record: Record) -> None:
    """Text, finish reason, counts, tool calls or the class of the error come out as the record says."""
    check(play(record, ADAPTER), ADAPTER.expected(record))


def is_comparable(record: Record) -> bool:
    """Whether the request was recorded."""
    return bool(record["request"].get("recorded", True))


@pytest.mark.parametrize("record", parameters(ADAPTER, is_comparable))
def test_the_request_is_the_recorded_one(record: Record) -> None:
    """The plugin sends what the recorded client sent, but for the differences that `openai_responses` lists."""
    sent, recorded = play(record, ADAPTER).log[0], record["request"]
    assert sent.json["store"] is False
    provided, wanted = comparable_response(sent.json), comparable_response({**recorded["body"], "store": False})
    if record["stream"]:
        wanted["format"] = (None, None, None)  # objects are not streamed
    if TOLD in provided["system"]:  # JSON mode needs the schema told
        provided["system"] = provided["system"].partition(TOLD)[0].rstrip()
    assert provided == wanted
    assert sent.path == recorded["path"]
    assert ("api-key" if record["provider"] == "azure_openai" else "authorization") in sent.headers
