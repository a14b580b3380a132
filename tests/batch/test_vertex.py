"""Batches on Vertex AI: jobs of google-genai on a real server of Cloud Storage."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from pipelex_batch.engine import run
from pipelex_batch.settings import BatchSettings
from pipelex_core.client import AsyncClient
from pipelex_core.plugins import discover
from tests.batch.other_batches import Job
from tests.batch.project import read_rows, total, write_rows
from tests.batch.vertex_batches import VertexJobs
from tests.servers.base import in_thread, vector_of
from tests.servers.gcs import Objects, gcs_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipelex_batch.report import Report

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}},
    "required": ["name"],
    "additionalProperties": False,
}
TOOL = {"name": "look_up", "description": "Look up.", "parameters": {"type": "object", "properties": {}}}


@pytest.fixture(scope="module")
def gcs() -> Iterator[str]:
    with gcs_server() as url:
        yield url


@pytest.fixture
def server(gcs: str, tmp_path: Path) -> Iterator[VertexJobs]:
    bucket = f"bulk-{tmp_path.name.lower().replace('_', '-')[-40:]}"
    objects = Objects(gcs, bucket)
    objects.make()
    server = VertexJobs(objects, bucket)
    with in_thread(server):
        yield server


@pytest.fixture
def folder(tmp_path: Path, server: VertexJobs, gcs: str) -> Path:
    write_vertex(tmp_path, server, gcs)
    return tmp_path


def write_vertex(folder: Path, server: VertexJobs, gcs: str, **options: str) -> None:
    inference = folder / ".pipelex" / "inference"
    (inference / "backends").mkdir(parents=True, exist_ok=True)
    (inference / "deck").mkdir(exist_ok=True)
    table = {
        "endpoint": server.url,
        "gcs_endpoint": gcs,
        "gcp_project_id": "my-project",
        "gcp_location": "europe-west4",
        "batch_gcs_uri": f"gs://{server.bucket}/runs",
        **options,
    }
    lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in table.items() if value)
    (inference / "backends.toml").write_text(f"[vertexai]\nenabled = true\n{lines}")
    (inference / "routing_profiles.toml").write_text('active = "a"\n[profiles.a]\ndefault = "vertexai"\n')
    (inference / "backends" / "vertexai.toml").write_text(
        '[smart]\nsdk = "vertexai"\nmodel_id = "smart-1"\nmax_tokens = 1000\ninputs = ["text"]\n'
        'outputs = ["text", "structured"]\ncosts = { input = 3, output = 7, batch = { input = 1.5, output = 3.5 } }\n'
    )
    with (inference / "backends" / "vertexai.toml").open("a") as file:
        file.write(
            '[claude]\nsdk = "anthropic"\nmodel_id = "claude-sonnet-4-6"\nmax_tokens = 1000\ninputs = ["text"]\n'
            'outputs = ["text", "structured"]\ncosts = { input = 3, output = 7, batch = { input = 1.5, output = 3.5 } }\n'
        )
        for name, model in (("vectors", "gemini-embedding-001"), ("older", "text-embedding-005")):
            file.write(
                f'[{name}]\nsdk = "vertexai"\nmodel_type = "embedding"\nmodel_id = "{model}"\nmax_inputs = 1\n'
                "costs = { input = 2, batch = { input = 1 } }\n"
            )
    (inference / "deck" / "deck.toml").write_text('[aliases]\nbest = "smart"\n')


def batch(folder: Path, output: str = "a.jsonl", settings: Any = None, **options: Any) -> Report:
    chosen = {"model": "smart", **(settings or {})}
    made = BatchSettings(inputs=(str(folder / "q.jsonl"),), output=str(folder / output), **chosen)
    client = AsyncClient.from_project(folder, environ={}, plugins=discover(only=["vertexai"]))
    return run(made, client, **{"via": "provider", "poll_s": 0.01, **options})


def requested(folder: Path, *prompts: str) -> None:
    write_rows(folder / "q.jsonl", [{"prompt": prompt} for prompt in prompts])


def test_answers_and_errors_at_batch_prices(folder: Path, server: VertexJobs) -> None:
    """Requests go to Cloud Storage, and what came of them is fetched from there, in any order."""
    prompts = [f"question {n}" for n in range(7)]
    requested(folder, *prompts, "fail this")
    report = batch(folder)
    rows = read_rows(folder / "a.jsonl")
    assert [row["output"] for row in rows[:-1]] == [prompt.upper() for prompt in prompts]
    assert rows[-1]["error"]["type"] == "BadRequestError"
    assert "this prompt is refused" in rows[-1]["error"]["message"]
    assert (report.state, report.done, report.failed) == ("finished", 7, 1)
    assert report.cost == total(rows) == server.money


def test_objects_and_tools(folder: Path, server: VertexJobs) -> None:
    """Both are sent as in a call."""
    requested(folder, "one")
    batch(folder, "objects.jsonl", {"schema": SCHEMA})
    assert read_rows(folder / "objects.jsonl")[0]["output"] == {"name": "text"}
    batch(folder, "tools.jsonl", {"arguments": {"tools": [TOOL]}})
    assert read_rows(folder / "tools.jsonl")[0]["tool_calls"][0]["name"] == "look_up"


def test_embeddings(folder: Path, server: VertexJobs) -> None:
    """Of Gemini's models, whose outcomes have a key; a vector has the dimensions that were asked for, whatever comes."""
    write_rows(folder / "q.jsonl", [{"text": "one"}, {"text": "fail"}, {"text": "three"}])
    settings = BatchSettings(
        inputs=(str(folder / "q.jsonl"),),
        output=str(folder / "v.jsonl"),
        model="vectors",
        operation="embed",
        arguments={"dimensions": 3, "purpose": "query"},
    )
    client = AsyncClient.from_project(folder, environ={}, plugins=discover(only=["vertexai"]))
    report = run(settings, client, via="provider", poll_s=0.01)
    rows = read_rows(folder / "v.jsonl")
    first = [round(each, 6) for each in rows[0]["output"]["vectors"][0]]
    assert first == [round(each, 6) for each in vector_of("one", 8)[:3]]
    assert (report.done, report.errors) == (2, {"BadRequestError": 1})
    assert report.cost == total(rows) == Decimal(len("onethree")) / 1_000_000
    (job,) = server.jobs.values()
    assert job.lines[0]["request"]["embed_content_config"] == {
        "task_type": "RETRIEVAL_QUERY",
        "output_dimensionality": 3,
        "auto_truncate": False,
    }
    older = evolve(settings, output=str(folder / "o.jsonl"), model="older")
    client = AsyncClient.from_project(folder, environ={}, plugins=discover(only=["vertexai"]))
    assert run(older, client, via="provider", poll_s=0.01).errors == {"UnsupportedInputError": 3}
    assert len(server.jobs) == 1


