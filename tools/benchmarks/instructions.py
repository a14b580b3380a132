"""One call counted in instructions of the processor, which no other load of the machine changes; needs valgrind.

A program of its own makes each kind of call under callgrind, which counts between the first call and the last only.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Literal

from tools.benchmarks.provider_answers import provider_server
from tools.benchmarks.server import CHUNKS, fixed_server
from tools.benchmarks.table import Row

if TYPE_CHECKING:
    from collections.abc import Callable

WARM = 3
COUNTED = {"async": 25, "sync": 25, "stream": 3, "object": 25}
OF_A_PROVIDER = 25
"""How many calls are counted; telling callgrind to begin and to end is counted too, and is little beside so many."""

KINDS: dict[str, tuple[str, float]] = {
    "async": ("generate_text, async / SDK typed call, instructions", 0.35),
    "sync": ("generate_text, sync / SDK typed call, instructions", 0.60),
    "stream": ("stream_text per chunk / SDK typed stream, instructions", 0.20),
    "object": ("generate_object, warm / SDK's chat.completions.parse, instructions", 0.20),
    "RawAnthropic": ("anthropic: one call / SDK typed call, instructions", 0.9),
    "RawMistral": ("mistral: one call / SDK typed call, instructions", 0.9),
    "RawGoogle": ("google: one call / SDK typed call, instructions", 0.9),
    "RawBedrockInThreads": ("bedrock: one call / SDK in asyncio.to_thread, instructions", 1.05),
    "RawFal": ("fal: one call / SDK typed call, instructions", 0.9),
}
"""What is counted: a kind of call to OpenAI, or one of the providers' classes in `providers.py`."""


def run() -> list[Row]:
    """A ratio for each kind of call; a row that says so where there is no valgrind."""
    if shutil.which("valgrind") is None:
        return [Row(name, None, "x", target, "not available: valgrind") for name, target in KINDS.values()]
    rows = []
    with fixed_server() as url, provider_server() as providers:
        for kind, (name, target) in KINDS.items():
            units = COUNTED.get(kind, OF_A_PROVIDER) * (CHUNKS if kind == "stream" else 1)
            address = url if kind in COUNTED else providers
            ours, theirs = (count(f"{kind} {who}", address) / units for who in ("ours", "SDK"))
            note = f"{ours / 1e3:.0f} thousand beside {theirs / 1e3:.0f} thousand"
            rows.append(Row(name, ours / theirs, "x", target, note))
    return rows


def count(program: str, url: str) -> int:
    """The instructions that a program's counted calls take, in all its threads."""
    command = [
        *("valgrind", "--tool=callgrind", "--instr-atstart=no", "--callgrind-out-file=/dev/null"),
        *(sys.executable, "-m", "tools.benchmarks.instructions", program, url),
    ]
    environ = {**os.environ, "PYTHONHASHSEED": "0"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environ)
    collected = re.search(r"Collected : (\d+)", done.stderr)
    assert collected is not None, done.stderr
    return int(collected[1])


def _counting(on: str) -> None:
    """Tell callgrind, in whose hands this process is, to count or to stop."""
    subprocess.run(["callgrind_control", "-i", on, str(os.getpid())], check=True, stdout=subprocess.DEVNULL)


def _counted(call: Callable[[], Any], times: int) -> None:
    for _ in range(WARM):
        call()
    _counting("on")
    for _ in range(times):
        call()
    _counting("off")


async def _counted_in_loop(call: Callable[[], Any], times: int) -> None:
    """The same of calls that are awaited. In one run: `asyncio.Runner` writes the result of each run down, for an error of an enum."""
    for _ in range(WARM):
        await call()
    _counting("on")
    for _ in range(times):
        await call()
    _counting("off")


def _main(program: str, url: str) -> None:
    """Make one kind of call."""
    kind, who = program.split()
    if kind in COUNTED:
        _openai(program, url)
    else:
        _provider(kind, url, is_ours=who == "ours")


def _provider(kind: str, url: str, *, is_ours: bool) -> None:
    from pipelex_core import AsyncClient
    from tests.conformance.provider import deck_of, installed
    from tools.benchmarks.providers import RAW, our_call

    raw = next(raw for raw in RAW if raw.__name__ == kind)()
    provider = raw.provider
    with asyncio.Runner() as runner:

        async def start() -> AsyncClient:
            raw.open(url)
            return AsyncClient(deck_of((provider, provider.config(url))), installed())

        ours = runner.run(start())
        runner.run(_counted_in_loop(lambda: our_call(ours, provider) if is_ours else raw.call(), OF_A_PROVIDER))
        runner.run(ours.aclose())
        runner.run(raw.close())


def _openai(program: str, url: str) -> None:
    import openai

    from pipelex_core import AsyncClient, Client
    from pipelex_core.plugins import discover
    from tools.benchmarks.calls import MESSAGES, PROMPT, deck

    times = COUNTED[program.split(maxsplit=1)[0]]
    if program == "sync ours":
        with Client(deck(url), discover()) as client:
            _counted(lambda: client.generate_text(PROMPT, model="m"), times)
        return
    if program == "sync SDK":
        with openai.OpenAI(base_url=url, api_key="sk-bench", max_retries=0) as sdk:
            _counted(lambda: sdk.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES), times)
        return
    ours = AsyncClient(deck(url), discover())
    theirs = openai.AsyncOpenAI(base_url=url, api_key="sk-bench", max_retries=0)

    async def our_stream() -> None:
        async with ours.stream_text(PROMPT, model="m") as stream:
            async for _ in stream:
                pass

    async def their_stream() -> None:
        async for _ in await theirs.chat.completions.create(
            model="gpt-4o-mini", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
        ):
            pass

    from pydantic import BaseModel

    class Ends(BaseModel):
        sea: str
        country: Literal["NL", "FR", "IT"]

    class River(BaseModel):
        river: str
        ends: Ends
        lengths_km: list[float]

    calls: dict[str, Callable[[], Any]] = {
        "object ours": lambda: ours.generate_object(PROMPT, River, model="m"),
        "object SDK": lambda: theirs.chat.completions.parse(
            model="gpt-4o-mini", messages=MESSAGES, response_format=River
        ),
        "async ours": lambda: ours.generate_text(PROMPT, model="m"),
        "async SDK": lambda: theirs.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES),
        "stream ours": our_stream,
        "stream SDK": their_stream,
    }
    with asyncio.Runner() as runner:
        runner.run(_counted_in_loop(calls[program], times))
        runner.run(ours.aclose())
        runner.run(theirs.close())


if __name__ == "__main__":
    _main(*sys.argv[1:])
