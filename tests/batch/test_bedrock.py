"""Batches at Amazon Bedrock: jobs on a real S3 server, from records to results, and what AWS refuses."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

import pipelex_backend_bedrock._batches as bedrock_module
from pipelex_batch.choosing import chosen
from pipelex_batch.engine import run
from pipelex_batch.run_options import RunOptions
from pipelex_batch.running import Run
from pipelex_batch.settings import BatchSettings
from pipelex_core.client import AsyncClient
from pipelex_core.plugins import discover
from tests.batch.bedrock_batches import BedrockJobs
from tests.batch.project import read_rows, total, write_rows
from tests.documents.pdfs import lines, pdf
from tests.servers.base import in_thread, vector_of
from tests.servers.bedrock import clean_aws
from tests.servers.s3 import s3_client, s3_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipelex_batch.report import Report

__all__ = ["clean_aws"]

SECRET = "aws-secret-canary-of-batches"
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}},
    "required": ["name"],
    "additionalProperties": False,
}


@pytest.fixture(autouse=True)
def own_credentials(clean_aws: None) -> None:
    """None of this machine's."""


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with s3_server() as url:
        yield url


@pytest.fixture
def server(s3: str, request: pytest.FixtureRequest) -> Iterator[BedrockJobs]:
    client, bucket = s3_client(s3), f"bulk-{abs(hash(request.node.name))}"
    client.create_bucket(Bucket=bucket)
    server = BedrockJobs(client, bucket)
    with in_thread(server):
        yield server


@pytest.fixture
def folder(tmp_path: Path, server: BedrockJobs, s3: str) -> Path:
    write_bedrock(tmp_path, server, s3)
    return tmp_path


def write_bedrock(folder: Path, server: BedrockJobs, s3: str, **options: str) -> None:
    inference = folder / ".pipelex" / "inference"
    (inference / "backends").mkdir(parents=True, exist_ok=True)
    (inference / "deck").mkdir(exist_ok=True)
    table = {
        "endpoint": server.url,
        "s3_endpoint": s3,
        "aws_region": "us-east-1",
        "aws_access_key_id": "AKIDOFBATCHES",
        "aws_secret_access_key": SECRET,
        "batch_s3_uri": f"s3://{server.bucket}/runs",
        "batch_role_arn": "arn:aws:iam::123456789012:role/batches",
        **options,
    }
    lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in table.items() if value)
    (inference / "backends.toml").write_text(f"[bedrock]\nenabled = true\n{lines}")
    (inference / "routing_profiles.toml").write_text('active = "a"\n[profiles.a]\ndefault = "bedrock"\n')
    (inference / "backends" / "bedrock.toml").write_text(
        '[smart]\nsdk = "bedrock"\nmodel_id = "us.anthropic.claude-haiku-4-5-20251001-v1:0"\nmax_tokens = 1000\n'
        'structured_output = "json_schema"\ninputs = ["text", "images", "pdf"]\noutputs = ["text", "structured"]\n'
        "costs = { input = 3, output = 7, batch = { input = 1.5, output = 3.5 } }\n"
    )
    with (inference / "backends" / "bedrock.toml").open("a") as file:
        file.write(
            '[vectors]\nsdk = "bedrock"\nmodel_type = "embedding"\nmodel_id = "amazon.titan-embed-text-v2:0"\nmax_inputs = 1\n'
            "costs = { input = 2, batch = { input = 1 } }\n"
        )
    (inference / "deck" / "deck.toml").write_text('[aliases]\nbest = "smart"\n')


def batch(folder: Path, output: str = "a.jsonl", settings: Any = None, **options: Any) -> Report:
    made = BatchSettings(
        inputs=(str(folder / "q.jsonl"),), output=str(folder / output), model="smart", **(settings or {})
    )
    client = AsyncClient.from_project(folder, environ={}, plugins=discover(only=["bedrock"]))
    return run(made, client, **{"via": "provider", "poll_s": 0.01, **options})


