"""OpenAI's Batch API on loopback: files, batches, their states, and what it refuses.

https://platform.openai.com/docs/api-reference/batch: one model and one operation a batch, unique ids, 16 pairs of metadata, a
window of 24h. A batch is answered when it is asked about for the second time.
"""

from __future__ import annotations

import json
import re
from email.parser import BytesParser
from email.policy import HTTP
from typing import TYPE_CHECKING, Any

from attrs import define, field

import pipelex_rules
from pipelex_rules.routes import api_of
from pipelex_testing.bodies import openai_chat as chat
from tests.batch.project import BillingServer, price_of, text_of
from tests.servers.base import Received, Reply, vector_of
from tests.servers.openai_server import error, example

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal


@define
class Held:
    """A batch as the server has it."""

    id: str
    body: dict[str, Any]
    lines: list[dict[str, Any]]
    status: str = "validating"
    requested: int = 0
    output: list[dict[str, Any]] = field(factory=list)
    errors: list[dict[str, Any]] = field(factory=list)
    faults: list[dict[str, Any]] = field(factory=list)


class OpenAIBatches(BillingServer):
    """The gateway with a Batch API.

    Attributes:
        batches: Every batch that was made.
        expiring: Prompts that contain this are not asked before the batch expires; None for none.
        cut: Makes the connection break after a batch was made, before its id is known; so often.
        polls: How often a batch is asked about before it has ended.
        most: Most requests of a batch.
    """

    provider = "openai"

    def __init__(self) -> None:
        super().__init__()
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, Held] = {}
        self.expiring: str | None = None
        self.cut = 0
        self.polls = 2
        self.most = 50_000
        self.refused_word: str | None = None
        self.on_made: Callable[[], None] | None = None

    async def answer(self, request: Received) -> Reply:
        """Files and batches; anything else as ever."""
        path = request.path.partition("?")[0].removeprefix("/v1")
        if path == "/files":
            return self._upload(request)
        if path == "/batches":
            return self._create(request) if request.method == "POST" else self._list(request)
        if found := re.fullmatch(r"/files/([\w-]+)/content", path):
            return Reply(chunks=(self.files[found[1]],), content_type="application/octet-stream")
        if found := re.fullmatch(r"/batches/(\w+)(/cancel)?", path):
            if found[1] not in self.batches:
                return error(404, "no such batch")
            return self._cancel(self.batches[found[1]]) if found[2] else self._shown(self.batches[found[1]])
        return await super().answer(request)

    def _upload(self, request: Received) -> Reply:
        parts = parts_of(request)
        if parts.get("purpose") != b"batch":
            return error(400, "the purpose is not batch")
        name = f"file-{len(self.files)}"
        self.files[name] = parts["file"]
        return Reply.json(
            {
                "id": name,
                "object": "file",
                "bytes": len(parts["file"]),
                "purpose": "batch",
                "created_at": 1,
                "filename": "x",
                "status": "processed",
            }
        )

    def _create(self, request: Received) -> Reply:
        body = request.json
        refused = self._refusal(body)
        if refused:
            return error(400, refused, code="invalid_value")
        batch_id = f"batch_{len(self.batches)}"
        lines = [json.loads(line) for line in self.files[body["input_file_id"]].split(b"\n") if line]
        held = self.batches[batch_id] = Held(batch_id, body, lines)
        held.faults = self._faults(held)
        if self.on_made is not None:
            self.on_made()
        if self.cut:
            self.cut -= 1
            return Reply.json({"error": {"message": "upstream is gone"}}, status=500)
        return Reply.json(self._as_json(held))

    def _refusal(self, body: dict[str, Any]) -> str | None:
        if body.get("completion_window") != "24h":
            return "completion_window must be 24h"
        if body.get("endpoint") not in {"/v1/chat/completions", "/v1/responses", "/v1/embeddings"}:
            return "unknown endpoint"
        metadata = body.get("metadata") or {}
        if len(metadata) > 16 or any(len(key) > 64 or len(value) > 512 for key, value in metadata.items()):
            return "bad metadata"
        return None if body.get("input_file_id") in self.files else "no such file"

    def _faults(self, held: Held) -> list[dict[str, Any]]:
        """What is found while the file is validated."""
        found = []
        seen: set[str] = set()
        for number, line in enumerate(held.lines, 1):
            if line["custom_id"] in seen:
                found.append({"line": number, "code": "duplicate_custom_id", "message": "duplicate custom_id"})
            seen.add(line["custom_id"])
            if line["url"] != held.body["endpoint"]:
                found.append({"line": number, "code": "mismatched_url", "message": "mismatched url"})
            route = api_of(str(self.provider), line["url"])
            for broken in self.broken(route[0], line["body"]) if route else ():
                found.append({"line": number, "code": "invalid_request", "message": broken})
            if self.refused_word and self.refused_word in text_of(line["body"]):
                found.append({"line": number, "code": "invalid_request", "message": "this line is refused"})
        if len({line["body"]["model"] for line in held.lines}) > 1:
            found.append({"line": None, "code": "mismatched_model", "message": "more than one model"})
        if len(held.lines) > self.most:
            found.append({"line": None, "code": "too_many", "message": "too many requests"})
        return found

    def broken(self, api: str, body: dict[str, Any]) -> list[str]:
        """What the provider would refuse in a line, as it would in a call."""
        return [each.words for each in pipelex_rules.check(str(self.provider), api, body, warnings=False)]

    def _list(self, request: Received) -> Reply:
        """Two a page, newest first."""
        after = dict(request.query).get("after")
        names = list(reversed(self.batches))
        start = names.index(after) + 1 if after else 0
        page = [self._as_json(self.batches[name]) for name in names[start : start + 2]]
        return Reply.json(
            {
                "object": "list",
                "data": page,
                "has_more": start + 2 < len(names),
                "last_id": page[-1]["id"] if page else None,
            }
        )

    def _shown(self, held: Held) -> Reply:
        held.requested += 1
        if held.status in {"validating", "in_progress"}:
            held.status = "in_progress"
            if held.faults:
                held.status = "failed"
            elif held.requested >= self.polls:
                self._finish(held)
        return Reply.json(self._as_json(held))

    def _finished(self, held: Held) -> Held:
        self._finish(held)
        return held

    def _finish(self, held: Held) -> None:
        """Answer in another order than that of the requests."""
        held.status = "completed"
        for line in sorted(held.lines, key=lambda each: each["custom_id"][::-1]):
            prompt = text_of(line["body"])
            made: dict[str, Any] = {
                "id": "batch_req_1",
                "custom_id": line["custom_id"],
                "response": None,
                "error": None,
            }
            if self.expiring is not None and self.expiring in prompt:
                held.status = "expired"
                held.errors.append(made | {"error": {"code": "batch_expired", "message": "not executed in time"}})
            elif "fail" in prompt and self.failing:
                refused = {
                    "error": {"message": "this prompt is refused", "type": "invalid_request_error", "code": "bad"}
                }
                held.errors.append(made | {"response": {"status_code": 400, "request_id": "r", "body": refused}})
            else:
                held.output.append(
                    made | {"response": {"status_code": 200, "request_id": "r", "body": self._completion(line["body"])}}
                )
        self.expiring = None
        for name, lines in ((f"out-{held.id}", held.output), (f"err-{held.id}", held.errors)):
            texts = (json.dumps(line, ensure_ascii=False).encode() for line in lines)
            self.files[name] = b"\n\n".join(texts) + b"\n"  # with blank lines between

    def _completion(self, body: dict[str, Any]) -> dict[str, Any]:
        prompt = text_of(body)
        schema = ((body.get("response_format") or {}).get("json_schema") or {}).get("schema")
        self.billed[prompt] += 1
        self.money += price_of(prompt) / 2
        if "input" in body:
            rows = [{"index": n, "embedding": vector_of(text, 3)} for n, text in enumerate(body["input"])]
            return {
                "object": "list",
                "data": rows,
                "usage": {"prompt_tokens": len(prompt), "total_tokens": len(prompt)},
            }
        text = json.dumps(example(schema)) if schema else f"{prompt.upper()}\u2028"
        usage = {"prompt_tokens": len(prompt), "completion_tokens": len(prompt) * 2, "total_tokens": len(prompt) * 3}
        message: dict[str, Any] = {"usage": usage}
        if body.get("tools"):
            message["tool_calls"] = [chat.tool_call("call_1", body["tools"][0]["function"]["name"], "{}")]
        return chat.completion(text, **message)

    def _cancel(self, held: Held) -> Reply:
        held.status = "cancelled"
        return Reply.json(self._as_json(held))

    def _as_json(self, held: Held) -> dict[str, Any]:
        ended = held.status in {"completed", "expired", "cancelled"}
        return {
            "id": held.id,
            "object": "batch",
            "status": held.status,
            "metadata": held.body["metadata"],
            "endpoint": held.body["endpoint"],
            "errors": {"object": "list", "data": held.faults} if held.status == "failed" else None,
            "output_file_id": f"out-{held.id}" if ended and held.output else None,
            "error_file_id": f"err-{held.id}" if ended and held.errors else None,
            "request_counts": {"total": len(held.lines), "completed": len(held.output), "failed": len(held.errors)},
        }


def parts_of(request: Received) -> dict[Any, Any]:
    """The parts of a form: name -> bytes."""
    head = f"content-type: {request.headers['content-type']}\r\n\r\n".encode()
    form = BytesParser(policy=HTTP).parsebytes(head + request.body)
    return {
        part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
        for part in form.iter_parts()
    }


def half_price(prompt: str) -> Decimal:
    """What an answer costs in a batch."""
    return price_of(prompt) / 2
