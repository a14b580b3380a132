"""Many requests, many streams at once, and many calls of one key: nothing grows, nothing is lost.

A slice of the first is in every run; the others are behind the slow marker.
"""

from __future__ import annotations

import asyncio
import json
import resource
import signal
import subprocess
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx2
import psutil
import pytest

from tests.serve.test_operation import ask, command, environment, running, wait_until
from tools.benchmarks import gateway
from tools.benchmarks.load import load, provider

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def far() -> Iterator[str]:
    """A provider in a process of its own."""
    with provider() as url:
        yield url


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def descriptors(process: psutil.Process) -> int:
    return int(process.num_fds())


@pytest.mark.parametrize(
    "count", [pytest.param(1_000, id="1,000"), pytest.param(100_000, id="100,000", marks=pytest.mark.slow)]
)
def test_memory_stays_flat_and_no_descriptor_is_left(far: str, tmp_path: Path, count: int) -> None:
    """After the first thousands, requests and streams of new connections every time leave nothing behind."""
    gateway.write_project(tmp_path, far)
    with running(tmp_path, config=tmp_path / ".pipelex") as (url, started):
        process, port = psutil.Process(started.pid), port_of(url)

        def ask(requests: int, streams: int) -> None:
            asyncio.run(load(port, "", requests, streams=False))
            asyncio.run(load(port, "", streams, streams=True))

        ask(600, 100)
        if count > 10_000:
            ask(8_000, 2_000)  # until what is bounded is full: the last requests for the page, free lists, buffers
        before, open_before = process.memory_info().rss, descriptors(process)
        rounds = max(1, count // 10_000)
        for _ in range(rounds):
            ask(count // rounds * 9 // 10, count // rounds // 10)
        grown = (process.memory_info().rss - before) / 1e6
        print(f"{count:,} requests, a tenth of them streams: {grown:+.1f} MB of {before / 1e6:.0f}")
        assert grown < 8  # of a leak of 100 bytes a request there would be 10 MB after 100,000
        wait_until(lambda: descriptors(process) <= open_before + 2)


@pytest.mark.slow
def test_two_thousand_streams_at_once_on_one_worker(far: str, tmp_path: Path) -> None:
    """Each comes whole, none is refused."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 10_000:
        pytest.skip(f"a process may open {hard} descriptors here, and this takes 4,100")
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20_000), hard))
    try:
        gateway.write_project(tmp_path, far)
        with running(tmp_path, config=tmp_path / ".pipelex") as (url, started):
            process, port = psutil.Process(started.pid), port_of(url)
            asyncio.run(load(port, "", 64, streams=True))
            before, cpu = descriptors(process), sum(process.cpu_times()[:2])
            asyncio.run(load(port, "", 4_000, streams=True, at_once=2_000))
            taken = (sum(process.cpu_times()[:2]) - cpu) / 4_000 * 1000
            print(f"2,000 at once: {taken:.2f} ms a stream, {process.memory_info().rss / 1e6:.0f} MB")
            wait_until(lambda: descriptors(process) <= before + 2, seconds=120)  # the provider's are kept for a minute
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.slow
def test_a_budget_holds_for_two_hundred_at_once_over_two_workers_and_a_killed_one(far: str, tmp_path: Path) -> None:
    """Never over; every answer is counted; what is counted besides are calls that the killed worker had under way."""
    gateway.write_project(tmp_path, far)
    config, spend, most = tmp_path / ".pipelex", str(tmp_path / "spend.sqlite3"), 0.2
    added = subprocess.run(
        command("serve", "keys", "add", "alice", "--day-budget", str(most), "--spend", spend, "--json"),
        env=environment(tmp_path),
        check=True,
        capture_output=True,
        text=True,
    )
    headers = {"authorization": f"Bearer {json.loads(added.stdout)['key']}"}
    body: Any = {"model": "m", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 500}
    paid: list[float] = []
    refused: list[int] = []
    lost = 0

    async def client(http: httpx2.AsyncClient, url: str) -> None:
        nonlocal lost
        for _ in range(15):
            try:
                answer = await http.post(f"{url}/v1/chat/completions", json=body, headers=headers)
            except httpx2.TransportError:
                lost += 1
                continue
            if answer.status_code == 200:
                paid.append(float(answer.headers["x-pipelex-cost"]))
            else:
                refused.append(answer.status_code)

    async def main(url: str, victim: psutil.Process) -> None:
        limits = httpx2.Limits(max_connections=200, max_keepalive_connections=200)
        async with httpx2.AsyncClient(timeout=120, limits=limits) as http:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(200):
                    tasks.create_task(client(http, url))
                while len(paid) < 200:  # noqa: ASYNC110 -- no event tells of it
                    await asyncio.sleep(0.01)
                victim.kill()

    with running(tmp_path, "--workers", "2", "--spend", spend, config=config) as (url, started):
        asyncio.run(main(url, psutil.Process(started.pid).children()[0]))
        wait_until(lambda: len(psutil.Process(started.pid).children()) == 2)
    listed = subprocess.run(
        command("serve", "keys", "list", "--spend", spend, "--json"),
        env=environment(tmp_path),
        check=True,
        capture_output=True,
        text=True,
    )
    (key,) = json.loads(listed.stdout)
    spent, a_call = float(key["day_spent"]), 0.0011
    print(f"{len(paid)} answered for {sum(paid):.4f}, {lost} lost, {len(refused)} refused; {spent:.4f} of {most} spent")
    assert set(refused) == {429}
    assert sum(paid) <= spent + 1e-9
    assert spent <= most
    assert spent - sum(paid) <= 200 * a_call  # reserved by calls that were under way in the killed worker


@pytest.mark.slow
def test_reloads_under_load_lose_nothing(far: str, tmp_path: Path) -> None:
    """Requests and streams without a pause, while the deck is read anew twenty times: each has its answer."""
    gateway.write_project(tmp_path, far)
    config = tmp_path / ".pipelex"
    deck = config / "inference" / "deck" / "base_deck.toml"
    with running(tmp_path, "--no-watch", config=config) as (url, started):

        def is_there(handle: str) -> bool:
            return ask(url, body={"model": handle}).status_code == 200

        async def reload() -> None:
            for number in range(20):
                deck.write_text(f'[aliases]\n"round-{number}" = ["m"]\n{gateway.DECK}', encoding="utf-8")
                started.send_signal(signal.SIGHUP)
                await asyncio.to_thread(wait_until, partial(is_there, f"round-{number}"))

        async def main() -> None:
            busy = asyncio.create_task(reload())
            port, count = port_of(url), 0
            while not busy.done():
                await asyncio.gather(load(port, "", 200, streams=False), load(port, "", 40, streams=True))
                count += 240
            await busy
            print(f"{count} requests were answered during 20 reloads")

        asyncio.run(main())