def requested(folder: Path, count: int, *prompts: str) -> list[str]:
    made = [f"question {n}" for n in range(count)]
    write_rows(folder / "q.jsonl", [{"prompt": prompt} for prompt in [*made, *prompts]])
    return made


def test_answers_and_errors_at_batch_prices(folder: Path, server: BedrockJobs) -> None:
    """Records go to S3 and results come from there, in any order; a failed record is a failed row, which is not paid."""
    prompts = requested(folder, 120, "fail this")
    report = batch(folder)
    rows = read_rows(folder / "a.jsonl")
    assert [row["output"] for row in rows[:-1]] == [prompt.upper() for prompt in prompts]
    assert rows[-1]["error"]["type"] == "BadRequestError"
    assert "this prompt is refused" in rows[-1]["error"]["message"]
    assert (report.state, report.done, report.failed) == ("finished", 120, 1)
    assert report.cost == total(rows) == server.money
    (job,) = server.jobs.values()
    assert job.body["modelInvocationType"] == "Converse"
    assert job.lines[0]["recordId"] == "00000000001"


def test_objects_and_images(folder: Path, server: BedrockJobs) -> None:
    """An object is asked for by its schema, and validated; bytes are base64 in a record."""
    requested(folder, 100)
    batch(folder, "objects.jsonl", {"schema": SCHEMA})
    assert read_rows(folder / "objects.jsonl")[0]["output"] == {"name": "text"}
    picture = b"\x89PNG\r\n\x1a\n" + bytes(20)
    (folder / "p.png").write_bytes(picture)
    rows = [{"prompt": f"question {n}", "images": [str(folder / "p.png")]} for n in range(100)]
    write_rows(folder / "q.jsonl", rows)
    batch(folder, "images.jsonl")
    assert read_rows(folder / "images.jsonl")[0]["error"] is None


def test_embeddings(folder: Path, server: BedrockJobs) -> None:
    """Records of InvokeModel; a vector a row, at the batch price."""
    prompts = requested(folder, 100)
    settings = BatchSettings(
        inputs=(str(folder / "q.jsonl"),), output=str(folder / "v.jsonl"), model="vectors", operation="embed"
    )
    client = AsyncClient.from_project(folder, environ={}, plugins=discover(only=["bedrock"]))
    report = run(settings, client, via="provider", poll_s=0.01)
    rows = read_rows(folder / "v.jsonl")
    assert rows[7]["output"]["vectors"] == [vector_of(prompts[7], 3)]
    assert report.cost == total(rows) == sum(Decimal(len(prompt)) / 1_000_000 for prompt in prompts)
    assert next(iter(server.jobs.values())).body["modelInvocationType"] == "InvokeModel"


TOOL = {"name": "look_up", "description": "Look up.", "parameters": {"type": "object", "properties": {}}}


def test_tools_of_a_claude(folder: Path, server: BedrockJobs) -> None:
    """In Claude's own form, for Converse takes none in a batch: calls, thoughts and results of earlier turns are in it."""
    picture = b"\x89PNG\r\n\x1a\n" + bytes(20)
    (folder / "p.png").write_bytes(picture)
    (folder / "p.pdf").write_bytes(pdf(lines("Invoice 7")))
    function = {"name": "look_up", "arguments": '{"a": 1}'}
    call = {"id": "call_1", "type": "function", "function": function}
    turns: list[Any] = [
        {"role": "user", "content": "question with turns"},
        {"role": "assistant", "content": "wait", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "it is 7"},
    ]
    rows: list[Any] = [{"prompt": f"question {n}"} for n in range(100)]
    rows[0] |= {"images": [str(folder / "p.png")], "documents": [str(folder / "p.pdf")], "system": "Be brief."}
    rows[1] = {"messages": turns}
    write_rows(folder / "q.jsonl", rows)
    report = batch(folder, settings={"arguments": {"tools": [TOOL], "tool_choice": "required", "temperature": 0.5}})
    found = read_rows(folder / "a.jsonl")
    assert report.errors == {}, found[0]["error"]
    assert report.done == 100
    assert found[2]["output"] == "QUESTION 2"
    assert found[2]["tool_calls"] == [{"id": "toolu_1", "name": "look_up", "arguments": {}}]
    assert report.cost == total(found) == server.money
    (job,) = server.jobs.values()
    assert job.body["modelInvocationType"] == "InvokeModel"
    sent = [line["modelInput"] for line in job.lines]
    assert [block["type"] for block in sent[0]["messages"][0]["content"]] == ["document", "image", "text"]
    assert sent[0]["tool_choice"] == {"type": "any"}
    assert sent[0]["system"] == [{"type": "text", "text": "Be brief."}]
    assert [block["type"] for message in sent[1]["messages"] for block in message["content"]] == [
        "text",
        "text",
        "tool_use",
        "tool_result",
    ]


