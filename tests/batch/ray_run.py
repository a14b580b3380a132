"""Runs on a real Ray cluster of several nodes on this machine, in a process that has Ray: `python -m tests.batch.ray_run WHAT FOLDER`.

It prints what the server billed, what the output holds, and how the run ended, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import time
from collections import Counter
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelex_batch.engine import run
from pipelex_batch.settings import BatchSettings
from pipelex_core.client import AsyncClient
from pipelex_core.plugins import discover
from tests.batch.project import BillingServer, client_in, price_of, read_rows, total, write_project, write_rows
from tests.batch.test_pace import LimitedServer
from tests.servers.base import Received, Reply, in_thread
from tests.servers.redis import redis_server

if TYPE_CHECKING:
    from pipelex_batch.report import Report

ROWS = int(os.environ.get("RAY_RUN_ROWS", "400"))


def cluster_of(nodes: int) -> Any:
    """A cluster with so many nodes besides the head; Ray gives a node 30 seconds to start, which a busy machine may exceed."""
    for _ in range(3):
        try:
            return _cluster_of(nodes)
        except Exception as error:
            failure = error
    raise failure


def _cluster_of(nodes: int) -> Any:
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": 80_000_000}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    for _ in range(nodes):
        cluster.add_node(num_cpus=1, object_store_memory=80_000_000)
    cluster.wait_for_nodes()
    return cluster


def call(folder: Path, address: str, output: str = "a.jsonl", **options: Any) -> Report:
    """A run on the cluster."""
    settings = BatchSettings(inputs=(str(folder / "q.jsonl"),), output=str(folder / output), model="smart")
    make = partial(client_in, folder)
    return run(settings, client_in(folder), engine="ray", address=address, make_client=make, **options)


def facts(folder: Path, server: BillingServer, report: Report) -> dict[str, Any]:
    """What was billed and what is there."""
    rows = read_rows(folder / "a.jsonl")
    twice = {prompt: count for prompt, count in server.billed.items() if count > 1}
    return {
        "state": report.state,
        "reason": report.reason,
        "rows": [row["row"] for row in rows],
        "outputs_fit": all(row["error"] or row["output"].startswith("QUESTION") for row in rows),
        "failed": report.failed,
        "twice": sum(count - 1 for count in twice.values()),
        "repeated": report.repeated.calls,
        "unexplained": f"{server.money - total(rows) - sum((price_of(each) * (n - 1) for each, n in twice.items()), Decimal(0)):f}",
        "cost": f"{report.cost:f}",
    }


def lost_node(folder: Path) -> dict[str, Any]:
    """A node is killed when a third of the rows is answered."""
    server = BillingServer()
    server.delay = 0.05
    with in_thread(server):
        write_project(folder, server.url)
        write_rows(folder / "q.jsonl", [{"prompt": f"question {n}"} for n in range(ROWS)])
        cluster = cluster_of(3)
        try:

            def kill() -> None:
                while sum(server.billed.values()) < ROWS // 3:
                    time.sleep(0.005)
                cluster.remove_node(cluster.worker_nodes.copy().pop(), allow_graceful=False)

            killer = threading.Thread(target=kill)
            killer.start()
            report = call(folder, cluster.address, concurrency=5, workers=4)
            killer.join()
            return facts(folder, server, report)
        finally:
            cluster.shutdown()


def plain(folder: Path) -> dict[str, Any]:
    """The same rows here and on a cluster: their lines are the same, but for times; a budget and bad rows besides."""
    server = BillingServer()
    with in_thread(server):
        write_project(folder, server.url)
        prompts = [*(f"question {n}" for n in range(60)), "question fail"]
        write_rows(folder / "q.jsonl", [{"prompt": prompt} for prompt in prompts])
        cluster = cluster_of(1)
        try:
            report = call(folder, cluster.address, concurrency=4)
            there = facts(folder, server, report)
            settings = BatchSettings(inputs=(str(folder / "q.jsonl"),), output=str(folder / "b.jsonl"), model="smart")
            run(settings, client_in(folder))
            there["same_lines"] = _timeless(folder / "a.jsonl") == _timeless(folder / "b.jsonl")
            marks = [_marks(folder / name) for name in ("a.jsonl.journal", "b.jsonl.journal")]
            there["same_journal"] = marks[0] == marks[1]
            limited = BatchSettings(
                inputs=(str(folder / "q.jsonl"),),
                output=str(folder / "c.jsonl"),
                model="smart",
                arguments={"max_tokens": 60},
            )
            before = server.money
            make = partial(client_in, folder)
            ended = run(
                limited,
                client_in(folder),
                engine="ray",
                address=cluster.address,
                make_client=make,
                budget=Decimal("0.005"),
            )
            there["budget"] = {
                "state": ended.state,
                "reason": ended.reason,
                "within": server.money - before <= Decimal("0.005"),
                "fits": ended.cost == server.money - before,
                "done": ended.done,
            }
            return there
        finally:
            cluster.shutdown()


class _Watch(threading.Thread):
    """Sees when the first answer is asked for, and when the last."""

    def __init__(self, server: BillingServer) -> None:
        super().__init__()
        self._server = server
        self._server.billed = Counter()
        self.first = self.last = 0.0

    def run(self) -> None:
        while not self._server.billed:
            time.sleep(0.002)
        self.first = time.monotonic()
        while sum(self._server.billed.values()) < ROWS:
            time.sleep(0.002)
        self.last = time.monotonic()

    @property
    def rate(self) -> float:
        """Rows a second."""
        return ROWS / (self.last + self._server.delay - self.first)


def speed(folder: Path) -> dict[str, Any]:
    """Rows a second with one worker and with two, where an answer takes half a second and a worker holds twenty calls."""
    server = BillingServer()
    server.delay = 0.5
    rates = []
    with in_thread(server):
        write_project(folder, server.url)
        write_rows(folder / "q.jsonl", [{"prompt": f"question {n}"} for n in range(ROWS)])
        cluster = cluster_of(2)
        try:
            for workers in (1, 2):
                watch = _Watch(server)
                watch.start()
                report = call(folder, cluster.address, f"{workers}.jsonl", concurrency=20, workers=workers)
                watch.join()
                assert report.is_fine
                rates.append(watch.rate)
        finally:
            cluster.shutdown()
    return {"one": rates[0], "two": rates[1], "ratio": rates[1] / rates[0]}


class _CrowdedServer(BillingServer):
    """Counts how many calls are under way, and when each came."""

    def __init__(self) -> None:
        super().__init__()
        self.under_way = self.most = 0
        self.times: list[float] = []

    async def answer(self, request: Received) -> Reply:
        self.times.append(time.monotonic())
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await asyncio.sleep(0.1)
            return await super().answer(request)
        finally:
            self.under_way -= 1


def _limited_client(folder: Path, url: str) -> AsyncClient:
    """A client of the project whose limits are on a Redis server."""
    return AsyncClient.from_project(folder, environ={"LIMITS_URL": url}, plugins=discover(only=["openai", "redis"]))


def limits(folder: Path) -> dict[str, Any]:
    """Three workers that may hold eight calls each, and limits of six calls at once and of 150 a minute for all of them."""
    server = _CrowdedServer()
    with in_thread(server), redis_server() as redis:
        write_project(folder, server.url)
        backends = folder / ".pipelex" / "inference" / "backends.toml"
        own = "max_concurrency = 6\nrequests_per_minute = 150\n"
        backends.write_text('limits_url = "${LIMITS_URL}"\n\n' + backends.read_text() + own)
        write_rows(folder / "q.jsonl", [{"prompt": f"question {n}"} for n in range(ROWS)])
        cluster = cluster_of(2)
        try:
            settings = BatchSettings(inputs=(str(folder / "q.jsonl"),), output=str(folder / "a.jsonl"), model="smart")
            make = partial(_limited_client, folder, redis.url)
            started = time.monotonic()
            report = run(
                settings,
                make(),
                engine="ray",
                address=cluster.address,
                make_client=make,
                concurrency=8,
                workers=3,
            )
            found = facts(folder, server, report)
        finally:
            cluster.shutdown()
    times = server.times
    found["seconds"] = times[-1] - started
    found["at_once"] = server.most
    found["a_minute"] = max(sum(first <= each < first + 59.5 for each in times) for first in times)
    return found


def paced(folder: Path) -> dict[str, Any]:
    """Two workers at a provider that says what remains of its limit, and refuses where nothing does."""
    server = LimitedServer(says=True)
    with in_thread(server):
        write_project(folder, server.url)
        write_rows(folder / "q.jsonl", [{"prompt": f"question {n}"} for n in range(ROWS)])
        cluster = cluster_of(1)
        try:
            report = call(folder, cluster.address, concurrency=4, workers=2)
        finally:
            cluster.shutdown()
    return {"refused": server.limited, "done": report.done}


def _timeless(path: Path) -> list[Any]:
    rows = read_rows(path)
    for row in rows:
        for attempt in row["attempts"]:
            attempt["seconds"] = attempt["wait_s"] = 0
    return rows


def _marks(path: Path) -> list[Any]:
    """The rows of a journal, and the names of its events."""
    marks = [json.loads(line) for line in path.read_bytes().splitlines()]
    return sorted(str(each) for each in marks if isinstance(each, list)) + [
        each.get("event", "settings") for each in marks if isinstance(each, dict) and each.get("event") != "compacted"
    ]


if __name__ == "__main__":
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    kinds = {"lost_node": lost_node, "plain": plain, "speed": speed, "limits": limits, "paced": paced}
    found = kinds[sys.argv[1]](Path(sys.argv[2]))
    sys.stdout.write("\n" + json.dumps(found) + "\n")
