"""Bedrock's model invocation jobs on loopback: the control plane, which reads and writes a real S3, and refuses what AWS refuses.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_CreateModelInvocationJob.html ·
https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-data.html
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pipelex_rules
from pipelex_testing.bodies.bedrock import failure
from tests.batch.other_batches import BatchServer, Job
from tests.servers.base import Received, Reply, vector_of
from tests.servers.openai_server import example

if TYPE_CHECKING:
    from collections.abc import Iterator

_ARN = "arn:aws:bedrock:us-east-1:123456789012:model-invocation-job/"
_NAME = re.compile(r"[a-zA-Z0-9]{1,63}(-*[a-zA-Z0-9+\-.]){0,63}")
_ROLE = re.compile(r"arn:aws(-[^:]+)?:iam::([0-9]{12})?:role/.+")
_TOKEN = re.compile(r"[a-zA-Z0-9]{1,256}(-*[a-zA-Z0-9]){0,256}")
_URI = re.compile(r"s3://([a-z0-9][-.a-z0-9]{1,61}[a-z0-9])/((?:[-!_*'().a-zA-Z0-9]+/?)*)")
_FEWEST = 100
_SIGNED = re.compile(r"AWS4-HMAC-SHA256 Credential=[A-Z]+/\d{8}/us-east-1/bedrock/aws4_request, SignedHeaders=.+")


class BedrockJobs(BatchServer):
    """Jobs on files of S3; `s3` is a client of it.

    Attributes:
        fails: What a job fails with, or None.
        calls: Method and path of every request.
    """

    def __init__(self, s3: Any, bucket: str) -> None:
        super().__init__()
        self.s3 = s3
        self.bucket = bucket
        self.fails: str | None = None
        self.calls: list[str] = []

    async def answer(self, request: Received) -> Reply:
        """The control plane, and nothing else; every request is signed for it."""
        if not _SIGNED.match(request.headers.get("authorization", "")):
            return failure("UnrecognizedClientException", 403, "The security token included in the request is invalid.")
        path = unquote(request.path.partition("?")[0])
        self.calls.append(f"{request.method} {path}")
        if path.endswith("/converse"):
            prompt = _prompt_of(request.json)
            self.billed[prompt] += 1
            return Reply.json(self._converse(request.json, prompt))
        return await asyncio.to_thread(self._answer, request, path)

    def _answer(self, request: Received, path: str) -> Reply:
        if path == "/model-invocation-job" and request.method == "POST":
            return self._create(request.json)
        if path == "/model-invocation-jobs":
            return self._list(dict(request.query))
        found = re.fullmatch(f"/model-invocation-job/(?:{re.escape(_ARN)})?(\\w+)(/stop)?", path)
        if found is None or found[1] not in self.jobs:
            return failure("ResourceNotFoundException", 404, "The job does not exist.")
        job = self.jobs[found[1]]
        if found[2]:
            job.state = "Stopped"
            self._write(job, only=1)
            return Reply.json({})
        job.requested += 1
        if job.requested >= 2 and job.state == "running":
            self._finish(job)
        return Reply.json(self._shown(job))

    def _create(self, body: dict[str, Any]) -> Reply:
        wrong = list(self._faults(body))
        if wrong:
            return failure("ValidationException", 400, f"{len(wrong)} validation errors detected: {'; '.join(wrong)}")
        for job in self.jobs.values():
            if job.body.get("clientRequestToken") == body["clientRequestToken"]:
                return Reply.json({"jobArn": _ARN + job.id})  # a repeated token is not an error
            if job.body.get("jobName") == body["jobName"]:
                return failure("ConflictException", 400, "A job with that name exists.")
        place = body["inputDataConfig"]["s3InputDataConfig"]["s3Uri"]
        lines = self._records(place)
        if lines is None:
            return failure("ValidationException", 400, f"The S3 URI {place} is not accessible.")
        job = Job(f"job{len(self.jobs):09}", lines, body)
        return self.made(job, {"jobArn": _ARN + job.id}, failure("InternalServerException", 500, "it is gone"))

    @staticmethod
    def _faults(body: dict[str, Any]) -> Iterator[str]:
        known = {
            "jobName",
            "roleArn",
            "clientRequestToken",
            "modelId",
            "inputDataConfig",
            "outputDataConfig",
            "timeoutDurationInHours",
            "modelInvocationType",
        }
        yield from (f"unknown member {name}" for name in set(body) - known)
        for name, pattern in (("jobName", _NAME), ("roleArn", _ROLE), ("clientRequestToken", _TOKEN)):
            if not pattern.fullmatch(str(body.get(name))) or (name == "jobName" and len(body[name]) > 63):
                yield f"Value at '{name}' failed to satisfy constraint: {pattern.pattern}"
        places = (
            body["inputDataConfig"]["s3InputDataConfig"]["s3Uri"],
            body["outputDataConfig"]["s3OutputDataConfig"]["s3Uri"],
        )
        yield from (f"Value '{place}' is not an S3 URI" for place in places if not _URI.fullmatch(place))
        if not places[0].endswith((".jsonl", "/")):
            yield "the input is not a JSONL file"
        if not 24 <= body.get("timeoutDurationInHours", 24) <= 168:
            yield "timeoutDurationInHours must be between 24 and 168"

    def _records(self, place: str) -> list[dict[str, Any]] | None:
        bucket, _, key = place.removeprefix("s3://").partition("/")
        try:
            data = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        except self.s3.exceptions.ClientError:
            return None
        return [json.loads(line) for line in data.split(b"\n") if line]

    def _list(self, query: dict[str, str]) -> Reply:
        jobs = [job for job in self.jobs.values() if query.get("nameContains", "") in job.body["jobName"]]
        start = int(query.get("nextToken") or 0)
        page: dict[str, Any] = {"invocationJobSummaries": [self._shown(job) for job in jobs[start : start + 1]]}
        if start + 1 < len(jobs):
            page["nextToken"] = str(start + 1)
        return Reply.json(page)

    def _finish(self, job: Job) -> None:
        ids = [line.get("recordId") for line in job.lines]
        if len(ids) < _FEWEST:
            job.state, self.fails = "Failed", f"the job has {len(ids)} records, and {_FEWEST} are required at least"
        elif len(set(ids)) < len(ids) or not all(re.fullmatch(r"[a-zA-Z0-9]{1,11}", str(each)) for each in ids):
            job.state, self.fails = "Failed", "record ids are not unique"
        elif self.fails:
            job.state = "Failed"
        else:
            self._write(job)

    def _write(self, job: Job, only: int | None = None) -> None:
        results: list[dict[str, Any]] = []
        state = "Completed"
        for line in sorted(job.lines, key=lambda each: each["recordId"][::-1])[:only]:
            sent = line["modelInput"]
            prompt = _prompt_of(sent)
            outcome, refused = self.outcome_of(prompt), self._refusal(sent, job.body["modelId"])
            if outcome == "expired":
                state = "Expired"
                continue
            made = {"recordId": line["recordId"], "modelInput": sent}
            if outcome == "failed" or refused:
                state = "PartiallyCompleted"
                made["error"] = {"errorCode": 400, "errorMessage": refused or "this prompt is refused"}
            else:
                self.bill(prompt)
                by_invoking = job.body["modelInvocationType"] == "InvokeModel"
                answer = _titan if "inputText" in sent else _claude if by_invoking else self._converse
                made["modelOutput"] = answer(sent, prompt)
            results.append(made)
        job.results = results
        if only is None:
            job.state, self.expiring = state, None
        _, _, prefix = job.body["outputDataConfig"]["s3OutputDataConfig"]["s3Uri"].removeprefix("s3://").partition("/")
        data = b"\n\n".join(json.dumps(line).encode() for line in results)
        folder = f"{prefix}{job.id}"
        self.s3.put_object(Bucket=self.bucket, Key=f"{folder}/input.jsonl.out", Body=data)
        self.s3.put_object(Bucket=self.bucket, Key=f"{folder}/manifest.json.out", Body=b'{"totalRecordCount":1}')

    @staticmethod
    def _refusal(sent: dict[str, Any], model: str) -> str:
        if "toolConfig" in sent:
            return "toolConfig is not supported in batch inference"
        if "inputText" in sent:
            return "" if "titan-embed" in model else "Malformed input request"
        if "anthropic_version" in sent:
            return _claude_refusal(sent, model)
        wrong = pipelex_rules.check("bedrock", "converse", sent, model=model, warnings=False)
        return wrong[0].words if wrong else ""

    @staticmethod
    def _converse(sent: dict[str, Any], prompt: str) -> dict[str, Any]:
        form = (sent.get("outputConfig") or {}).get("textFormat")
        text = prompt.upper()
        if form:
            text = json.dumps(example(json.loads(form["structure"]["jsonSchema"]["schema"])))
        count = len(prompt)
        return {
            "output": {"message": {"role": "assistant", "content": [{"text": text}]}},
            "stopReason": "end_turn",
            "usage": {"inputTokens": count, "outputTokens": 2 * count, "totalTokens": 3 * count},
            "metrics": {"latencyMs": 5},
        }

    def _shown(self, job: Job) -> dict[str, Any]:
        return {
            "jobArn": _ARN + job.id,
            "jobName": job.body["jobName"],
            "status": "InProgress" if job.state == "running" else job.state,
            "message": self.fails or "",
            "submitTime": job.made,
            "totalRecordCount": len(job.lines),
            "processedRecordCount": len(job.results),
            **{name: job.body[name] for name in ("modelId", "roleArn", "inputDataConfig", "outputDataConfig")},
        }


def _prompt_of(sent: dict[str, Any]) -> str:
    if "inputText" in sent:
        return str(sent["inputText"])
    return next(str(block["text"]) for message in sent["messages"] for block in message["content"] if "text" in block)


def _titan(_: dict[str, Any], text: str) -> dict[str, Any]:
    return {"embedding": vector_of(text, 3), "inputTextTokenCount": len(text)}


def _claude_refusal(sent: dict[str, Any], model: str) -> str:
    """What Claude refuses of a body of InvokeModel: it is one of Anthropic's, without its model, and with a version."""
    if sent["anthropic_version"] != "bedrock-2023-05-31" or {"model", "stream"} & set(sent):
        return "Malformed input request"
    body = {name: value for name, value in sent.items() if name != "anthropic_version"}
    name = model.partition("anthropic.")[2].partition("-2025")[0]
    wrong = pipelex_rules.check("anthropic", "messages", {"model": name, **body}, model=name, warnings=False)
    return wrong[0].words if wrong else ""


def _claude(sent: dict[str, Any], text: str) -> dict[str, Any]:
    """A message of Claude's that calls a tool, which is the last one."""
    tool = sent["tools"][-1]
    blocks = [
        {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
        {"type": "text", "text": text.upper()},
        {"type": "tool_use", "id": "toolu_1", "name": tool["name"], "input": example(tool["input_schema"])},
    ]
    usage = {"input_tokens": len(text), "output_tokens": 2 * len(text)}
    return {"type": "message", "role": "assistant", "content": blocks, "stop_reason": "tool_use", "usage": usage}