def test_objects_by_a_tool(folder: Path, server: BedrockJobs) -> None:
    """Of a Claude that is asked for objects by a tool, a batch has them too, tools of the caller's beside them."""
    spec = folder / ".pipelex" / "inference" / "backends" / "bedrock.toml"
    spec.write_text(spec.read_text().replace('structured_output = "json_schema"\n', ""))
    requested(folder, 100)
    batch(folder, "objects.jsonl", {"schema": SCHEMA, "arguments": {"tools": [TOOL]}})
    assert [row["output"] for row in read_rows(folder / "objects.jsonl")] == [{"name": "text"}] * 100


def test_tools_of_others_have_no_batches(folder: Path, server: BedrockJobs) -> None:
    """The run ends before anything is sent, and says so."""
    spec = folder / ".pipelex" / "inference" / "backends" / "bedrock.toml"
    spec.write_text(spec.read_text().replace("us.anthropic.claude-haiku-4-5-20251001-v1:0", "amazon.nova-pro-v1:0"))
    requested(folder, 100)
    report = batch(folder, settings={"arguments": {"tools": [TOOL]}})
    assert (report.state, report.failed) == ("stopped", 0)
    assert "none of the first 20 rows can go into a batch" in (report.reason or "")
    assert not server.jobs


def test_too_few_rows_are_not_submitted(folder: Path, server: BedrockJobs) -> None:
    """AWS takes a hundred or more: the run stops and says so; `auto` calls instead, and says why."""
    requested(folder, 30)
    report = batch(folder)
    assert (report.state, report.done, report.failed) == ("stopped", 0, 0)
    assert "30 rows are too few for a batch at bedrock, which takes 100 or more" in (report.reason or "")
    assert not server.jobs
    notes: list[str] = []
    client = AsyncClient.from_project(folder, environ={}, plugins=discover(only=["bedrock"]))
    made = BatchSettings(inputs=(str(folder / "q.jsonl"),), output=str(folder / "b.jsonl"), model="smart")

    async def choose() -> str:
        async with client:
            looked = Run(made, client, RunOptions(via="auto", within=48), notes.append)
            looked.look.look()
            looked.total = looked.look.total
            return await chosen(looked)

    assert asyncio.run(choose()) == "calls"
    assert "a batch takes 100 or more" in notes[0]


def test_what_expired_goes_again_alone(folder: Path, server: BedrockJobs) -> None:
    """Where there are enough of them; nothing is paid twice."""
    requested(folder, 220)
    server.expiring = "question 1"  # 111 of them
    report = batch(folder)
    assert (report.done, report.failed) == (220, 0)
    assert [len(job.lines) for job in server.jobs.values()] == [220, 111]
    assert set(server.billed.values()) == {1}
    assert report.cost == server.money


