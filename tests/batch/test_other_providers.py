"""The batch APIs of Anthropic, Mistral and Gemini, through their own SDKs: the same run, whoever the provider is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_batch.engine import run
from pipelex_batch.settings import BatchSettings
from pipelex_core.client import AsyncClient
from pipelex_core.plugins import discover
from tests.batch.other_batches import AnthropicBatches, BatchServer, GeminiBatches, Job, MistralBatches
from tests.batch.project import read_rows, total, write_rows
from tests.servers.base import in_thread, vector_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipelex_batch.report import Report

PROVIDERS: dict[str, type[BatchServer]] = {
    "anthropic": AnthropicBatches,
    "mistral": MistralBatches,
    "google": GeminiBatches,
}
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}},
    "required": ["name"],
    "additionalProperties": False,
}
TOOL = {"name": "look_up", "description": "Look up.", "parameters": {"type": "object", "properties": {}}}


@pytest.fixture(params=PROVIDERS)
def provider(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server(provider: str) -> Iterator[BatchServer]:
    server = PROVIDERS[provider]()
    with in_thread(server):
        yield server


@pytest.fixture
def folder(tmp_path: Path, server: BatchServer, provider: str) -> Path:
    inference = tmp_path / ".pipelex" / "inference"
    (inference / "backends").mkdir(parents=True)
    (inference / "deck").mkdir()
    (inference / "backends.toml").write_text(
        f'[{provider}]\nenabled = true\nendpoint = "{server.url}"\napi_key = "sk-canary-batch"\n'
    )
    (inference / "routing_profiles.toml").write_text(f'active = "a"\n[profiles.a]\ndefault = "{provider}"\n')
    (inference / "backends" / f"{provider}.toml").write_text(
        f'[smart]\nsdk = "{provider}"\nmodel_id = "smart-1"\nmax_tokens = 1000\ninputs = ["text"]\n'
        'outputs = ["text", "structured"]\ncosts = { input = 3, output = 7, batch = { input = 1.5, output = 3.5 } }\n'
    )
    with (inference / "backends" / f"{provider}.toml").open("a") as file:
        file.write(
            f'[vectors]\nsdk = "{provider}"\nmodel_type = "embedding"\nmodel_id = "v-1"\nmax_inputs = 4\n'
            "costs = { input = 2, batch = { input = 1 } }\n"
        )
    (inference / "deck" / "deck.toml").write_text('[aliases]\nbest = "smart"\n')
    return tmp_path


def batch(folder: Path, provider: str, output: str = "a.jsonl", settings: Any = None, **options: Any) -> Report:
    made = BatchSettings(
        inputs=(str(folder / "q.jsonl"),), output=str(folder / output), model="smart", **(settings or {})
    )
    client = AsyncClient.from_project(folder, environ={}, plugins=discover(only=[provider]))
    return run(made, client, via="provider", poll_s=0.01, **options)


def requested(folder: Path, *prompts: str) -> None:
    write_rows(folder / "q.jsonl", [{"prompt": prompt} for prompt in prompts])


def test_answers_in_any_order_at_batch_prices(folder: Path, server: BatchServer, provider: str) -> None:
    """Each row has its own, a failed one its error; what was billed is the sum of the output."""
    prompts = [f"question {n}" for n in range(12)]
    requested(folder, *prompts, "fail this")
    report = batch(folder, provider)
    rows = read_rows(folder / "a.jsonl")
    assert [row["output"] for row in rows[:-1]] == [prompt.upper() for prompt in prompts]
    assert rows[-1]["error"]["type"] == "BadRequestError"
    assert "refused" in rows[-1]["error"]["message"]
    assert (report.state, report.done, report.failed) == ("finished", 12, 1)
    assert report.cost == total(rows) == server.money
    assert len(server.jobs) == 1


def test_objects_and_tools(folder: Path, server: BatchServer, provider: str) -> None:
    """Both are sent as in a call."""
    requested(folder, "one")
    batch(folder, provider, "objects.jsonl", settings={"schema": SCHEMA})
    assert read_rows(folder / "objects.jsonl")[0]["output"] == {"name": "text"}
    batch(folder, provider, "tools.jsonl", settings={"arguments": {"tools": [TOOL], "temperature": 0.5}})
    assert read_rows(folder / "tools.jsonl")[0]["tool_calls"][0]["name"] == "look_up"


def test_what_expired_goes_again_alone(folder: Path, server: BatchServer, provider: str) -> None:
    """And nothing is paid twice."""
    prompts = [f"question {n}" for n in range(5)]
    requested(folder, *prompts)
    server.expiring = "question 3"
    report = batch(folder, provider)
    assert (report.done, report.failed) == (5, 0)
    assert [len(job.lines) for job in server.jobs.values()] == [5, 1]
    assert set(server.billed.values()) == {1}
    assert report.cost == server.money


@pytest.mark.parametrize("ended", [False, True])
def test_a_submission_that_was_cut_off_is_found_again(
    folder: Path, server: BatchServer, provider: str, ended: bool
) -> None:
    """Among others' batches, on several pages, whether it is under way or has ended: it is not made twice."""
    for number in range(3):
        server.jobs[f"old_{number}"] = Job(f"old_{number}", [{}, {}], {}, made=_at(-3600 + number), state="ended")
    requested(folder, "one", "two")
    server.cut = 1
    report = batch(folder, provider)
    assert "was not taken" in (report.reason or "")
    (own,) = [job for job in server.jobs.values() if not job.id.startswith("old")]
    server.jobs["old_9"] = Job("old_9", [{}], {}, made=_at(30))
    if ended:
        own.requested = 1
        answer = server._finish  # type: ignore[attr-defined]
        answer(own)
    report = batch(folder, provider)
    assert (report.state, report.done) == ("finished", 2)
    assert set(server.billed.values()) == {1}
    assert len([job for job in server.jobs.values() if not job.id.startswith("old")]) == 1


