"""The batch APIs of Anthropic, Mistral and Gemini on loopback: their states, results in another order, what they refuse.

https://platform.claude.com/docs/en/api/creating-message-batches · https://docs.mistral.ai/api/#tag/batch ·
https://ai.google.dev/gemini-api/docs/batch-api
"""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from attrs import define, field

import pipelex_rules
from pipelex_testing.bodies import anthropic
from tests.batch.openai_batches import parts_of
from tests.batch.project import price_of, text_of
from tests.servers.base import Received, Reply, Server, vector_of
from tests.servers.openai_server import example

if TYPE_CHECKING:
    from collections.abc import Callable


@define
class Job:
    """A batch as a server has it."""

    id: str
    lines: list[dict[str, Any]]
    body: dict[str, Any]
    made: str = field(factory=lambda: datetime.now(UTC).isoformat().replace("+00:00", "Z"))
    requested: int = 0
    results: list[dict[str, Any]] = field(factory=list)
    state: str = "running"


class BatchServer(Server):
    """What the servers have in common.

    Attributes:
        jobs: Every batch that was made.
        billed: How often each prompt was answered.
        money: What all answers cost together at batch prices, US$.
        expiring: Prompts that contain this are not asked before the batch ends; None for none.
        cut: How often the answer to a creation is lost.
    """

    def __init__(self) -> None:
        super().__init__()
        self.jobs: dict[str, Job] = {}
        self.billed: Counter[str] = Counter()
        self.money = Decimal(0)
        self.expiring: str | None = None
        self.cut = 0
        self.failing = True
        self.on_made: Callable[[], None] | None = None

    def made(self, job: Job, shown: Any, gone: Reply) -> Reply:
        """Keep a batch; its answer, or what comes where that is lost."""
        self.jobs[job.id] = job
        if self.cut:
            self.cut -= 1
            return gone
        return Reply.json(shown)

    def bill(self, prompt: str) -> None:
        """Count an answer."""
        self.billed[prompt] += 1
        self.money += price_of(prompt) / 2

    def outcome_of(self, prompt: str) -> str:
        """`expired`, `failed` or `answered`."""
        if self.expiring is not None and self.expiring in prompt:
            return "expired"
        return "failed" if "fail" in prompt and self.failing else "answered"


# ── Anthropic ─────────────────────────────────────────────────────────────────────────────────────────────────────