def test_what_was_not_asked_goes_again_alone(folder: Path, server: VertexJobs) -> None:
    """And nothing is paid twice."""
    requested(folder, *[f"question {n}" for n in range(5)])
    server.expiring = "question 3"
    assert batch(folder).done == 5
    assert [len(job.lines) for job in server.jobs.values()] == [5, 1]
    assert set(server.billed.values()) == {1}


def test_a_submission_that_was_cut_off_is_found_again(folder: Path, server: VertexJobs) -> None:
    """By its name, among others' jobs on several pages; it is made once."""
    for number in range(3):
        server.jobs[f"{number}"] = Job(f"{number}", [], {}, state="JOB_STATE_SUCCEEDED")
    requested(folder, "one", "two")
    server.cut = 3
    assert "was not taken" in (batch(folder).reason or "")
    report = batch(folder)
    assert (report.state, report.done) == ("finished", 2)
    assert len([job for job in server.jobs.values() if job.lines]) == 1
    assert set(server.billed.values()) == {1}


def test_results_that_are_gone_are_not_asked_for_again(folder: Path, server: VertexJobs) -> None:
    """The run says so, and pays nothing twice."""
    requested(folder, "one")
    batch(folder, detach=True)
    (job,) = server.jobs.values()
    job.state = "JOB_STATE_SUCCEEDED"
    report = batch(folder)
    assert report.state == "stopped"
    assert "none of them are at" in (report.reason or "")
    assert len(server.jobs) == 1


def test_claude_answers_in_jobs_too(folder: Path, server: VertexJobs) -> None:
    """The same jobs, of Anthropic's publisher: answers, objects, tools and errors, at batch prices."""
    requested(folder, "question one", "question two", "fail this")
    report = batch(folder, settings={"model": "claude", "arguments": {"temperature": 0.5}})
    rows = read_rows(folder / "a.jsonl")
    assert [row.get("output") for row in rows[:2]] == ["QUESTION ONE", "QUESTION TWO"]
    assert (rows[2]["error"]["type"], "this prompt is refused" in rows[2]["error"]["message"]) == (
        "BadRequestError",
        True,
    )
    assert (report.state, report.done, report.failed) == ("finished", 2, 1)
    assert report.cost == total(rows) == server.money
    (job,) = server.jobs.values()
    assert job.body["model"] == "publishers/anthropic/models/claude-sonnet-4-6"
    assert all("model" not in line["request"] for line in job.lines)
    requested(folder, "one")
    batch(folder, "objects.jsonl", {"model": "claude", "schema": SCHEMA})
    assert read_rows(folder / "objects.jsonl")[0]["output"] == {"name": "text"}
    batch(folder, "tools.jsonl", {"model": "claude", "arguments": {"tools": [TOOL]}})
    assert read_rows(folder / "tools.jsonl")[0]["tool_calls"][0]["name"] == "look_up"


def test_claude_expires_and_goes_again_alone(folder: Path, server: VertexJobs) -> None:
    """And nothing is paid twice."""
    requested(folder, *[f"question {n}" for n in range(4)])
    server.expiring = "question 2"
    assert batch(folder, settings={"model": "claude"}).done == 4
    assert [len(job.lines) for job in server.jobs.values()] == [4, 1]
    assert set(server.billed.values()) == {1}


def test_claude_wants_a_region_for_jobs(folder: Path, server: VertexJobs, gcs: str) -> None:
    """There is none in `global`; the message says so, and nothing is sent."""
    requested(folder, "one")
    write_vertex(folder, server, gcs, gcp_location="global")
    report = batch(folder, settings={"model": "claude"})
    assert "needs a region" in f"{report.reason} {(folder / 'a.jsonl').read_text()}"
    assert not server.jobs


@pytest.mark.parametrize(
    "uri,words",
    [("s3://bucket", "needs batch_gcs_uri"), ("gs://not-there/x", "Cloud Storage answered with status 404")],
)
def test_a_wrong_folder_is_named(folder: Path, server: VertexJobs, gcs: str, uri: str, words: str) -> None:
    """Before a job is made."""
    requested(folder, "one")
    write_vertex(folder, server, gcs, batch_gcs_uri=uri)
    report = batch(folder)
    assert words in f"{report.reason} {(folder / 'a.jsonl').read_text()}"
    assert not server.jobs


def test_without_a_folder_there_are_no_batches(folder: Path, server: VertexJobs, gcs: str) -> None:
    """Each row says so, unpaid."""
    requested(folder, "one")
    write_vertex(folder, server, gcs, batch_gcs_uri="")
    assert batch(folder).errors == {"UnsupportedInputError": 1}
