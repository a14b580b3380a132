"""`pipelex batch run` on a server that answers after 20 ms: CPU a row, its start and its journal included.

The rows are those of a program with `AsyncClient` and a semaphore as well, in turn; what counts is the CPU of the process.
"""

from __future__ import annotations

import asyncio
import json
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.benchmarks.server import fixed_server
from tools.benchmarks.table import Row

ROWS = 10_000
AT_ONCE = 64
WANTED = 0.66
"""Milliseconds: 0.6 of what the loop took before its calls were made cheaper, 1.1."""


def run(*, rounds: int = 3) -> list[Row]:
    """CPU a row, beside the loop's; and what is on the disk, beside the results."""
    with fixed_server(delay=0.02) as url:
        taken = [(_measured("loop", url), _measured("batch", url)) for _ in range(rounds)]
    loop, batch = (statistics.median(one[0] for one in side) for side in zip(*taken, strict=True))
    on_disk = taken[0][1][1]
    return [
        Row("batch run, CPU a row", batch, "ms", WANTED, f"AsyncClient and a semaphore: {loop:.2f} ms"),
        Row("batch run, files / results", on_disk, "x", 1.3, "journal and outcomes, beside the outcomes alone"),
    ]


def _measured(who: str, url: str) -> tuple[float, float]:
    """Milliseconds of CPU a row, of a process of its own; bytes on the disk beside those of the results."""
    command = [sys.executable, "-m", "tools.benchmarks.bulk", who, url]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds / ROWS * 1000, float(done.stdout)


async def _loop(url: str) -> float:
    from pipelex_core import AsyncClient
    from pipelex_core.plugins import discover
    from tools.benchmarks.calls import PROMPT, deck

    gate = asyncio.Semaphore(AT_ONCE)
    async with AsyncClient(deck(url), discover()) as client:

        async def one() -> None:
            async with gate:
                await client.generate_text(PROMPT, model="m")

        await asyncio.gather(*(one() for _ in range(ROWS)))
    return 0.0


def _batch(url: str) -> float:
    from pipelex_batch.engine import run as run_batch
    from pipelex_batch.journal import journal_of
    from pipelex_batch.settings import BatchSettings
    from pipelex_core import AsyncClient
    from pipelex_core.plugins import discover
    from tools.benchmarks.calls import PROMPT, deck

    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder, "q.jsonl"), Path(folder, "a.jsonl")
        source.write_text("".join(json.dumps({"prompt": PROMPT}) + "\n" for _ in range(ROWS)))
        settings = BatchSettings(inputs=(str(source),), output=str(output), model="m")
        report = run_batch(settings, AsyncClient(deck(url), discover()), concurrency=AT_ONCE)
        assert report.is_fine
        results = output.stat().st_size
        return (results + journal_of(output).stat().st_size) / results


if __name__ == "__main__":
    address = sys.argv[2]
    sys.stdout.write(str(asyncio.run(_loop(address)) if sys.argv[1] == "loop" else _batch(address)))
