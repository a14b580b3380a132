"""Scenarios: malformed answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from attrs import evolve

from pipelex_core.errors import CallError, InvalidAnswerError, ProviderConnectionError
from pipelex_testing.calls import Kind  # noqa: TC001 -- read by pytest
from pipelex_testing.marks import about, each_call
from pipelex_testing.samples import PLAIN, PROMPT
from pipelex_testing.server import Reply
from pipelex_testing.suite.base import Scenarios

if TYPE_CHECKING:
    from pipelex_testing.running import Running

BODIES: dict[str, Reply] = {
    "html": Reply.text("<html><body>Welcome to the portal</body></html>"),
    "nothing": Reply(chunks=(b"",)),
    "empty-object": Reply.json({}),
    "null": Reply.json(None),
    "list": Reply.json([]),
    "number": Reply.json(7),
    "other-object": Reply.json({"hello": {"world": ["a", 1, None]}}),
    "half-json": Reply(chunks=(b'{"id": "a", "choices": [{"ind',)),
    "no-json": Reply(chunks=(b"\xff\xfe\x00{]",)),
    "deep": Reply(chunks=(b"[" * 200_000,)),
    "no-stream": Reply.json({"object": "something", "value": "else"}),
}
EVENTS: dict[str, bytes] = {
    "no-json": b"data: {oops\n\n",
    "other-json": b'data: {"hello": "world"}\n\n',
    "null": b"data: null\n\n",
    "list": b"data: [1, 2]\n\n",
    "no-utf8": b"data: \xff\xfe\n\n",
}


class Malformed(Scenarios):
    """A 200 that holds no answer is an error, never an empty result."""

    @each_call
    @pytest.mark.parametrize("body", BODIES)
    def test_a_malformed_answer_is_an_error(self, call: Kind, body: str) -> None:
        """HTML, nothing, other JSON, half a document: `InvalidAnswerError`, or `ProviderConnectionError`."""

        async def use(at: Running) -> None:
            at.server.queue(*[BODIES[body]] * 3)
            with pytest.raises((InvalidAnswerError, ProviderConnectionError)):
                await call.make(at, retries=0)
            assert len(at.calls) <= (2 if call.capability == "object" else 1)

        self.run(use)

    @about("stream")
    @pytest.mark.parametrize("event", EVENTS)
    def test_a_malformed_event_is_an_error_or_is_passed_over(self, event: str) -> None:
        """In the middle of a stream: the answer is whole all the same, or an error says it is not; nothing else is raised."""

        async def use(at: Running) -> None:
            reply = at.wire.stream(PLAIN)
            middle = len(reply.chunks) // 2
            chunks = (*reply.chunks[:middle], EVENTS[event], *reply.chunks[middle:])
            at.server.queue(evolve(reply, chunks=chunks))
            try:
                async with at.client.stream_text(PROMPT, model=at.llm, retries=0) as stream:
                    async for _ in stream:
                        pass
            except CallError as error:
                assert isinstance(error, (InvalidAnswerError, ProviderConnectionError))  # noqa: PT017 -- or none is raised
            else:
                assert stream.result.text

        self.run(use)

    @about("stream")
    def test_a_whole_answer_where_a_stream_was_asked_for_is_not_lost(self) -> None:
        """It is an error that says so, or it is taken; never an empty result."""

        async def use(at: Running) -> None:
            at.server.queue(at.wire.answer(PLAIN))
            try:
                async with at.client.stream_text(PROMPT, model=at.llm, retries=0) as stream:
                    async for _ in stream:
                        pass
            except CallError as error:
                assert isinstance(error, (InvalidAnswerError, ProviderConnectionError))  # noqa: PT017 -- or none is raised
            else:
                assert stream.result.text == PLAIN.text

        self.run(use)
