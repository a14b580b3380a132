"""Many calls at once on a server that answers after 20 ms, beside the raw SDK's default client: rate, CPU, and peak of memory.

Each side runs in a process of its own, ours and theirs in turn, so that neither's memory or garbage is the other's.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.benchmarks.server import fixed_server
from tools.benchmarks.table import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

DELAY = 0.02
WANTED = {100: 2.5, 1000: 4.0}


def run(*, rounds: int = 3) -> list[Row]:
    """How many times the SDK's rate, its calls per second of CPU, and its memory, at 100 and at 1,000 calls at once."""
    rows = []
    for at_once, wanted in WANTED.items():
        with fixed_server(delay=DELAY) as url:
            taken = [(_measured("ours", url, at_once), _measured("SDK", url, at_once)) for _ in range(rounds)]
        (rate, of_cpu, memory), (their_rate, their_of_cpu, their_memory) = (
            tuple(map(statistics.median, zip(*side, strict=True))) for side in zip(*taken, strict=True)
        )
        note = f"{rate:.0f}/s beside {their_rate:.0f}/s, wanted >= {wanted}"
        rows.append(Row(f"throughput at {at_once} / SDK default client", rate / their_rate, "x", None, note))
        note = f"{of_cpu:.0f} beside {their_of_cpu:.0f}"
        rows.append(
            Row(f"calls per CPU-second at {at_once} / SDK default client", of_cpu / their_of_cpu, "x", None, note)
        )
        note = f"{memory:.0f} MB beside {their_memory:.0f} MB"
        rows.append(Row(f"peak memory at {at_once} / SDK default client", memory / their_memory, "x", 1.0, note))
    return rows


def _measured(who: str, url: str, at_once: int) -> tuple[float, float, float]:
    """Calls a second, calls per second of CPU, and megabytes at the peak, of a process of its own."""
    command = [sys.executable, "-m", "tools.benchmarks.throughput", who, url, str(at_once)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    rate, of_cpu, memory = map(float, done.stdout.split())
    return rate, of_cpu, memory


async def _rate(call: Callable[[], Coroutine[Any, Any, Any]], at_once: int) -> tuple[float, float]:
    gate = asyncio.Semaphore(at_once)
    total = at_once * 3

    async def one() -> None:
        async with gate:
            await call()

    await call()
    started, worked = time.perf_counter(), time.process_time()
    ended = await asyncio.gather(*(one() for _ in range(total)), return_exceptions=True)
    answered = sum(not isinstance(end, BaseException) for end in ended)  # a client may give up under such a load
    return answered / (time.perf_counter() - started), answered / (time.process_time() - worked)


async def _main(who: str, url: str, at_once: int) -> tuple[float, float]:
    from tools.benchmarks.calls import MESSAGES, PROMPT, deck

    if who == "ours":
        from pipelex_core import AsyncClient
        from pipelex_core.plugins import discover

        async with AsyncClient(deck(url), discover()) as ours:
            return await _rate(lambda: ours.generate_text(PROMPT, model="m"), at_once)
    import openai

    async with openai.AsyncOpenAI(base_url=url, api_key="sk-bench", max_retries=0) as theirs:
        return await _rate(lambda: theirs.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES), at_once)


def _peak() -> float:
    """Megabytes at this process's peak; what `getrusage` tells may be its parent's, from before the exec."""
    status = Path("/proc/self/status").read_text(encoding="ascii").split("\n")
    return int(next(line for line in status if line.startswith("VmHWM")).split()[1]) / 1024


if __name__ == "__main__":
    measured = asyncio.run(_main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
    sys.stdout.write(f"{measured[0]} {measured[1]} {_peak()}\n")
