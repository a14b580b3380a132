"""Streams that are cut, or end early, at every one of their events."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from attrs import evolve

from pipelex_core.errors import CallError, InvalidAnswerError, ProviderConnectionError
from pipelex_core.policies import RETRY
from pipelex_testing.running import run
from pipelex_testing.samples import PLAIN, PROMPT, TEXT
from tests.resilience.backends import OTHERS, WIRES
from tests.servers.bedrock import clean_aws

if TYPE_CHECKING:
    from pipelex_testing import Conformance
    from pipelex_testing.running import Running
    from pipelex_testing.server import Reply

__all__ = ["clean_aws"]

pytestmark = pytest.mark.usefixtures("clean_aws")

STREAMS = [
    pytest.param(suite, id=name.replace(" ", "_"), marks=() if name in WIRES else pytest.mark.slow)
    for name, suite in (WIRES | OTHERS).items()
    if "stream" in suite.claims
]


@pytest.mark.parametrize("how", ["cut", "ended"])
@pytest.mark.parametrize("suite", STREAMS)
def test_a_stream_is_asked_for_again_only_before_its_first_delta(suite: Conformance, how: str) -> None:
    """Then as the default policy says; after it never, and the error has what came. No short answer passes for one."""

    async def use(at: Running) -> None:
        reply = at.wire.stream(PLAIN)
        for place in range(len(reply.chunks) - at.wire.ending + 1):
            requested = len(at.calls)
            at.server.forget()
            at.server.queue(*[_short(reply, how, place)] * (RETRY.retries + 2))
            deltas, error = await _broken(at)
            assert error.partial_text == ("".join(deltas) or None), place
            assert place or isinstance(error, ProviderConnectionError), "nothing but the headers came"
            assert TEXT.startswith("".join(deltas)), place
            again = isinstance(error, ProviderConnectionError) and not deltas
            assert len(at.calls) - requested == len(error.attempts) == (RETRY.retries + 1 if again else 1), place

    run(suite, use)


@pytest.mark.parametrize("suite", [one for one in STREAMS if one.id != "Mistral"])
def test_a_stream_that_ends_within_an_event_is_asked_for_again_before_its_first_delta(suite: Conformance) -> None:
    """Half an event is none: the stream has ended early. Mistral's SDK takes it for a whole one that is wrong."""

    async def use(at: Running) -> None:
        reply = at.wire.stream(PLAIN)
        for place, chunk in enumerate(reply.chunks[:-1]):
            half = evolve(reply, chunks=(*reply.chunks[:place], chunk[: len(chunk) * 2 // 3]))
            requested = len(at.calls)
            at.server.forget()
            at.server.queue(*[half] * (RETRY.retries + 2))
            deltas, error = await _broken(at)
            assert isinstance(error, ProviderConnectionError), place
            assert error.partial_text == ("".join(deltas) or None), place
            assert len(at.calls) - requested == (1 if deltas else RETRY.retries + 1), place
            if deltas:
                return

    run(suite, use)


def _short(reply: Reply, how: str, place: int) -> Reply:
    return evolve(reply, cut_after=place) if how == "cut" else evolve(reply, chunks=reply.chunks[:place])


async def _broken(at: Running) -> tuple[list[str], CallError]:
    deltas: list[str] = []
    with pytest.raises((ProviderConnectionError, InvalidAnswerError)) as caught:
        async with asyncio.timeout(30), at.client.stream_text(PROMPT, model=at.llm) as stream:
            async for delta in stream:
                deltas.append(delta)
    return deltas, caught.value
