"""Recorded chat completions through the plugin: what comes out, and what goes in."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest

from pipelex_backend_openai._traits import traits_of
from tests.wire.harness import Record, answers, check, parameters, play
from tests.wire.openai_chat import ChatAdapter
from tests.wire.openai_requests import comparable_chat, without_reported_schema

ADAPTER = ChatAdapter()


@pytest.mark.parametrize("record", answers(ADAPTER))
def test_the_answer_is_the_recorded_one(record: Record) -> None:
    """Text, finish reason, counts, tool calls or the class of the error come out as the record says."""
    check(play(record, ADAPTER), ADAPTER.expected(record))


@pytest.mark.parametrize("record", parameters(ADAPTER, lambda record: record["request"].get("recorded", True)))
def test_the_request_is_the_recorded_one(record: Record) -> None:
    """The plugin sends what the recorded client sent, but for the differences that `openai_requests` lists."""
    outcome = play(record, ADAPTER)
    sent, recorded = outcome.log[0], record["request"]
    returned = traits_of(record["provider"], {}).returned_fields
    wanted = comparable_chat(recorded["body"], returned)
    if record["stream"]:
        wanted["response_format"] = None  # objects are not streamed
    if "/deployments/" in recorded["path"]:
        wanted["model"] = sent.json["model"]  # it stands in the path; the SDK sends it twice
    assert comparable_chat(without_reported_schema(sent.json), returned) == wanted
    assert sent.path == recorded["path"]
    assert sent.query.get("api-version") == dict(parse_qsl(recorded.get("query") or "")).get("api-version")
    assert ("api-key" if record["provider"] == "azure_openai" else "authorization") in sent.headers
