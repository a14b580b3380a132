"""The decoder of ConverseStream's events, beside botocore's own on the same bytes."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest
from botocore.eventstream import ChecksumMismatch, EventStream, ParserError
from botocore.exceptions import EventStreamError
from botocore.parsers import EventStreamJSONParser, ResponseParserError
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelex_backend_bedrock._client import make_client, make_session
from pipelex_backend_bedrock._frames import Events
from pipelex_backend_bedrock._settings import read_settings
from tests.servers.bedrock import clean_aws, config, end_events, event, exception_event, frame, text_events

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


__all__ = ["clean_aws"]

NAME = "ConverseStream"
DELTAS = st.one_of(
    st.builds(lambda text: {"text": text}, st.text()),
    st.builds(lambda text: {"toolUse": {"input": text}}, st.text()),
    st.builds(lambda text: {"reasoningContent": {"text": text}}, st.text()),
    st.sampled_from(
        [
            {"reasoningContent": {"redactedContent": "AAE="}},
            {"text": "both", "citation": {"title": "page"}},
            {"text": None},
            {"text": 5},
            {"somethingNew": 1},
            {},
        ]
    ),
)
EVENTS = st.one_of(
    st.builds(
        lambda delta, index, more: event("contentBlockDelta", contentBlockIndex=index, delta=delta, **more),
        DELTAS,
        st.integers(0, 3),
        st.sampled_from([{}, {"p": "abcdefgh"}]),
    ),
    st.sampled_from(
        [event("contentBlockDelta"), event("somethingNew", novelty=1), event("messageStart", role="assistant")]
    ),
    st.sampled_from(end_events()),
    st.just(exception_event("throttlingException", message="slow down")),
    st.just(frame({":message-type": "error", ":error-code": "Odd", ":error-message": "x"}, {})),
    st.builds(lambda size: bytes(range(size)), st.integers(12, 40)),  # no event at all
)


class Body:
    """urllib3's part: pieces of bytes."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces

    def stream(self) -> Iterator[bytes]:
        yield from self._pieces


@cache
def shape() -> Any:
    """What botocore knows of the events of ConverseStream."""
    found = botocore.session.Session().get_service_model("bedrock-runtime").operation_model(NAME)
    events = found.get_event_stream_output()
    assert events is not None
    return events


def outcome(events: Iterable[Any]) -> tuple[list[Any], Any]:
    """The events that came, and the error that ended them; an empty one says only that something came."""
    taken: list[Any] = []
    try:
        taken.extend(event for event in events if event)
    except EventStreamError as error:
        return taken, error.response
    except (ParserError, ResponseParserError) as error:
        return taken, type(error)
    return taken, None


@settings(max_examples=150, deadline=None)
@given(st.lists(EVENTS, max_size=6), st.lists(st.integers(1, 2000), max_size=6))
def test_what_comes_is_what_botocore_makes_of_it(events: list[bytes], cuts: list[int]) -> None:
    """Whatever events come, cut wherever: the same events, and the same error after them."""
    whole = b"".join(events)
    edges = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    pieces = [whole[start:end] for start, end in pairwise(edges)]
    expected = outcome(EventStream(Body(pieces), shape(), EventStreamJSONParser(), NAME))
    assert outcome(Events(Body(pieces), shape(), NAME)) == expected


def test_a_wrong_checksum_of_a_message_is_seen() -> None:
    """A byte that changed on its way does not become text."""
    first, stated, *_ = text_events("one")
    with pytest.raises(ChecksumMismatch):
        list(Events(Body([first + stated.replace(b'"one"', b'"two"')]), shape(), NAME))


@pytest.mark.usefixtures("clean_aws")
def test_the_client_decodes_with_it() -> None:
    """This botocore asks the handler: were `before-parse` gone, streams would work, and be slow, and this test fail."""
    chosen = read_settings(config("http://127.0.0.1:9"))
    client = make_client(make_session(chosen), chosen)
    try:
        model = client.meta.service_model.operation_model(NAME)
        answered: dict[str, Any] = {}
        client.meta.events.emit(
            f"before-parse.bedrock-runtime.{NAME}",
            operation_model=model,
            response_dict={"status_code": 200, "headers": {}, "body": Body([])},
            customized_response_dict=answered,
        )
        assert isinstance(answered["stream"], Events)
    finally:
        client.close()
