"""A thousand texts as vectors in this process, beside the engine used bare: processor time, each side in a process of its own.

The bare engine is asked as one would write it: each text alone, with as many threads, the numbers as a list. The share of what
this library does around it is small beside the engine's own work, which is the same on both sides.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from statistics import median

from pipelex_backend_llamacpp.models import fetch
from pipelex_core import Client
from pipelex_core.deck import ModelDeck
from pipelex_core.errors import ProviderConnectionError
from pipelex_core.plugins import discover
from pipelex_core.routing import ModelEntry, RouteMatch
from pipelex_core.specs import BackendConfig, ModelSpec
from tools.benchmarks.table import Row

TEXTS = [f"text number {at} about a river that runs to the sea" for at in range(1000)]
NAME = "all-minilm-l6-v2"
WINDOW = 512
THREADS = 1
ROUNDS = 3


def _ours() -> float:
    spec = ModelSpec(
        name=NAME, backend="llamacpp", sdk="llamacpp", model_id=NAME, model_type="embedding", context_window=WINDOW
    )
    entry = ModelEntry(name=NAME, spec=spec, available=True, reason=None, route=RouteMatch(rule="none"))
    config = BackendConfig(name="llamacpp", options={"n_threads": THREADS})
    with Client(ModelDeck(models={NAME: entry}, backends={"llamacpp": config}), discover()) as client:
        client.embed("warm", model=NAME)
        started = time.process_time()
        assert len(client.embed(TEXTS, model=NAME).vectors) == len(TEXTS)
        return time.process_time() - started


def _bare() -> float:
    from xllamacpp import CommonParams, Server

    params = CommonParams()
    params.model.path = str(fetch(NAME))
    params.embedding = True
    params.n_ctx = params.n_batch = params.n_ubatch = WINDOW
    params.n_parallel = 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = THREADS
    params.warmup = False
    server = Server(params)
    server.handle_embeddings({"input": ["warm"], "model": "m"})
    started = time.process_time()
    for text in TEXTS:
        server.handle_embeddings({"input": [text], "model": "m"})["data"][0]["embedding"]
    return time.process_time() - started


def _measured(side: str) -> float:
    done = subprocess.run(
        [sys.executable, "-m", "tools.benchmarks.local_vectors", side], capture_output=True, text=True, check=True
    )
    return float(json.loads(done.stdout.strip().rpartition("\n")[2]))


def run() -> list[Row]:
    """Processor time against the bare engine's; nothing where its weights cannot be fetched."""
    try:
        fetch(NAME)
    except ProviderConnectionError:
        return []
    ours, bare = ([_measured(side) for _ in range(ROUNDS)] for side in ("ours", "bare"))
    note = f"{len(TEXTS):,} texts, all-MiniLM-L6-v2, {THREADS} thread; bare {median(bare):.1f} s"
    return [
        Row(
            name="local vectors, CPU against the bare engine",
            value=median(ours) / median(bare),
            unit="x",
            target=1.1,
            note=note,
        )
    ]


if __name__ == "__main__":
    sys.stdout.write(f"\n{json.dumps(_ours() if sys.argv[1] == 'ours' else _bare())}\n")