class AnthropicBatches(BatchServer):
    """Message batches: ids of 64 letters, unique in a batch; no name, no metadata."""

    provider = "anthropic"

    async def answer(self, request: Received) -> Reply:
        """The batch API, and nothing else."""
        path = request.path.partition("?")[0]
        if path == "/v1/messages/batches":
            return self._create(request) if request.method == "POST" else self._list(request)
        found = re.fullmatch(r"/v1/messages/batches/(\w+)(/results|/cancel)?", path)
        if found is None or found[1] not in self.jobs:
            return _anthropic_error(404, "not_found_error")
        job = self.jobs[found[1]]
        if found[2] == "/results":
            lines = (json.dumps(line, ensure_ascii=False).encode() for line in job.results)
            return Reply(chunks=(b"\n\n".join(lines) + b"\n",), content_type="application/x-jsonl")
        if found[2] == "/cancel":
            job.state = "ended"
            job.results = [{"custom_id": line["custom_id"], "result": {"type": "canceled"}} for line in job.lines]
            return Reply.json(self._shown(job))
        job.requested += 1
        if job.requested >= 2 and job.state == "running":
            self._finish(job)
        return Reply.json(self._shown(job))

    def _create(self, request: Received) -> Reply:
        lines = request.json.get("requests")
        ids = [line.get("custom_id", "") for line in lines]
        if len(set(ids)) < len(ids) or not all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", each) for each in ids):
            return _anthropic_error(400, "invalid_request_error")
        if set(request.json) != {"requests"} or any(line["params"].get("stream") for line in lines):
            return _anthropic_error(400, "invalid_request_error")
        old = request.headers.get("anthropic-version") == "2023-06-01"
        if any("temperature" in line["params"] for line in lines) and not old:
            return _anthropic_error(400, "invalid_request_error")
        job = Job(f"msgbatch_{len(self.jobs)}", lines, {})
        return self.made(job, self._shown(job), _anthropic_error(529, "overloaded_error"))

    def _list(self, request: Received) -> Reply:
        after = dict(request.query).get("after_id")
        names = list(reversed(self.jobs))
        start = names.index(after) + 1 if after else 0
        page = [self._shown(self.jobs[name]) for name in names[start : start + 2]]
        return Reply.json(
            {"data": page, "has_more": start + 2 < len(names), "last_id": page[-1]["id"] if page else None}
        )

    def _finish(self, job: Job) -> None:
        job.state = "ended"
        for line in sorted(job.lines, key=lambda each: each["custom_id"][::-1]):
            content = line["params"]["messages"][-1]["content"]
            prompt = content if isinstance(content, str) else content[0]["text"]
            outcome = self.outcome_of(prompt)
            result: dict[str, Any] = {"type": "expired"}
            if outcome == "failed":
                fault = {"type": "invalid_request_error", "message": "this prompt is refused"}
                result = {"type": "errored", "error": {"type": "error", "error": fault}}
            elif outcome == "answered":
                self.bill(prompt)
                result = {"type": "succeeded", "message": self._message(line["params"], prompt)}
            job.results.append({"custom_id": line["custom_id"], "result": result})
        self.expiring = None

    @staticmethod
    def _message(params: dict[str, Any], prompt: str) -> dict[str, Any]:
        form = (params.get("output_config") or {}).get("format")
        usage = {"input_tokens": len(prompt), "output_tokens": 2 * len(prompt), "service_tier": "batch"}
        if params.get("tools"):
            blocks = [
                anthropic.tool_use("toolu_1", params["tools"][0]["name"], example(params["tools"][0]["input_schema"]))
            ]
        else:
            blocks = [anthropic.text(json.dumps(example(form["schema"])) if form else prompt.upper())]
        return anthropic.message(*blocks) | {"usage": usage}

    def _shown(self, job: Job) -> dict[str, Any]:
        counts = Counter(line["result"]["type"] for line in job.results)
        names = ("succeeded", "errored", "canceled", "expired")
        return {
            "id": job.id,
            "type": "message_batch",
            "processing_status": "ended" if job.state == "ended" else "in_progress",
            "created_at": job.made,
            "request_counts": {
                "processing": len(job.lines) - len(job.results),
                **{name: counts[name] for name in names},
            },
        }


def _anthropic_error(status: int, kind: str) -> Reply:
    return Reply.json({"type": "error", "error": {"type": kind, "message": kind}}, status=status)


# ── Mistral ───────────────────────────────────────────────────────────────────────────────────────────────────────


