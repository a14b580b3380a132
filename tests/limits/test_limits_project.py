"""Limits and budgets from a project's files to the wire: what a real server sees."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipelex_core import AsyncClient, BudgetExceededError, Client
from tests.docs.project import write_project
from tests.servers.base import in_thread
from tests.servers.openai_server import OpenAIServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.base import Received, Reply


class Busy(OpenAIServer):
    """Answers after a moment, and counts how many it is asked at once."""

    def __init__(self) -> None:
        super().__init__()
        self.busy = 0
        self.most_busy = 0

    async def answer(self, request: Received) -> Reply:
        self.busy += 1
        self.most_busy = max(self.most_busy, self.busy)
        await asyncio.sleep(0.02)
        self.busy -= 1
        return await super().answer(request)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Busy]:
    busy = Busy()
    with in_thread(busy):
        table = {"enabled": True, "endpoint": f"{busy.url}/v1", "api_key": "sk-loopback", "max_concurrency": 3}
        write_project(tmp_path, {"openai": table})
        yield busy


def test_the_server_is_never_asked_more_at_once(server: Busy, tmp_path: Path) -> None:
    """Thirty calls of tasks, then thirty of threads: three at a time, and all of them answered."""

    async def main() -> None:
        async with AsyncClient.from_project(tmp_path) as client:
            await asyncio.gather(*(client.generate_text("?", model="gpt-4o-mini", max_tokens=9) for _ in range(30)))

    asyncio.run(main())
    assert server.most_busy == 3
    with Client.from_project(tmp_path) as client, ThreadPoolExecutor(10) as threads:
        list(threads.map(lambda _: client.generate_text("?", model="gpt-4o-mini", max_tokens=9), range(30)))
    assert server.most_busy == 3
    assert len(server.received) == 60


def test_a_budget_says_what_the_ledgers_say(server: Busy, tmp_path: Path) -> None:
    """And nothing is sent once it does not reach; streams count when they have ended."""
    with Client.from_project(tmp_path, budget_usd="0.0001") as client:
        budget = client.total_budget
        assert budget is not None
        costs = []
        with client.stream_text("?", model="gpt-4o-mini", max_tokens=9) as stream:
            list(stream)
        costs.append(stream.result.cost)
        with pytest.raises(BudgetExceededError):
            for _ in range(1000):
                costs.append(client.generate_text("?", model="gpt-4o-mini", max_tokens=9).cost)
        assert budget.spent == sum(cost.amount for cost in costs if cost is not None)
        assert 0 < budget.spent <= budget.limit
        assert len(server.received) == len(costs)


_FORKS = """
import os, sys
from concurrent.futures import ThreadPoolExecutor
from pipelex_core import Client

client = Client.from_project(sys.argv[1])
ask = lambda _: client.generate_text("?", model="gpt-4o-mini", max_tokens=9, deadline=60).text
assert ask(0)
with ThreadPoolExecutor(8) as threads:
    calls = [threads.submit(ask, each) for each in range(24)]  # three under way, the others wait
    child = os.fork()
    if child == 0:
        assert all(ask(each) for each in range(4))
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert all(call.result() for call in calls)
client.close()
print("done")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_has_all_the_places(server: Busy, tmp_path: Path) -> None:
    """The parent's requests under way, and its waiting ones, are not the child's."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore:This process:DeprecationWarning", "-c", _FORKS, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert (done.stdout, done.stderr, done.returncode) == ("done\n", "", 0)
    assert len(server.received) == 29
