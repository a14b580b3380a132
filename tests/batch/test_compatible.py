"""Batches at Azure OpenAI, Groq and xAI: the same run, on servers that refuse what those refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pipelex_batch.engine import run
from pipelex_batch.settings import BatchSettings
from pipelex_core.client import AsyncClient
from pipelex_core.plugins import discover
from tests.batch.compatible_batches import AzureBatches, GroqBatches, XaiBatches
from tests.batch.openai_batches import Held
from tests.batch.project import read_rows, total, write_rows
from tests.servers.base import in_thread

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipelex_batch.report import Report
    from tests.batch.openai_batches import OpenAIBatches

PROVIDERS: dict[str, tuple[type[OpenAIBatches], str, str]] = {
    "azure_openai": (AzureBatches, "", "azure_openai"),
    "groq": (GroqBatches, "/openai/v1", "openai"),
    "xai": (XaiBatches, "/v1", "openai"),
}


@pytest.fixture(params=PROVIDERS)
def provider(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server(provider: str) -> Iterator[OpenAIBatches]:
    server = PROVIDERS[provider][0]()
    with in_thread(server):
        yield server


@pytest.fixture
def folder(tmp_path: Path, server: OpenAIBatches, provider: str) -> Path:
    write(tmp_path, server, provider)
    return tmp_path


def write(folder: Path, server: OpenAIBatches, provider: str, model_id: str = "smart-1-batch") -> None:
    _, prefix, sdk = PROVIDERS[provider]
    inference = folder / ".pipelex" / "inference"
    (inference / "backends").mkdir(parents=True, exist_ok=True)
    (inference / "deck").mkdir(exist_ok=True)
    (inference / "backends.toml").write_text(
        f'[{provider}]\nenabled = true\nendpoint = "{server.url}{prefix}"\napi_key = "sk-canary-batch"\n'
    )
    (inference / "routing_profiles.toml").write_text(f'active = "a"\n[profiles.a]\ndefault = "{provider}"\n')
    (inference / "backends" / f"{provider}.toml").write_text(
        f'[smart]\nsdk = "{sdk}"\nmodel_id = "{model_id}"\nmax_tokens = 1000\ninputs = ["text"]\n'
        'outputs = ["text", "structured"]\ncosts = { input = 3, output = 7, batch = { input = 1.5, output = 3.5 } }\n'
    )
    (inference / "deck" / "deck.toml").write_text('[aliases]\nbest = "smart"\n')


def batch(folder: Path, output: str = "a.jsonl", settings: Any = None, **options: Any) -> Report:
    made = BatchSettings(
        inputs=(str(folder / "q.jsonl"),), output=str(folder / output), model="smart", **(settings or {})
    )
    client = AsyncClient.from_project(folder, environ={}, plugins=discover(only=["openai"]))
    return run(made, client, via="provider", poll_s=0.01, **options)


def requested(folder: Path, *prompts: str) -> None:
    write_rows(folder / "q.jsonl", [{"prompt": prompt} for prompt in prompts])


def test_answers_in_any_order_at_batch_prices(folder: Path, server: OpenAIBatches) -> None:
    """Each row has its own, a failed one its error; what was billed is the sum of the output."""
    prompts = [f"question {n}" for n in range(7)]
    requested(folder, *prompts, "fail this")
    report = batch(folder)
    rows = read_rows(folder / "a.jsonl")
    assert [row["output"] for row in rows[:-1]] == [f"{prompt.upper()}\u2028" for prompt in prompts]
    assert rows[-1]["error"]["type"] == "BadRequestError"
    assert "refused" in rows[-1]["error"]["message"]
    assert (report.state, report.done, report.failed) == ("finished", 7, 1)
    assert report.cost == total(rows) == server.money
    assert len(server.batches) == 1


def test_what_was_not_asked_goes_again_alone(folder: Path, server: OpenAIBatches) -> None:
    """And nothing is paid twice."""
    requested(folder, *[f"question {n}" for n in range(5)])
    server.expiring = "question 3"
    report = batch(folder)
    assert (report.done, report.failed) == (5, 0)
    assert [len(held.lines) for held in server.batches.values()] == [5, 1]
    assert set(server.billed.values()) == {1}


def test_a_submission_that_was_cut_off_is_found_again(folder: Path, server: OpenAIBatches) -> None:
    """Among others' batches, on several pages; the creation is sent once."""
    for number in range(3):
        body = {"metadata": {}, "name": f"other{number}", "endpoint": "/v1/chat/completions"}
        server.batches[f"x{number}"] = Held(f"x{number}", body, [], status="completed")
    requested(folder, "one", "two")
    server.cut = 3
    assert "was not taken" in (batch(folder).reason or "")
    server.cut = 0
    for number in range(3, 6):
        body = {"metadata": {}, "name": f"other{number}", "endpoint": "/v1/chat/completions"}
        server.batches[f"x{number}"] = Held(f"x{number}", body, [], status="completed")
    report = batch(folder)
    assert (report.state, report.done) == ("finished", 2)
    assert len([held for held in server.batches.values() if held.lines]) == 1
    assert set(server.billed.values()) == {1}


def test_a_cancelled_batch_gives_back_its_rows(folder: Path, server: OpenAIBatches) -> None:
    """What was not answered is new."""
    requested(folder, "one", "two")
    batch(folder, detach=True)
    (held,) = server.batches.values()
    held.status = "cancelled"
    report = batch(folder)
    assert (report.state, report.done) == ("finished", 2)
    assert len(server.batches) == 2


def test_a_refused_file_stops_the_run(folder: Path, server: OpenAIBatches, provider: str) -> None:
    """With the provider's words, such as Azure's of a deployment that is not for batches."""
    if provider == "azure_openai":
        write(folder, server, provider, model_id="smart-1")
    else:
        server.most = 1
    requested(folder, "one", "two")
    report = batch(folder)
    words = "GlobalBatch" if provider == "azure_openai" else "too many requests"
    assert words in f"{report.reason} {read_rows(folder / 'a.jsonl')}"
    assert not report.done
    assert not server.billed


def test_no_key_in_any_file(folder: Path, server: OpenAIBatches) -> None:
    """Neither in the output, nor in the journal, nor in a batch's lines."""
    requested(folder, "one", "fail")
    batch(folder, detach=True)
    files = [file for file in folder.rglob("*") if file.is_file() and ".pipelex" not in file.parts]
    assert len(files) >= 3
    assert not [file for file in files if b"sk-canary-batch" in file.read_bytes()]
