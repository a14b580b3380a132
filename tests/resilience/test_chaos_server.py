"""An independent chaos server, llmock, grades the client: `PIPELEX_LLMOCK` names its program, else it is found on the path."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from attrs import evolve

from pipelex_core import AsyncClient
from pipelex_core.errors import (
    CallError,
    InvalidAnswerError,
    OverloadedError,
    ProviderConnectionError,
    RateLimitError,
    error_class_for_status,
)
from pipelex_core.policies import RETRY
from pipelex_testing.running import deck_for
from tests.resilience.backends import WIRES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelex_testing import Conformance

PROGRAM = os.environ.get("PIPELEX_LLMOCK") or shutil.which("llmock")
PATHS = {
    "OpenAI chat": "/v1",
    "OpenAI responses": "/v1",
    "Anthropic": "/anthropic",
    "Mistral": "/mistral",
    "Google": "/gemini",
}
EACH = [pytest.param(name, id=name.replace(" ", "_")) for name in PATHS]

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="llmock is not installed: uv tool install llmock")


@pytest.fixture(scope="module")
def llmock() -> Iterator[httpx2.Client]:
    """The server, running; a client for its own interface."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(PROGRAM), "serve", "--host", "127.0.0.1", "--port", str(port), "--log-level", "warning"]
    with (
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process,
        httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client,
    ):
        try:
            until = time.monotonic() + 60
            while time.monotonic() < until and process.poll() is None:
                with suppress(httpx2.TransportError):
                    if client.get("/health").is_success:
                        break
                time.sleep(0.1)
            yield client
        finally:
            process.terminate()


def _graded(
    llmock: httpx2.Client, name: str, *behaviors: dict[str, Any], stream: bool, **terms: Any
) -> tuple[Any, Any]:
    """How a call ended, and what the server says of the client."""
    suite: Conformance = WIRES[name]
    llmock.post("/_llmock/reset").raise_for_status()
    llmock.post("/_llmock/scenario", json={"behaviors": list(behaviors)}).raise_for_status()
    deck = deck_for(suite, str(llmock.base_url).rstrip("/"))
    (config,) = deck.backends.values()
    address = f"{str(llmock.base_url).rstrip('/')}{PATHS[name]}"
    deck = evolve(deck, backends={config.name: evolve(config, endpoint=address, retry=RETRY)})

    async def main() -> Any:
        async with asyncio.timeout(60), AsyncClient(deck, suite.plugins()) as client:
            try:
                if not stream:
                    return await client.generate_text("Name three rivers of Europe.", model="llm", **terms)
                async with client.stream_text("Name three rivers of Europe.", model="llm", **terms) as deltas:
                    async for _ in deltas:
                        pass
            except CallError as error:
                return error
            return deltas.result

    return asyncio.run(main()), llmock.get("/_llmock/verdict").json()


FAILURES: dict[str, tuple[dict[str, Any], type[CallError] | None, int]] = {
    "429, Retry-After: 1": ({"type": "fail", "status": 429, "retry_after": 1}, None, 2),
    "429, Retry-After: 90": ({"type": "fail", "status": 429, "retry_after": 90}, RateLimitError, 1),
    "500": ({"type": "fail", "status": 500}, None, 2),
    "503": ({"type": "fail", "status": 503}, None, 2),
    "529, always": ({"type": "fail", "status": 529, "times": None}, OverloadedError, 3),
    **{
        str(status): ({"type": "fail", "status": status, "times": None}, error_class_for_status(status), 1)
        for status in (400, 401, 403, 404, 422)
    },
}
STREAMS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "truncated": ({"type": "stream_fault", "kind": "truncate", "after_chunks": 3}, {}),
    "disconnected": ({"type": "stream_fault", "kind": "disconnect", "after_chunks": 3}, {}),
    "malformed": ({"type": "stream_fault", "kind": "malformed", "after_chunks": 3}, {}),
    "stalled": (
        {"type": "stream_fault", "kind": "stall", "after_chunks": 3, "stall_seconds": 5},
        {"idle_timeout": 1.0},
    ),
}


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("name", EACH)
def test_a_failure_is_survived_or_told(llmock: httpx2.Client, name: str, failure: str) -> None:
    """With the default policy: asked again where that helps, not before it was asked to wait, and not otherwise."""
    behavior, outcome, attempts = FAILURES[failure]
    ended, verdict = _graded(llmock, name, behavior, stream=False)
    assert type(ended) is outcome if outcome else ended.text
    assert len(ended.attempts) == verdict["attempts"] == attempts
    assert verdict["passed"], verdict
    assert _codes(verdict) <= {"no_backoff", "gave_up"}  # a random wait may be short; 90 s are not waited for


@pytest.mark.parametrize("fault", STREAMS)
@pytest.mark.parametrize("name", EACH)
def test_a_broken_stream_is_an_error_or_begins_again(llmock: httpx2.Client, name: str, fault: str) -> None:
    """As the call says. The server sees of an error only that nobody asked again, so it grades the other way."""
    behavior, terms = STREAMS[fault]
    ended, verdict = _graded(llmock, name, behavior, stream=True, retries=0, **terms)
    assert isinstance(ended, (ProviderConnectionError, InvalidAnswerError)), repr(ended)
    assert verdict["faults_injected"] == 1
    if fault == "malformed":
        return  # before its first delta a stream of nonsense is not asked for again
    ended, verdict = _graded(llmock, name, behavior, stream=True, on_interrupted="restart", **terms)
    assert ended.text
    assert len(ended.attempts) == verdict["attempts"] == 2
    assert verdict["passed"], verdict
    assert _codes(verdict) <= {"no_backoff"}


def _codes(verdict: Any) -> set[str]:
    """What the client did wrong."""
    return {finding["code"] for finding in verdict["findings"]}
