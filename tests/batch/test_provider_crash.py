"""A run by a provider's batch API that is killed at any moment, or whose disk is full: a batch is made once, and paid once."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import time
from contextlib import chdir
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_batch.engine import RunOptions, run_batch
from pipelex_batch.settings import BatchSettings
from tests.batch.project import (
    client_in,
    ended,
    read_rows,
    started,
    total,
    write_rows,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipelex_batch.report import Report
    from tests.batch.openai_batches import OpenAIBatches

ROWS = 400
COMMAND = ("run", "q.jsonl", "-o", "a.jsonl", "-m", "smart", "--via", "provider", "--poll", "0.02", "--json")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_killed_at_any_moment_a_batch_is_made_once(folder: Path, server: OpenAIBatches, seed: int) -> None:
    """While rows are written down, submitted, waited for, fetched and written: fifteen kills each."""
    chance = random.Random(seed)
    rows = [{"prompt": f"question {n} {'x' * (n % 50)}", "model": ("smart", "other")[n % 2]} for n in range(ROWS)]
    write_rows(folder / "q.jsonl", rows)
    server.polls = 6
    begun = killed = 0
    while begun < 15:
        begun += 1
        process = started(folder, *COMMAND)
        before = len(server.received)
        wanted = before + chance.randrange(1, 5)
        until = time.monotonic() + 30
        while len(server.received) < wanted and process.poll() is None and time.monotonic() < until:
            time.sleep(0.001)
        time.sleep(chance.random() / 20)
        process.kill()
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
        if process.returncode == 0:
            break
    code, report, err = ended(started(folder, *COMMAND))
    assert (code, report["state"], report["done"]) == (0, "finished", ROWS), err
    found = read_rows(folder / "a.jsonl")
    assert [row["output"] for row in found] == [f"{row['prompt'].upper()}\u2028" for row in rows]
    assert len(server.batches) == 2
    assert set(server.billed.values()) == {1}
    assert total(found) == server.money
    assert report["repeated"]["calls"] == 0
    assert killed > 3


# ── A full disk ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk of eight megabytes, where this machine lets one be mounted."""
    place = folder / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def by_provider(folder: Path, **options: Any) -> Report:
    settings = BatchSettings(inputs=("q.jsonl",), output="disk/a.jsonl", model="smart")
    made = RunOptions(via="provider", poll_s=0.01, **options)

    async def main() -> Report:
        async with client_in(folder) as client:
            return await run_batch(settings, client, made, lambda _: None)

    with chdir(folder):
        return asyncio.run(main())


def filled(disk: Path, free: int) -> Path:
    """A file that leaves so many bytes free."""
    padding = disk / "padding"
    with padding.open("wb", buffering=0) as file:
        size = 0
        block = bytes(4096)
        try:
            while True:
                size += file.write(block)
        except OSError:
            file.truncate(max(size - free, 0))
    return padding


def test_a_disk_without_room_for_the_lines_submits_nothing(
    folder: Path, server: OpenAIBatches, small_disk: Path
) -> None:
    """It says so, and leaves nothing behind; with room, it is one batch."""
    write_rows(folder / "q.jsonl", [{"prompt": f"{n} " + "y" * 6_000} for n in range(100)])
    padding = filled(small_disk, 1_500_000)
    report = by_provider(folder)
    assert (report.state, report.done, len(server.batches)) == ("stopped", 0, 0)
    assert "the disk takes no more (No space left on device)" in (report.reason or "")
    assert not list((small_disk / "a.jsonl.batches").iterdir())
    padding.unlink()
    report = by_provider(folder)
    assert (report.state, report.done) == ("finished", 100)
    assert set(server.billed.values()) == {1}


@pytest.mark.parametrize("free", [1_400_000, 2_600_000])
def test_a_disk_without_room_for_the_results_loses_none(
    folder: Path, server: OpenAIBatches, small_disk: Path, free: int
) -> None:
    """Whether it is full while they are fetched or while they are written down; they are at the provider still."""
    write_rows(folder / "q.jsonl", [{"prompt": f"{n} " + "y" * 9_000} for n in range(100)])
    assert by_provider(folder, detach=True).state == "submitted"
    padding = filled(small_disk, free)
    report = by_provider(folder)
    assert report.state == "stopped"
    assert "No space left on device" in (report.reason or "")
    padding.unlink()
    report = by_provider(folder)
    assert (report.state, report.done, report.failed) == ("finished", 100, 0), report.reason
    assert len(server.batches) == 1
    assert total(read_rows(small_disk / "a.jsonl")) == server.money
