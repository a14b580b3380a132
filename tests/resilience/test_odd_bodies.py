"""Bodies that are odd, and right all the same, or an error that is what its status says: at every backend that speaks HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from attrs import evolve

from pipelex_core import RateLimitError
from pipelex_testing.calls import CALLS
from pipelex_testing.running import Running, run
from pipelex_testing.server import Reply
from tests.resilience.backends import WIRES, kinds
from tests.servers.bedrock import clean_aws

if TYPE_CHECKING:
    from pipelex_testing import Conformance

__all__ = ["clean_aws"]

pytestmark = pytest.mark.usefixtures("clean_aws")

TEXTS = [pytest.param(suite, id=name) for name, suite in WIRES.items() if "text" in suite.claims]
STREAMS = [
    pytest.param(suite, id=name) for name, suite in WIRES.items() if "stream" in suite.claims and name != "Bedrock"
]
"""Those whose streams are server-sent events."""

TEXT, STREAM = (next(kind for kind in CALLS if kind.capability == name) for name in ("text", "stream"))
DEEP = 900
"""More than a function that calls itself can go, and less than JSON's parser can."""


@pytest.mark.parametrize("suite", TEXTS)
def test_an_answer_that_begins_with_a_byte_order_mark_is_read(suite: Conformance) -> None:
    """A parser of JSON may pass over it (RFC 8259, 8.1), and gateways put it there."""

    async def use(at: Running) -> None:
        reply = TEXT.reply(at)
        at.server.queue(evolve(reply, chunks=(b"\xef\xbb\xbf", *reply.chunks)))
        TEXT.check(await TEXT.make(at))

    run(suite, use)


@pytest.mark.parametrize("end", [b"\r", b"\r\n"], ids=["CR", "CR LF"])
@pytest.mark.parametrize("suite", STREAMS)
def test_a_stream_is_read_whatever_ends_its_lines(suite: Conformance, end: bytes) -> None:
    """And with a byte order mark before it, and comments in it."""

    async def use(at: Running) -> None:
        reply = STREAM.reply(at)
        body = b"\xef\xbb\xbf: hello\n\n" + b"".join(reply.chunks).replace(b"\n\n", b"\n\n: ping\n\n")
        body = body.replace(b"\n", end)
        pieces = tuple(body[start : start + 50] for start in range(0, len(body), 50))
        at.server.queue(evolve(reply, chunks=pieces))
        STREAM.check(await STREAM.make(at))

    run(suite, use)


@pytest.mark.parametrize("suite", [pytest.param(suite, id=name) for name, suite in WIRES.items()])
def test_an_error_is_what_its_status_says_however_deep_its_body_is(suite: Conformance) -> None:
    """So that it is asked again, and a chain moves on."""
    body = b'{"error":' * DEEP + b"1" + b"}" * DEEP

    async def use(at: Running) -> None:
        at.server.queue(Reply(status=429, chunks=(body,), content_type="application/json"))
        with pytest.raises(RateLimitError):
            await kinds(suite)[0].make(at, retries=0)

    run(suite, use)
