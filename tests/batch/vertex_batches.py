"""Vertex AI's batch jobs on loopback: they read and write a real server of Cloud Storage, and refuse what Google refuses.

https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/batch-prediction-from-cloud-storage
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any

import pipelex_rules
from tests.batch.other_batches import AnthropicBatches, BatchServer, GeminiBatches, Job, prompt_of
from tests.servers.base import Received, Reply, vector_of

if TYPE_CHECKING:
    from tests.servers.gcs import Objects

_JOBS = "/v1beta1/projects/my-project/locations/europe-west4/batchPredictionJobs"
_LABEL = re.compile(r"[a-z0-9_-]{0,63}")
_KNOWN = {"contents", "generationConfig", "systemInstruction", "tools", "toolConfig", "safetySettings", "labels"}


class VertexJobs(BatchServer):
    """Jobs on files of Cloud Storage."""

    provider = "google"

    def __init__(self, objects: Objects, bucket: str) -> None:
        super().__init__()
        self.objects = objects
        self.bucket = bucket

    async def answer(self, request: Received) -> Reply:
        """The jobs, and nothing else; who calls has a token."""
        if not request.headers.get("authorization", "").startswith("Bearer "):
            return _error(401, "UNAUTHENTICATED")
        return await asyncio.to_thread(self._answer, request)

    def _answer(self, request: Received) -> Reply:
        path = request.path.partition("?")[0]
        if path == _JOBS:
            return self._create(request.json) if request.method == "POST" else self._list(dict(request.query))
        found = re.fullmatch(f"{_JOBS}/(\\d+)(:cancel)?", path)
        if found is None or found[1] not in self.jobs:
            return _error(404, "NOT_FOUND")
        job = self.jobs[found[1]]
        job.requested += 1
        if found[2]:
            job.state = "JOB_STATE_CANCELLED"
            return Reply.json({})
        if job.requested >= 2 and job.state == "running":
            self._finish(job)
        return Reply.json(self._shown(job))

    def _create(self, body: dict[str, Any]) -> Reply:
        if set(body) != {"displayName", "model", "inputConfig", "outputConfig"}:
            return _error(400, f"INVALID_ARGUMENT {sorted(body)}")
        if not body["model"].startswith(("publishers/google/models/", "publishers/anthropic/models/")):
            return _error(400, "INVALID_ARGUMENT model")
        source, target = body["inputConfig"], body["outputConfig"]
        if source.get("instancesFormat") != "jsonl" or target.get("predictionsFormat") != "jsonl":
            return _error(400, "INVALID_ARGUMENT format")
        (uri,) = source["gcsSource"]["uris"]
        data = self.objects.get(uri.removeprefix(f"gs://{self.bucket}/"))
        if data is None or not target["gcsDestination"]["outputUriPrefix"].startswith(f"gs://{self.bucket}/"):
            return _error(400, f"FAILED_PRECONDITION {uri} cannot be read")
        lines = [json.loads(line) for line in data.split(b"\n") if line]
        job = Job(str(1000 + len(self.jobs)), lines, body)
        return self.made(job, self._shown(job), _error(503, "UNAVAILABLE"))

    def _list(self, query: dict[str, str]) -> Reply:
        start = int(query.get("pageToken") or 0)
        jobs = list(self.jobs.values())
        page: dict[str, Any] = {"batchPredictionJobs": [self._shown(job) for job in jobs[start : start + 2]]}
        if start + 2 < len(jobs):
            page["nextPageToken"] = str(start + 2)
        return Reply.json(page)

    def _finish(self, job: Job) -> None:
        if job.body["model"].startswith("publishers/anthropic/"):
            self._finish_claude(job)
        else:
            self._finish_gemini(job)
        self.expiring = None
        prefix = job.body["outputConfig"]["gcsDestination"]["outputUriPrefix"].removeprefix(f"gs://{self.bucket}/")
        data = b"\n\n".join(json.dumps(result, ensure_ascii=False).encode() for result in job.results)
        self.objects.put(f"{prefix}prediction-model-2026-12-01T00:00:00Z/predictions.jsonl", data)

    def _finish_claude(self, job: Job) -> None:
        """https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/batch."""
        job.state = "JOB_STATE_SUCCEEDED"
        for line in sorted(job.lines, key=lambda each: each["custom_id"][::-1]):
            requested = line["request"]
            content = requested["messages"][-1]["content"]
            prompt = content if isinstance(content, str) else content[0]["text"]
            outcome = self.outcome_of(prompt)
            refused = pipelex_rules.check("anthropic", "rawPredict", requested, model="claude-test", warnings=False)
            words = [each.words for each in refused] + ["unknown field"] * (set(line) != {"custom_id", "request"})
            result: dict[str, Any] = {**line, "status": "", "response": None}
            if outcome == "expired":
                job.state = "JOB_STATE_PARTIALLY_SUCCEEDED"
                continue
            if outcome == "failed" or words:
                fault = {"error": {"code": 400, "message": (words or ["this prompt is refused"])[0]}}
                result["status"] = f"Bad Request: {json.dumps(fault)}"
            else:
                self.bill(prompt)
                result["response"] = AnthropicBatches._message(requested, prompt)
            job.results.append(result)

    def _finish_gemini(self, job: Job) -> None:
        job.state = "JOB_STATE_SUCCEEDED"
        for line in sorted(job.lines, key=lambda each: _key_of(each)[::-1]):
            requested = line["request"]
            prompt = prompt_of(requested)
            outcome = "failed" if _is_odd(line) else self.outcome_of(prompt)
            result: dict[str, Any] = {**line, "status": "", "processed_time": "2026-12-01T00:00:00Z"}
            if outcome == "expired":
                job.state = "JOB_STATE_PARTIALLY_SUCCEEDED"
                continue
            if outcome == "failed":
                fault = {"error": {"code": 400, "message": "this prompt is refused", "status": "INVALID_ARGUMENT"}}
                result |= {"status": f"Bad Request: {json.dumps(fault)}", "response": {}}
            else:
                self.bill(prompt)
                result["response"] = _response(requested, prompt)
            job.results.append(result)

    @staticmethod
    def _shown(job: Job) -> dict[str, Any]:
        target = job.body.get("outputConfig") or {
            "predictionsFormat": "jsonl",
            "gcsDestination": {"outputUriPrefix": "x"},
        }
        return {
            "name": f"{_JOBS.removeprefix('/v1beta1/')}/{job.id}",
            "displayName": job.body.get("displayName", "other"),
            "model": job.body.get("model", "publishers/google/models/smart-1"),
            "state": "JOB_STATE_RUNNING" if job.state == "running" else job.state,
            "inputConfig": job.body.get("inputConfig"),
            "outputConfig": target,
        }


def _key_of(line: dict[str, Any]) -> str:
    return str(line["key"] if "key" in line else line["request"]["labels"]["pipelex_key"])


def _is_odd(line: dict[str, Any]) -> bool:
    requested = line["request"]
    if "key" in line:
        config = requested.get("embed_content_config", {})
        known = {"auto_truncate", "output_dimensionality", "task_type"}
        return set(requested) != {"content", "embed_content_config"} or not set(config) <= known
    labels = requested["labels"].values()
    if pipelex_rules.check("google", "generateContent", requested, model="gemini-3-flash", warnings=False):
        return True
    return set(line) != {"request"} or not set(requested) <= _KNOWN or not all(map(_LABEL.fullmatch, labels))


def _response(requested: dict[str, Any], prompt: str) -> dict[str, Any]:
    """As Gemini's; a vector has all dimensions, whatever was asked for."""
    if "content" not in requested:
        return GeminiBatches._response(requested, prompt)
    return {"embedding": {"values": vector_of(prompt, 8)}, "usageMetadata": {"promptTokenCount": len(prompt)}}


def _error(status: int, word: str) -> Reply:
    return Reply.json({"error": {"code": status, "message": word, "status": word.split(maxsplit=1)[0]}}, status=status)
