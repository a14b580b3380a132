"""Server-sent events, in every form that the format allows."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelex_http.events import EventData

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence


def read(pieces: Sequence[bytes]) -> tuple[list[bytes], bytes]:
    """The data of the events, and the rest."""

    async def main() -> tuple[list[bytes], bytes]:
        async def source() -> AsyncIterator[bytes]:
            for piece in pieces:
                yield piece

        stream = EventData(source())
        return [data async for data in stream], stream.rest

    return asyncio.run(main())


@given(
    events=st.lists(st.lists(st.sampled_from([b"a", b"\xc2\x85\xe2\x80\xa8", b" b", b""]), min_size=1, max_size=3)),
    end=st.sampled_from([b"\n", b"\r\n", b"\r"]),
    mark=st.sampled_from([b"", b"\xef\xbb\xbf"]),
    noise=st.sampled_from([b"", b": ping", b"retry: 3", b"event: x", b"id", b"databases: 1"]),
    size=st.integers(1, 9),
)
def test_events_are_read_however_their_lines_end_and_their_bytes_come(
    events: list[list[bytes]], end: bytes, mark: bytes, noise: bytes, size: int
) -> None:
    """A byte order mark, comments and other fields are passed over; several lines of data are one event's."""
    lines = [[noise, *(b"data: " + line for line in event)] for event in events]
    body = mark + b"".join(end.join(filter(None, event)) + end + end for event in lines)
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    assert read(pieces) == ([b"\n".join(event) for event in events], b"")


@pytest.mark.parametrize("cut", [b"data: half", b"data:half\r\n", b"\xef\xbb\xbfdata: half"])
def test_the_event_that_a_stream_broke_off_in_is_the_rest(cut: bytes) -> None:
    """It is not taken for a whole one."""
    assert read([cut[start : start + 2] for start in range(0, len(cut), 2)]) == ([], b"half")
    assert read([b"no events, but a page", b"\xef\xbb"]) == ([], b"")
