"""One cell of the table: a call of a backend to a server that misbehaves, and what must be true of its end."""

from __future__ import annotations

import asyncio
import gc
import time
from functools import cache
from typing import TYPE_CHECKING, Any

import psutil
from attrs import frozen

from pipelex_core.costs import FREE
from pipelex_core.errors import CallError, ProviderConnectionError
from pipelex_core.policies import RETRY
from pipelex_testing.running import running
from pipelex_testing.suite.secrets import CANARY, found_in, leaks_of
from tests.resilience.backends import first_kind, pays_for_jobs
from tests.resilience.faulty import Nobody
from tests.resilience.scenarios import EXCEPTIONS
from tests.resilience.sleeper import Sleeper

if TYPE_CHECKING:
    from pipelex_testing import Conformance
    from pipelex_testing.calls import Kind
    from pipelex_testing.running import Running
    from tests.resilience.scenarios import Exceptional, Scenario

SLACK = 0.2
"""Seconds after its deadline in which a call has to be back."""


_JSON = frozenset(
    {
        "200, the connection cut in the JSON",
        "silence after headers",
        "silence after headers, `idle_timeout`",
        "a body that drips",
        "reset in the body",
    }
)
"""Answers that begin as JSON."""


def fits(scenario: Scenario, suite: Conformance, call: Kind) -> bool:
    """Whether a scenario makes sense for a kind of call; Bedrock's streams are known by their type, and not read else."""
    if call.capability == "stream" and suite.sdk == "bedrock" and scenario.name in _JSON:
        return False
    takes = {
        "streams": call.capability == "stream",
        "words": call.capability in {"text", "stream"},
        "texts": call.capability == "text",
        "jobs": pays_for_jobs(suite),
        None: True,
    }
    return takes[scenario.only]


def exception_for(scenario: Scenario, name: str) -> Exceptional | None:
    """What is different at one backend."""
    return EXCEPTIONS.get((scenario.name, name))


def expected_requests(scenario: Scenario, suite: Conformance, call: Kind, exception: Exceptional | None) -> int:
    """How many requests the provider gets with the default policy; an image that may have been made is not asked for again."""
    again = exception.again if exception else scenario.again
    if call.capability == "image out":
        job = pays_for_jobs(suite) or scenario.image_again is None
        paid = scenario.job_again if job else scenario.image_again
        again = again if paid is None else paid
    return RETRY.retries + 1 if again else scenario.requests


def check_cell(scenario: Scenario, name: str, suite: Conformance, call: Kind) -> None:
    """With the default policy, and without retries: outcome, requests, ledger, time, key, and nothing left open."""
    cell = _Cell(scenario, exception_for(scenario, name), suite, call)
    _warm(suite)
    before = descriptors()
    late: list[float] = []
    while not late or (late[-1] > SLACK and len(late) < 3):  # the machine may be busy
        with Sleeper() as sleeper:
            late.append(cell.late() - 3 * sleeper.late)
    assert min(late) < SLACK, f"{min(late):.2f} s after the deadline, and that is not the machine's fault"
    gc.collect()
    assert descriptors() <= before, "descriptors are left open"


@cache
def _warm(suite: Conformance) -> None:
    """Import the SDK, which takes its time, before any clock runs."""

    async def main() -> None:
        async with running(suite) as at:
            first_kind(suite).queue(at)
            await first_kind(suite).make(at)

    asyncio.run(main())


def descriptors() -> int:
    """How many this process has open."""
    return psutil.Process().num_fds()


@frozen
class _Cell:
    scenario: Scenario
    exception: Exceptional | None
    suite: Conformance
    call: Kind

    def late(self) -> float:
        """Make the calls; how many seconds after its deadline the later one came back."""
        return asyncio.run(self._late())

    async def _late(self) -> float:
        scenario, suite = self.scenario, self.suite
        server = scenario.server(suite.spoken) if scenario.server else suite.spoken.server()
        async with asyncio.timeout(60), running(suite, key=CANARY, server=server) as at:
            wanted = expected_requests(scenario, suite, self.call, self.exception)
            late = await self._one(at, None, wanted)
            return late if scenario.requests > 1 else max(late, await self._one(at, 0, 1))

    async def _one(self, at: Running, retries: int | None, wanted: int) -> float:
        scenario, requested = self.scenario, len(at.calls)
        if scenario.replies:
            at.server.forget()
            at.server.queue(*scenario.replies(at, self.call))
        started = time.monotonic()
        ended = await _ended(self.call.make(at, **scenario.terms, retries=retries))
        seconds = time.monotonic() - started
        self._check_end(ended)
        if type(ended) is ProviderConnectionError and ended.status is None:
            never_sent = isinstance(at.server, Nobody)
            assert [attempt.cost == FREE for attempt in ended.attempts] == [never_sent] * len(ended.attempts)
        assert len(ended.attempts) == wanted, [attempt.error for attempt in ended.attempts]
        if not isinstance(at.server, Nobody):
            assert len(at.calls) - requested == wanted, [request.path for request in at.server.received]
        assert seconds >= scenario.least
        deadline: float = scenario.terms.get("deadline", 60)
        return seconds - deadline

    def _check_end(self, ended: Any) -> None:
        scenario = self.scenario
        outcome = self.exception.outcome if self.exception else scenario.outcome
        if outcome is None:
            assert not isinstance(ended, CallError), ended
            assert ended.text == scenario.text if scenario.text else ended.text
            return
        assert isinstance(ended, outcome), repr(ended)
        assert ended.attempts[-1].outcome == "error"
        assert ended.retry_after == scenario.retry_after
        assert bool(ended.partial_text) == scenario.partial
        assert leaks_of(ended) == []
        assert found_in("ledger", repr(ended.attempts)) == []


async def _ended(answering: Any) -> Any:
    try:
        return await answering
    except CallError as error:
        return error
