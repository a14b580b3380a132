"""Ten thousand texts as vectors through a provider on loopback, beside the SDK's own `embeddings.create` in the same batches.

Processor time and memory of a process of its own for each side; the server is a third one.
"""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
import time
import tracemalloc
from array import array
from statistics import median
from typing import Any

from pipelex_core import AsyncClient
from pipelex_core.deck import ModelDeck
from pipelex_core.plugins import discover
from pipelex_core.routing import ModelEntry, RouteMatch
from pipelex_core.specs import BackendConfig, ModelSpec, Secret
from tests.servers.base import Received, Reply, Server, in_thread
from tools.benchmarks.table import Row

TEXTS = 10_000
BATCH = 256
DIMENSIONS = 1536
ROUNDS = 3
_KEY = "sk-bench"


class VectorServer(Server):
    """OpenAI's embeddings, in base64: one vector a text, nothing computed."""

    def __init__(self) -> None:
        super().__init__()
        numbers = array("f", [((at * 7919) % 2003 - 1001) / 1001 for at in range(DIMENSIONS)])
        self._vector = base64.b64encode(numbers.tobytes()).decode()

    async def answer(self, request: Received) -> Reply:
        """As many as there are texts."""
        self.received.clear()
        count = len(request.json["input"])
        rows = ",".join(f'{{"object":"embedding","index":{at},"embedding":"{self._vector}"}}' for at in range(count))
        usage = f'{{"prompt_tokens":{count},"total_tokens":{count}}}'
        body = f'{{"object":"list","data":[{rows}],"model":"m","usage":{usage}}}'
        return Reply(chunks=(body.encode(),), content_type="application/json")


def texts() -> list[str]:
    """What is embedded."""
    return [f"text number {at} about a river" for at in range(TEXTS)]


async def _ours(url: str, *, trace: bool) -> dict[str, float]:
    spec = ModelSpec(name="m", backend="openai", sdk="openai", model_id="m", model_type="embedding", max_inputs=2048)
    entry = ModelEntry(
        name="m", spec=spec, available=True, reason=None, route=RouteMatch(rule="exact", backend="openai")
    )
    config = BackendConfig(name="openai", endpoint=f"{url}/v1", api_key=Secret(_KEY))
    deck = ModelDeck(models={"m": entry}, backends={"openai": config})
    requested = texts()
    async with AsyncClient(deck, discover()) as client:
        await client.embed("warm", model="m")
        if trace:
            tracemalloc.start()
        started = time.process_time()
        result = await client.embed(requested, model="m")
        spent = time.process_time() - started
        peak = tracemalloc.get_traced_memory()[1] / len(result.vectors.data) if trace else 0.0
    return {"cpu": spent, "peak": peak}


async def _theirs(url: str) -> dict[str, float]:
    import openai

    requested = texts()
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=_KEY, max_retries=0) as client:
        await client.embeddings.create(model="m", input=["warm"])
        started = time.process_time()
        vectors: list[Any] = []
        for at in range(0, TEXTS, BATCH):
            answer = await client.embeddings.create(model="m", input=requested[at : at + BATCH])
            vectors += [row.embedding for row in answer.data]
        return {"cpu": time.process_time() - started, "peak": 0.0}


def _measured(side: str, url: str) -> dict[str, float]:
    """The figures of one side, from a process of its own."""
    command = [sys.executable, "-m", "tools.benchmarks.vectors", side, url]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def run() -> list[Row]:
    """Processor time against the SDK's, and the peak of memory against the vectors themselves."""
    with in_thread(VectorServer()) as server:
        ours = [_measured("ours", server.url)["cpu"] for _ in range(ROUNDS)]
        theirs = [_measured("theirs", server.url)["cpu"] for _ in range(ROUNDS)]
        peak = _measured("traced", server.url)["peak"]
    note = f"{TEXTS:,} texts of {DIMENSIONS:,} dimensions, against the SDK's embeddings.create in the same batches"
    return [
        Row(name="vectors, CPU against the SDK", value=median(ours) / median(theirs), unit="x", target=0.35, note=note),
        Row(
            name="vectors, peak of memory",
            value=peak,
            unit="x",
            target=1.3,
            note="against the vectors themselves (tracemalloc)",
        ),
    ]


if __name__ == "__main__":
    _side, _url = sys.argv[1:]
    _figures = asyncio.run(_theirs(_url) if _side == "theirs" else _ours(_url, trace=_side == "traced"))
    sys.stdout.write(json.dumps(_figures))