class MistralBatches(BatchServer):
    """Batch jobs of uploaded files, with metadata."""

    provider = "mistral"

    def __init__(self) -> None:
        super().__init__()
        self.files: dict[str, bytes] = {}

    async def answer(self, request: Received) -> Reply:
        """Files and jobs, and nothing else."""
        path = request.path.partition("?")[0]
        if path == "/v1/files" and request.method == "POST":
            return self._upload(request)
        if found := re.fullmatch(r"/v1/files/([\w-]+)/content", path):
            return Reply(chunks=(self.files[found[1]],), content_type="application/octet-stream")
        if path == "/v1/batch/jobs":
            return self._create(request) if request.method == "POST" else self._list(request)
        found = re.fullmatch(r"/v1/batch/jobs/([\w-]+)(/cancel)?", path)
        if found is None or found[1] not in self.jobs:
            return Reply.json({"message": "not found"}, status=404)
        job = self.jobs[found[1]]
        job.requested += 1
        if found[2]:
            job.state = "CANCELLED"
        elif job.requested >= 2 and job.state == "running":
            self._finish(job)
        return Reply.json(self._shown(job))

    def _upload(self, request: Received) -> Reply:
        parts = parts_of(request)
        if parts.get("purpose") != b"batch":
            return Reply.json({"message": "the purpose is not batch"}, status=422)
        name = f"00000000-0000-4000-8000-{len(self.files):012}"
        self.files[name] = parts["file"]
        made = {"id": name, "object": "file", "bytes": len(parts["file"]), "created_at": 1, "filename": "x.jsonl"}
        return Reply.json(made | {"purpose": "batch", "sample_type": "batch_request", "source": "upload"})

    def _create(self, request: Received) -> Reply:
        body = request.json
        known = {"input_files", "model", "endpoint", "metadata", "timeout_hours"}
        if (
            not set(body) <= known
            or body.get("endpoint") not in {"/v1/chat/completions", "/v1/embeddings"}
            or not 0 < body["timeout_hours"] <= 168
        ):
            return Reply.json({"message": "invalid"}, status=422)
        lines = [json.loads(line) for line in self.files[body["input_files"][0]].split(b"\n") if line]
        if any(set(line) != {"custom_id", "body"} for line in lines):
            return Reply.json({"message": "invalid line"}, status=422)
        job = Job(f"10000000-0000-4000-8000-{len(self.jobs):012}", lines, body)
        return self.made(job, self._shown(job), Reply.json({"message": "upstream is gone"}, status=503))

    def _list(self, request: Received) -> Reply:
        query = dict(request.query)
        size = min(int(query["page_size"]), 2)
        start = int(query["page"]) * int(query["page_size"])
        jobs = list(self.jobs.values())[start : start + 100]
        assert size
        return Reply.json({"data": [self._shown(job) for job in jobs], "object": "list", "total": len(self.jobs)})

    def _finish(self, job: Job) -> None:
        job.state = "SUCCESS"
        answers, faults = [], []
        for line in sorted(job.lines, key=lambda each: each["custom_id"][::-1]):
            prompt = text_of(line["body"])
            outcome = self.outcome_of(prompt)
            made = {"id": "r", "custom_id": line["custom_id"], "error": None}
            if outcome == "expired":
                job.state = "TIMEOUT_EXCEEDED"
            elif outcome == "failed":
                refused = {"object": "error", "message": "this prompt is refused", "type": "invalid_request_error"}
                faults.append(made | {"response": {"status_code": 400, "body": refused}})
            else:
                self.bill(prompt)
                answers.append(
                    made | {"response": {"status_code": 200, "body": self._completion(line["body"], prompt)}}
                )
        job.results = [*answers, *faults]
        self.expiring = None
        for name, lines in ((f"out-{job.id}", answers), (f"err-{job.id}", faults)):
            self.files[name] = b"\n".join(json.dumps(line).encode() for line in lines) + b"\n\n"

    @staticmethod
    def _completion(body: dict[str, Any], prompt: str) -> dict[str, Any]:
        if "input" in body:
            rows = [{"object": "embedding", "index": 0, "embedding": vector_of(prompt, 3)}]
            usage = {"prompt_tokens": len(prompt), "completion_tokens": 0, "total_tokens": len(prompt)}
            return {"id": "1", "object": "list", "model": "m", "data": rows, "usage": usage}
        form = (body.get("response_format") or {}).get("json_schema")
        message: dict[str, Any] = {"role": "assistant", "content": prompt.upper()}
        if form:
            message["content"] = json.dumps(example(form["schema"]))
        if body.get("tools"):
            function = {"name": body["tools"][0]["function"]["name"], "arguments": "{}"}
            message |= {"content": "", "tool_calls": [{"id": "D681PevKs", "function": function}]}
        usage = {"prompt_tokens": len(prompt), "completion_tokens": 2 * len(prompt), "total_tokens": 3 * len(prompt)}
        reason = "tool_calls" if body.get("tools") else "stop"
        choice = {"index": 0, "message": message, "finish_reason": reason}
        return {"id": "1", "object": "chat.completion", "model": "m", "created": 1, "usage": usage, "choices": [choice]}

    def _shown(self, job: Job) -> dict[str, Any]:
        ended = job.state in {"SUCCESS", "TIMEOUT_EXCEEDED"}
        return {
            "id": job.id,
            "object": "batch",
            "status": "RUNNING" if job.state == "running" else job.state,
            "metadata": job.body.get("metadata"),
            "total_requests": len(job.lines),
            "completed_requests": len(job.results),
            "errors": [],
            "output_file": f"out-{job.id}" if ended else None,
            "error_file": f"err-{job.id}" if ended else None,
        }


# ── Gemini ────────────────────────────────────────────────────────────────────────────────────────────────────────


