"""OpenAI's Batch API on loopback, and a project whose models have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.batch.openai_batches import OpenAIBatches
from tests.batch.project import kill_what_runs, write_project
from tests.servers.base import in_thread

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SPECS = """
[defaults]
sdk = "openai"
inputs = ["text"]
outputs = ["text", "structured"]
batches = true
max_tokens = 1000

[smart]
model_id = "smart-1"
costs = { input = 3, output = 7, batch = { input = 1.5, output = 3.5 } }

[other]
model_id = "other-1"
costs = { input = 3, output = 7, batch = { input = 1.5, output = 3.5 } }

[dear]
model_id = "dear-1"
costs = { input = 3, output = 7 }

[vectors]
model_type = "embedding"
model_id = "vectors-1"
max_inputs = 3
costs = { input = 2, batch = { input = 1 } }

[callable]
model_id = "callable-1"
batches = false
costs = { input = 3, output = 7 }
"""


@pytest.fixture
def server() -> Iterator[OpenAIBatches]:
    server = OpenAIBatches()
    with in_thread(server):
        yield server
        kill_what_runs()


@pytest.fixture
def folder(tmp_path: Path, server: OpenAIBatches) -> Path:
    write_project(tmp_path, server.url, SPECS)
    return tmp_path
