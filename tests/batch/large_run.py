"""A run of many rows in a process of its own: how its memory grows, and how long the same run takes once more.

`python -m tests.batch.large_run FOLDER ROWS` prints megabytes at a twentieth of the rows and at the end, the CPU seconds of a
run that has nothing to do, and the sizes of the journal and of the outcomes.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from pipelex_batch.engine import run_batch
from pipelex_batch.journal import journal_of
from pipelex_batch.run_options import RunOptions
from pipelex_batch.running import Run
from pipelex_batch.settings import BatchSettings
from pipelex_core.client import AsyncClient
from pipelex_core.plugins import discover
from pipelex_core.specs import Costs
from tests.support.scripted import deck_of, spec

if TYPE_CHECKING:
    from pipelex_batch.report import Report


def megabytes() -> float:
    """What this process has in memory now."""
    status = Path("/proc/self/status").read_text(encoding="ascii").split("\n")
    return int(next(line for line in status if line.startswith("VmRSS")).split()[1]) / 1024


def client() -> AsyncClient:
    """A client of the mock."""
    costs = Costs(input=Decimal(3), output=Decimal(7))
    return AsyncClient(deck_of(spec("m", sdk="mock", costs=costs)), discover(only=["mock"]))


def run(settings: BatchSettings) -> Report:
    async def main() -> Report:
        async with client() as opened:
            return await run_batch(settings, opened, RunOptions(concurrency=64), lambda _: None)

    return asyncio.run(main())


def main(folder: Path, rows: int) -> None:
    source, output = folder / "q.jsonl", folder / "a.jsonl"
    with source.open("w") as file:
        for number in range(rows):
            file.write(json.dumps({"id": f"row-{number}", "prompt": f"Question {number}: {'word ' * 40}"}) + "\n")
    settings = BatchSettings(inputs=(str(source),), output=str(output), model="m")
    early: list[float] = []
    write = Run.write

    def watched(self: Run, line: bytes) -> None:
        write(self, line)
        if self.standing.done == rows // 20:
            early.append(megabytes())

    Run.write = watched  # type: ignore[method-assign]
    report = run(settings)
    late = megabytes()
    assert (report.state, report.done) == ("finished", rows)
    Run.write = write  # type: ignore[method-assign]
    started = time.process_time()
    again = run(settings)
    seconds = time.process_time() - started
    assert again.done == rows
    sizes = {"journal": journal_of(output).stat().st_size, "results": output.stat().st_size}
    sys.stdout.write(json.dumps({"early": early[0], "late": late, "resume_s": seconds, **sizes}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