def _at(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def test_a_creation_is_sent_once(folder: Path, server: BatchServer, provider: str) -> None:
    """The SDKs' own retries, which would make several batches, are off."""
    requested(folder, "one")
    server.cut = 3
    batch(folder, provider)
    assert len(server.jobs) == 1


def test_no_key_in_any_file(folder: Path, server: BatchServer, provider: str) -> None:
    """Neither in the output, nor in the journal, nor in a batch's lines."""
    requested(folder, "one", "fail")
    batch(folder, provider, detach=True)
    files = [file for file in folder.rglob("*") if file.is_file() and ".pipelex" not in file.parts]
    assert len(files) >= 3
    assert not [file for file in files if b"sk-canary-batch" in file.read_bytes()]


def test_embeddings_where_there_are_some(folder: Path, server: BatchServer, provider: str) -> None:
    """Mistral and Gemini have them in batches; at Anthropic the rows are failed, unpaid, and say so."""
    rows: list[Any] = [{"text": "one"}, {"text": "two"}, {"text": "fail"}]
    write_rows(folder / "q.jsonl", [*rows, {"inputs": ["three", "four"]}])
    settings = BatchSettings(
        inputs=(str(folder / "q.jsonl"),), output=str(folder / "v.jsonl"), model="vectors", operation="embed"
    )
    client = AsyncClient.from_project(folder, environ={}, plugins=discover(only=[provider]))
    report = run(settings, client, via="provider", poll_s=0.01)
    found = read_rows(folder / "v.jsonl")
    if provider == "anthropic":
        assert report.failed == 4
        assert not server.billed
        return
    assert [row["output"] and row["output"]["vectors"] for row in found[:2]] == [
        [vector_of("one", 3)],
        [vector_of("two", 3)],
    ]
    assert found[2]["error"]["type"] == "BadRequestError"
    assert report.cost == total(found)
    assert [row["cost"]["amount"] for row in found[:2]] == ["0.000003", "0.000003"]
    if provider == "mistral":
        assert {job.body["endpoint"] for job in server.jobs.values()} == {"/v1/embeddings"}
    else:
        assert "one text to embed" in found[3]["error"]["message"]


@pytest.mark.parametrize("provider", ["google"])
def test_embeddings_that_all_failed_are_failed_rows(folder: Path, server: BatchServer, provider: str) -> None:
    """The SDK takes such answers of Gemini for those of texts."""
    write_rows(folder / "q.jsonl", [{"text": "fail one"}, {"text": "fail two"}])
    settings = BatchSettings(
        inputs=(str(folder / "q.jsonl"),), output=str(folder / "v.jsonl"), model="vectors", operation="embed"
    )
    client = AsyncClient.from_project(folder, environ={}, plugins=discover(only=[provider]))
    report = run(settings, client, via="provider", poll_s=0.01)
    assert (report.state, report.errors) == ("finished", {"BadRequestError": 2})
    assert len(server.jobs) == 1
