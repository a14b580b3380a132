"""A project with one gateway on loopback that bills what it answers, and `pipelex batch` in it, in a process or in this one."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import attrs

from pipelex_core.client import AsyncClient
from pipelex_core.plugins import discover
from pipelex_testing.bodies import openai_chat as chat
from tests.servers.base import Received, Reply, Server
from tests.servers.openai_server import error, example

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

INPUT, OUTPUT = Decimal(3), Decimal(7)
"""US$ per million tokens."""

_SPECS = """
[smart]
sdk = "openai"
model_id = "smart-1"
inputs = ["text", "images", "pdf"]
outputs = ["text", "structured"]
costs = { input = 3, output = 7, batch = { input = 1.5, output = 3.5 } }
max_tokens = 1000
context_window = 2000

[cheap]
sdk = "openai"
model_id = "cheap-1"
costs = { input = 3, output = 7 }
max_tokens = 1000

[unpriced]
sdk = "openai"
model_id = "unpriced-1"
"""


PROCESSES: list[subprocess.Popen[bytes]] = []
"""Those that were started; what a test leaves is killed after it."""


def kill_what_runs() -> None:
    """End every process that a test left."""
    while PROCESSES:
        with PROCESSES.pop() as process:
            process.kill()


class BillingServer(Server):
    """An OpenAI-compatible gateway that counts what it answers, by prompt; some prompts make it fail.

    Attributes:
        billed: How often each prompt was answered.
        money: What all answers cost together, US$.
        delay: Seconds that an answer takes.
        failing: Whether prompts with `fail` in them fail.
        hold_after: How many answers are given before the others wait until this is None.
    """

    provider = "compatible"

    def __init__(self) -> None:
        super().__init__()
        self.billed: Counter[str] = Counter()
        self.money = Decimal(0)
        self.delay = 0.0
        self.failing = True
        self.hold_after: int | None = None

    async def answer(self, request: Received) -> Reply:
        """Bill, and answer with the prompt in capitals, or an object that fits the schema."""
        body = request.json
        prompt = text_of(body)
        if "fail" in prompt and self.failing:
            return error(400, "this prompt is refused", code="bad")
        schema = ((body.get("response_format") or {}).get("json_schema") or {}).get("schema")
        self.billed[prompt] += 1
        self.money += price_of(prompt)
        while self.hold_after is not None and sum(self.billed.values()) > self.hold_after:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        text = json.dumps(example(schema)) if schema else prompt.upper()
        usage = {"prompt_tokens": len(prompt), "completion_tokens": len(prompt) * 2, "total_tokens": len(prompt) * 3}
        message: dict[str, Any] = {"usage": usage}
        if body.get("tools"):
            message["tool_calls"] = [chat.tool_call("call_1", body["tools"][0]["function"]["name"], "{}")]
        reply = Reply.json(chat.completion(text, **message))
        return attrs.evolve(reply, delay=self.delay)


def text_of(body: Mapping[str, Any]) -> str:
    """The text of the last message, or the first of those to embed."""
    if "input" in body and "messages" not in body:
        return str(body["input"][0])
    content = body["messages"][-1]["content"]
    return content if isinstance(content, str) else next(part["text"] for part in content if part["type"] == "text")


def price_of(prompt: str) -> Decimal:
    """What an answer to a prompt costs, US$."""
    return (len(prompt) * INPUT + 2 * len(prompt) * OUTPUT) / 1_000_000


def write_project(folder: Path, url: str, specs: str = _SPECS) -> None:
    """Write the configuration of a gateway."""
    inference = folder / ".pipelex" / "inference"
    (inference / "backends").mkdir(parents=True)
    (inference / "deck").mkdir()
    (inference / "backends.toml").write_text(
        f'[gateway]\nenabled = true\nendpoint = "{url}/v1"\napi_key = "sk-canary-batch"\nretries = 0\n'
    )
    (inference / "routing_profiles.toml").write_text('active = "all"\n[profiles.all]\ndefault = "gateway"\n')
    (inference / "backends" / "gateway.toml").write_text(specs)
    (inference / "deck" / "deck.toml").write_text(
        '[aliases]\nbest = "smart"\n[llm.choice_defaults]\nfor_text = "smart"\n'
    )


def write_rows(path: Path, rows: Iterable[Any]) -> None:
    """Write JSONL."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Read JSONL."""
    return [json.loads(line) for line in path.read_bytes().split(b"\n") if line]


def client_in(folder: Path) -> AsyncClient:
    """A client of the project."""
    return AsyncClient.from_project(folder, environ={}, plugins=discover(only=["openai"]))


def started(folder: Path, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    """`pipelex batch …` in a process of its own."""
    environ = {**os.environ, "PIPELEX_PLUGINS": "openai,batch"}
    command = [sys.executable, "-m", "pipelex_core", "batch", *arguments]
    return subprocess.Popen(command, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def ended(process: subprocess.Popen[bytes]) -> tuple[int, Any, str]:
    """Exit code, the JSON document, and stderr."""
    out, err = process.communicate(timeout=120)
    return process.returncode, json.loads(out) if out.startswith(b"{\n") else out, err.decode()


def total(rows: Iterable[Mapping[str, Any]]) -> Decimal:
    """What the rows say that they cost together."""
    return sum((Decimal(row["cost"]["amount"]) for row in rows), Decimal(0))
