"""Attacks that show in figures: each prints what it cost the gateway, and fails where that has no bound."""

from __future__ import annotations

import gzip
import random
import socket
import statistics
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import httpx2
import psutil
import pytest

from tests.serve.test_endurance import port_of
from tests.serve.test_operation import ADMIN, HELLO, ask, running, wait_until
from tests.support.serving import write_project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def program(tmp_path: Path) -> Iterator[tuple[str, psutil.Process]]:
    """The program, with the mock behind it; it has answered once."""
    with running(tmp_path, config=write_project(tmp_path, {})) as (url, started):
        assert ask(url).status_code == 200
        yield url, psutil.Process(started.pid)


def megabytes(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / 1e6


@pytest.mark.slow
def test_a_thousand_silent_connections(program: tuple[str, psutil.Process]) -> None:
    """They cost little, others are answered meanwhile, and all are closed when their time is over."""
    url, process = program
    before, open_before = megabytes(process), process.num_fds()
    with ExitStack() as stack:
        silent = [stack.enter_context(socket.create_connection(("127.0.0.1", port_of(url)))) for _ in range(1000)]
        for number, connection in enumerate(silent):
            connection.sendall(b"POST /v1/messages HTTP/1.1\r\nhost: 127.0.0.1\r\nx-" if number % 2 else b"G")
        wait_until(lambda: process.num_fds() >= open_before + 500)
        started = time.monotonic()
        assert ask(url).status_code == 200
        answered = time.monotonic() - started
        grown = megabytes(process) - before
        wait_until(lambda: process.num_fds() <= open_before + 2, seconds=90)
    print(f"1,000 silent connections: {grown:+.1f} MB, another request took {answered * 1000:.0f} ms")
    assert grown < 60


@pytest.mark.slow
def test_bodies_that_inflate_cost_no_more_than_the_limit(program: tuple[str, psutil.Process]) -> None:
    """A gigabyte in a megabyte is given up at the limit of bodies, time after time."""
    url, process = program
    bomb = gzip.compress(b" " * 1_000_000_000)
    before, cpu = megabytes(process), sum(process.cpu_times()[:2])
    for _ in range(5):
        answer = httpx2.post(
            f"{url}/v1/chat/completions", content=bomb, headers={"content-encoding": "gzip"}, timeout=60
        )
        assert answer.status_code == 413
    grown, taken = megabytes(process) - before, (sum(process.cpu_times()[:2]) - cpu) / 5
    print(f"{len(bomb):,} bytes that are a gigabyte: {grown:+.0f} MB, {taken * 1000:.0f} ms of CPU each")
    assert grown < 150  # one body of 64 MB, and what the allocator keeps


@pytest.mark.slow
def test_the_time_of_a_refusal_says_nothing_of_the_key(program: tuple[str, psutil.Process]) -> None:
    """A secret that is right but for its last letter is refused as one that is wrong from the first: the figures tell how fast."""
    url, _ = program
    guesses = {"wrong at once": "x" * len(ADMIN), "wrong at the end": f"{ADMIN[:-1]}x"}
    taken: dict[str, list[float]] = {name: [] for name in guesses}
    with httpx2.Client(timeout=30) as http:
        assert http.get(f"{url}/metrics", headers={"authorization": f"Bearer {ADMIN}"}).status_code == 200
        for _ in range(1500):
            for name, guess in random.sample([*guesses.items()], 2):
                started = time.perf_counter()
                answer = http.get(f"{url}/metrics", headers={"authorization": f"Bearer {guess}"})
                taken[name].append(time.perf_counter() - started)
                assert answer.status_code in {401, 403}
    middle = {name: statistics.quantiles(values, n=10)[0] * 1e6 for name, values in taken.items()}
    print("refused after", ", ".join(f"{value:.0f} µs where {name}" for name, value in middle.items()))


def _is_idle(process: psutil.Process) -> bool:
    """Whether it takes no CPU: everything that may be sent is sent."""
    before = sum(process.cpu_times()[:2])
    time.sleep(2)
    return sum(process.cpu_times()[:2]) - before < 0.05


@pytest.mark.slow
def test_clients_that_do_not_read(program: tuple[str, psutil.Process]) -> None:
    """Of ten whose streams nobody takes, each of 16 MB, memory has a bound; when they leave, nothing is left."""
    url, process = program
    before, open_before = megabytes(process), process.num_fds()
    text = "word " * 80_000
    body = httpx2.Request("POST", url, json={**HELLO, "messages": [{"role": "user", "content": text}], "stream": True})
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {len(body.content)}\r\n\r\n"
    with ExitStack() as stack:
        for _ in range(10):
            connection = stack.enter_context(socket.socket())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", port_of(url)))
            connection.sendall(head.encode() + body.content)
        wait_until(lambda: process.num_fds() >= open_before + 5)
        wait_until(lambda: _is_idle(process), seconds=120)
        assert ask(url).status_code == 200
        grown = megabytes(process) - before
    wait_until(lambda: process.num_fds() <= open_before + 2)
    print(f"10 that do not read 16 MB each: {grown:+.0f} MB")
    assert grown < 80