class GeminiBatches(BatchServer):
    """Batches of inline requests, with a display name."""

    provider = "google"

    async def answer(self, request: Received) -> Reply:
        """The batch API, and nothing else."""
        path = request.path.partition("?")[0]
        if path.endswith((":batchGenerateContent", ":asyncBatchEmbedContent")):
            return self._create(request)
        if path == "/v1beta/batches":
            return self._list(request)
        found = re.fullmatch(r"/v1beta/batches/(\w+)(:cancel)?", path)
        if found is None or found[1] not in self.jobs:
            return _gemini_error(404, "NOT_FOUND")
        job = self.jobs[found[1]]
        job.requested += 1
        if found[2]:
            job.state = "BATCH_STATE_CANCELLED"
            return Reply.json({})
        if job.requested >= 2 and job.state == "running":
            self._finish(job)
        return Reply.json(self._shown(job))

    def _create(self, request: Received) -> Reply:
        batch = request.json["batch"]
        lines = batch["inputConfig"]["requests"]["requests"]
        known = {"contents", "generationConfig", "systemInstruction", "tools", "toolConfig", "safetySettings"}
        api = "batch"
        if request.path.endswith(":asyncBatchEmbedContent"):
            known, api = {"content", "taskType", "outputDimensionality"}, "batchEmbeddings"
        if set(batch) != {"displayName", "inputConfig"} or not all(set(line["request"]) <= known for line in lines):
            return _gemini_error(400, "INVALID_ARGUMENT")
        if pipelex_rules.check("google", api, request.json, model="smart-1", warnings=False):
            return _gemini_error(400, "INVALID_ARGUMENT")
        job = Job(f"b{len(self.jobs)}", lines, {"name": batch["displayName"]})
        return self.made(job, self._shown(job), _gemini_error(503, "UNAVAILABLE"))

    def _list(self, request: Received) -> Reply:
        start = int(dict(request.query).get("pageToken") or 0)
        jobs = list(self.jobs.values())
        page: dict[str, Any] = {"operations": [self._shown(job) for job in jobs[start : start + 2]]}
        if start + 2 < len(jobs):
            page["nextPageToken"] = str(start + 2)
        return Reply.json(page)

    def _finish(self, job: Job) -> None:
        job.state = "BATCH_STATE_SUCCEEDED"
        for line in sorted(job.lines, key=lambda each: each["metadata"]["key"][::-1]):
            requested = line["request"]
            prompt = prompt_of(requested)
            outcome = self.outcome_of(prompt)
            result: dict[str, Any] = {"metadata": line["metadata"]}
            if outcome == "expired":
                job.state = "BATCH_STATE_EXPIRED"
            elif outcome == "failed":
                result["error"] = {"code": 400, "message": "this prompt is refused"}
            else:
                self.bill(prompt)
                result["response"] = self._response(requested, prompt)
            job.results.append(result)
        self.expiring = None

    @staticmethod
    def _response(requested: dict[str, Any], prompt: str) -> dict[str, Any]:
        if "content" in requested:
            size = requested.get("outputDimensionality", 3)
            return {"embedding": {"values": vector_of(prompt, size)}, "tokenCount": str(len(prompt))}
        part: dict[str, Any] = {"text": prompt.upper()}
        config = requested.get("generationConfig") or {}
        schema = config.get("responseJsonSchema") or config.get("responseSchema")
        if schema:
            part = {"text": json.dumps(example(schema))}
        if requested.get("tools"):
            part = {"functionCall": {"name": requested["tools"][0]["functionDeclarations"][0]["name"], "args": {}}}
        candidate = {"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}
        count = len(prompt)
        usage = {"promptTokenCount": count, "candidatesTokenCount": 2 * count, "totalTokenCount": 3 * count}
        return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "m", "responseId": "r"}

    def _shown(self, job: Job) -> dict[str, Any]:
        state = "BATCH_STATE_RUNNING" if job.state == "running" else job.state
        if state == "ended":
            state = "BATCH_STATE_SUCCEEDED"
        metadata: dict[str, Any] = {
            "@type": "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch",
            "name": f"batches/{job.id}",
            "displayName": job.body.get("name", "other"),
            "state": state,
            "model": "models/smart-1",
        }
        if state != "BATCH_STATE_RUNNING":
            metadata["output"] = {"inlinedResponses": {"inlinedResponses": job.results}}
        return {"name": f"batches/{job.id}", "metadata": metadata}


def prompt_of(requested: dict[str, Any]) -> str:
    """The text that a request to Gemini is about."""
    content = requested["content"] if "content" in requested else requested["contents"][-1]
    return str(content["parts"][0]["text"])


def _gemini_error(status: int, word: str) -> Reply:
    return Reply.json({"error": {"code": status, "message": word, "status": word}}, status=status)