def test_too_few_that_expired_are_for_calls(folder: Path, server: BedrockJobs) -> None:
    """They stay new, and the report says how to go on."""
    requested(folder, 100)
    server.expiring = "question 7"
    report = batch(folder)
    assert (report.state, report.done, report.failed) == ("stopped", 89, 0)
    assert "11 rows are too few" in (report.reason or "")


@pytest.mark.parametrize(
    "rows,most,sizes", [(220, 150, [120, 100]), (350, 120, [120, 120, 110]), (205, 180, [105, 100])]
)
def test_the_last_batch_has_as_many_rows_as_it_needs(
    folder: Path, server: BedrockJobs, monkeypatch: pytest.MonkeyPatch, *, rows: int, most: int, sizes: list[int]
) -> None:
    """Some of the one before where it would have too few; their order, and what each came to, is as ever."""
    monkeypatch.setattr(bedrock_module, "LIMITS", evolve(bedrock_module.LIMITS, requests=most))
    prompts = requested(folder, rows)
    report = batch(folder)
    assert [len(job.lines) for job in server.jobs.values()] == sizes
    assert (report.state, report.done) == ("finished", rows)
    assert [row["output"] for row in read_rows(folder / "a.jsonl")] == [prompt.upper() for prompt in prompts]
    for job in server.jobs.values():
        assert [line["recordId"] for line in job.lines] == sorted(line["recordId"] for line in job.lines)
    assert set(server.billed.values()) == {1}


