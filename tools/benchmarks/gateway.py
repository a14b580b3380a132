"""`pipelex serve` beside a pass-through in aiohttp and LiteLLM's proxy, on a loopback server: CPU, memory, and start.

Only the gateway's own processes are counted, by the system; load and provider run in others. Keys, limits, budgets, spend and
metrics are on.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from tools.benchmarks import litellm_proxy
from tools.benchmarks.load import AT_ONCE, CHUNKS, cpu, free_port, load, memory, passing_on, provider, wait_for
from tools.benchmarks.table import Row

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUESTS = 1500
STREAMS = 400

DECK = '[llm.choice_defaults]\nfor_text = "m"\nfor_object = "m"\n'
_BACKENDS = '[openai]\nenabled = true\nendpoint = "{url}/v1"\napi_key = "sk-bench-0123456789"\n'
_MODELS = (
    '[defaults]\nsdk = "openai"\ncosts = {{ input = 1.0, input_cached = 0.1, output = 2.0 }}\n'
    '[m]\nmodel_id = "gpt-4o-mini"\nmax_tokens = 1000\n'
)


@frozen
class Measured:
    """What one gateway took.

    Attributes:
        request: Milliseconds of CPU a request.
        stream: The same a stream of `CHUNKS` chunks.
        memory: Megabytes at the peak.
        start: Seconds of CPU from its start to its first answer.
    """

    request: float
    stream: float
    memory: float
    start: float


ONE_WORKER = Measured(request=1.0, stream=2.0, memory=80, start=1.2)
"""What one worker may take."""


def run() -> list[Row]:
    """One worker and two, beside its peers."""
    with provider() as url:
        with passing_on(url) as (port, pid):
            bare = _measure(port, pid, key="")
        one, two = _of_serve(url, workers=1), _of_serve(url, workers=2)
        other = _of_litellm(url)
    return [
        *_rows("gateway", one, ONE_WORKER),
        Row("gateway of two workers / of one, CPU a request", two.request / one.request, "x", 1.1),
        *_rows("aiohttp pass-through", bare),
        *_rows("LiteLLM's proxy", other, note="" if other else "it cannot be installed here"),
    ]


def _rows(name: str, measured: Measured | None, target: Measured | None = None, note: str = "") -> Iterator[Row]:
    units = {"request": "ms", "stream": "ms", "memory": "MB", "start": "s"}
    reported = {
        "request": f"CPU a request, {AT_ONCE} at once",
        "stream": f"CPU a stream of {CHUNKS} chunks",
        "memory": "memory",
        "start": "CPU until the first answer",
    }
    for field, unit in units.items():
        most: float | None = getattr(target, field) if target else None
        yield Row(f"{name}, {reported[field]}", getattr(measured, field) if measured else None, unit, most, note)


def _of_litellm(url: str) -> Measured | None:
    program = litellm_proxy.installed()
    if program is None:
        return None
    port, key = free_port(), f"sk-{secrets.token_hex(24)}"
    with litellm_proxy.proxy(program, url, port, key) as pid:
        wait_for(port, "/health/liveliness")
        return _measure(port, pid, key=key, share=0.1)  # it takes thirty times as long


def _of_serve(url: str, *, workers: int) -> Measured:
    with tempfile.TemporaryDirectory() as folder:
        spend = f"{folder}/spend.sqlite3"
        write_project(Path(folder), url)
        command = [sys.executable, "-m", "pipelex_core", "serve"]
        limits = ["--rpm", "1000000", "--tpm", "1000000000", "--day-budget", "1000", "--json"]
        added = subprocess.run(
            [*command, "keys", "add", "bench", "--spend", spend, *limits], check=True, capture_output=True, text=True
        )
        key = json.loads(added.stdout)["key"]
        port = free_port()
        options = ["--port", str(port), "--workers", str(workers), "--spend", spend]
        with (
            Path(os.devnull).open("w") as nowhere,
            subprocess.Popen(
                [*command, "--config", f"{folder}/.pipelex", *options],
                stdout=nowhere,
                stderr=nowhere,
            ) as process,
        ):
            try:
                wait_for(port)
                return _measure(port, process.pid, key=key)
            finally:
                process.send_signal(signal.SIGTERM)


def _measure(port: int, pid: int, *, key: str, share: float = 1.0) -> Measured:
    """The figures of a gateway at a port, from so large a share of the load."""
    asyncio.run(load(port, key, 1, streams=False))
    start = cpu(pid)
    asyncio.run(load(port, key, round(300 * share), streams=False))
    asyncio.run(load(port, key, round(100 * share), streams=True))
    figures = []
    for streams, whole in ((False, REQUESTS), (True, STREAMS)):
        best, count = float("inf"), round(whole * share)
        for _ in range(3):
            before = cpu(pid)
            asyncio.run(load(port, key, count, streams=streams))
            best = min(best, (cpu(pid) - before) / count * 1000)
        figures.append(best)
    request, stream = figures
    return Measured(request, stream, memory(pid), start)


# ── The project of the gateway ────────────────────────────────────────────────────────────────────────────────────


def write_project(folder: Path, url: str) -> None:
    """A project whose only model is a provider's at an address."""
    inference = folder / ".pipelex" / "inference"
    (inference / "backends").mkdir(parents=True)
    (inference / "deck").mkdir()
    (inference / "backends.toml").write_text(_BACKENDS.format(url=url))
    (inference / "backends" / "openai.toml").write_text(_MODELS.format())
    (inference / "routing_profiles.toml").write_text('active = "all"\n[profiles.all]\ndefault = "openai"\n')
    (inference / "deck" / "base_deck.toml").write_text(DECK)