def test_a_last_batch_that_cannot_be_levelled_is_for_calls(
    folder: Path, server: BedrockJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the one before has none to spare: what is too few stays new, and the run says so."""
    monkeypatch.setattr(bedrock_module, "LIMITS", evolve(bedrock_module.LIMITS, requests=110))
    requested(folder, 115)
    report = batch(folder)
    assert (report.state, report.done) == ("stopped", 110)
    assert "5 rows are too few" in (report.reason or "")
    assert not list((folder / "a.jsonl.batches").iterdir())


def test_what_is_too_few_is_called_where_it_is_the_runs_to_choose(folder: Path, server: BedrockJobs) -> None:
    """With `auto`, rows that expired and are too few for another batch go by calls."""
    requested(folder, 100)
    server.expiring = "question 7"
    report = batch(folder, via="auto", within=48)
    assert (report.state, report.done, report.failed) == ("finished", 100, 0)
    assert len(server.jobs) == 1
    assert len([call for call in server.calls if call.endswith("/converse")]) == 11
    assert set(server.billed.values()) == {1}


@pytest.mark.parametrize("ended", [False, True])
def test_a_submission_that_was_cut_off_is_found_again(folder: Path, server: BedrockJobs, ended: bool) -> None:
    """By its name, and it is not made twice."""
    requested(folder, 100)
    server.cut = 1
    assert "was not taken" in (batch(folder).reason or "")
    (own,) = server.jobs.values()
    if ended:
        own.requested = 1
        server._finish(own)
    report = batch(folder)
    assert (report.state, report.done) == ("finished", 100)
    assert len(server.jobs) == 1
    assert set(server.billed.values()) == {1}
    assert server.calls.count("POST /model-invocation-job") == 1


def test_a_stopped_job_gives_back_its_rows(folder: Path, server: BedrockJobs) -> None:
    """What was answered by then is kept, and is not asked again."""
    requested(folder, 101)
    batch(folder, detach=True)
    (own,) = server.jobs.values()
    own.state = "Stopped"
    server._write(own, only=1)
    report = batch(folder)
    assert (report.state, report.done) == ("finished", 101)
    assert set(server.billed.values()) == {1}


def test_a_job_that_failed_stops_the_run(folder: Path, server: BedrockJobs) -> None:
    """With AWS's words; nothing is tried again and again."""
    requested(folder, 100)
    server.fails = "the role cannot be assumed"
    report = batch(folder)
    assert report.state == "stopped"
    assert "the role cannot be assumed" in (report.reason or "")
    assert len(server.jobs) == 1


def test_results_that_are_gone_are_not_asked_for_again(folder: Path, server: BedrockJobs) -> None:
    """Somebody has emptied the folder: the run says so, and pays nothing twice."""
    requested(folder, 100)
    batch(folder, detach=True)
    (own,) = server.jobs.values()
    own.requested = 1
    server._finish(own)
    for each in server.s3.list_objects_v2(Bucket=server.bucket)["Contents"]:
        server.s3.delete_object(Bucket=server.bucket, Key=each["Key"])
    report = batch(folder)
    assert report.state == "stopped"
    assert "has results, and none of them are at" in (report.reason or "")
    assert len(server.jobs) == 1


@pytest.mark.parametrize(
    "options,words",
    [
        ({"batch_s3_uri": "s3://Bad_Bucket"}, "needs batch_s3_uri for batches, such as s3://bucket/folder"),
        ({"batch_role_arn": "arn:aws:iam::12:user/me"}, "needs batch_role_arn for batches"),
        ({"batch_role_arn": ""}, "needs batch_role_arn for batches"),
        ({"api_key": "bedrock-api-key-x"}, "S3 does not take"),
    ],
)
def test_wrong_settings_are_named(
    folder: Path, server: BedrockJobs, s3: str, options: dict[str, str], words: str
) -> None:
    """Before anything is sent."""
    requested(folder, 100)
    write_bedrock(folder, server, s3, **options)
    assert words in (batch(folder).reason or "")
    assert not server.calls


def test_a_bucket_that_is_not_there_is_named(folder: Path, server: BedrockJobs, s3: str) -> None:
    """In S3's words; the batch is forgotten, for nothing was submitted."""
    requested(folder, 100)
    write_bedrock(folder, server, s3, batch_s3_uri="s3://not-there-at-all/x")
    report = batch(folder)
    assert report.state == "stopped"
    assert "bucket does not exist" in (report.reason or "")
    assert not server.calls


def test_no_secret_anywhere(folder: Path, server: BedrockJobs, capfd: pytest.CaptureFixture[str]) -> None:
    """Neither in a file, nor in what is printed, nor in S3."""
    requested(folder, 100, "fail")
    report = batch(folder)
    out = "".join(capfd.readouterr()) + str(report)
    files = [file for file in folder.rglob("*") if file.is_file() and ".pipelex" not in file.parts]
    stored = [
        server.s3.get_object(Bucket=server.bucket, Key=each["Key"])["Body"].read()
        for each in server.s3.list_objects_v2(Bucket=server.bucket)["Contents"]
    ]
    assert len(files) >= 3
    assert len(stored) == 3
    assert SECRET not in out
    assert not [data for data in [*stored, *(file.read_bytes() for file in files)] if SECRET.encode() in data]


def test_a_large_file_of_records_goes_to_s3_in_parts(tmp_path: Path, server: BedrockJobs, s3: str) -> None:
    """It arrives whole, and is an object of several parts."""
    from pipelex_backend_bedrock._jobs import PART, _upload

    file = tmp_path / "input.jsonl"
    file.write_bytes(b"0123456789abcdef" * (PART // 16 + 1))
    client = s3_client(s3)
    _upload(client, file, server.bucket, "runs/input.jsonl")
    stored = client.get_object(Bucket=server.bucket, Key="runs/input.jsonl")
    assert stored["ETag"].strip('"').endswith("-2")
    assert stored["Body"].read() == file.read_bytes()


def test_a_bucket_that_is_not_there_is_named_by_s3_itself(tmp_path: Path, s3: str) -> None:
    """What boto3 raises is what botocore did: the table of errors knows it."""
    from botocore.exceptions import ClientError

    from pipelex_backend_bedrock._jobs import _upload

    file = tmp_path / "input.jsonl"
    file.write_bytes(b"{}")
    with pytest.raises(ClientError, match="NoSuchBucket"):
        _upload(s3_client(s3), file, "there-is-no-such-bucket", "a")
