"""The batch APIs of Azure OpenAI, Groq and xAI on loopback: what each has otherwise than OpenAI, and refuses.

https://learn.microsoft.com/azure/ai-foundry/openai/how-to/batch · https://console.groq.com/docs/batch ·
https://docs.x.ai/docs/guides/batch-api
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from attrs import evolve

from tests.batch.openai_batches import Held, OpenAIBatches, parts_of
from tests.servers.base import Received, Reply
from tests.servers.openai_server import error

if TYPE_CHECKING:
    from collections.abc import Iterable

_AZURE_KEY = "sk-canary-batch"


class AzureBatches(OpenAIBatches):
    """Azure's: operations without `/v1`, a key in a header of its own, deployments of the type for batches."""

    provider = "azure_openai"

    async def answer(self, request: Received) -> Reply:
        """Under `/openai/v1`, with the key."""
        if request.headers.get("api-key") != _AZURE_KEY:
            return error(401, "Access denied due to invalid subscription key", code="401")
        return await super().answer(_moved(request, "/openai"))

    def _refusal(self, body: dict[str, Any]) -> str | None:
        if body.get("endpoint") not in {"/chat/completions", "/responses", "/embeddings"}:
            return f"The endpoint '{body.get('endpoint')}' is not supported"
        return super()._refusal({**body, "endpoint": f"/v1{body['endpoint']}"})

    def _faults(self, held: Held) -> list[dict[str, Any]]:
        found = super()._faults(held)
        for number, line in enumerate(held.lines, 1):
            if not line["body"]["model"].endswith("-batch"):
                words = "The model deployment is not of type GlobalBatch or DataZoneBatch"
                found.append({"line": number, "code": "model_not_found", "message": words})
        return found


class GroqBatches(OpenAIBatches):
    """Groq's: under `/openai/v1`, chat completions alone, lists in pages by a cursor."""

    provider = "groq"

    async def answer(self, request: Received) -> Reply:
        """Under `/openai/v1`."""
        return await super().answer(_moved(request, "/openai"))

    def _refusal(self, body: dict[str, Any]) -> str | None:
        if body.get("endpoint") != "/v1/chat/completions":
            return "endpoint must be /v1/chat/completions"
        return super()._refusal(body)

    def _list(self, request: Received) -> Reply:
        query = dict(request.query)
        if "after" in query:
            return error(400, "unknown parameter after")
        start = int(query.get("cursor") or 0)
        names = list(reversed(self.batches))
        page = [self._as_json(self.batches[name]) for name in names[start : start + 2]]
        further = str(start + 2) if start + 2 < len(names) else None
        return Reply.json({"object": "list", "data": page, "paging": {"next_cursor": further}})


class XaiBatches(OpenAIBatches):
    """xAI's: a batch has a name and counts, its results come in pages, and errors have gRPC's codes."""

    provider = "xai"

    async def answer(self, request: Received) -> Reply:
        """Files, batches and their results."""
        path = request.path.partition("?")[0].removeprefix("/v1")
        if path == "/batches" and request.method == "GET":
            batches = [self._as_json(held) for held in self.batches.values()]
            return self._page(request, "batches", batches)
        if found := re.fullmatch(r"/batches/(\w+)/results", path):
            return self._page(request, "results", [*self._results(self.batches[found[1]])])
        if found := re.fullmatch(r"/batches/(\w+):cancel", path):
            return self._cancel(self.batches[found[1]])
        return await super().answer(request)

    def _upload(self, request: Received) -> Reply:
        name = f"file-{len(self.files)}"
        self.files[name] = parts_of(request)["file"]
        return Reply.json({"id": name, "object": "file", "bytes": 1, "created_at": 1, "filename": "x.jsonl"})

    def _refusal(self, body: dict[str, Any]) -> str | None:
        if set(body) != {"name", "input_file_id"}:
            return "unknown field"
        return None if body["input_file_id"] in self.files else "no such file"

    def _faults(self, held: Held) -> list[dict[str, Any]]:
        held.body = {**held.body, "endpoint": held.lines[0]["url"] if held.lines else "", "metadata": {}}
        return super()._faults(held)

    def _results(self, held: Held) -> Iterable[dict[str, Any]]:
        for line in held.output:
            body = line["response"]["body"]
            yield {
                "batch_request_id": line["custom_id"],
                "batch_result": {"response": {"chat_get_completion": body}},
            }
        for line in held.errors:
            is_unasked = (line["error"] or {}).get("code") == "batch_expired"
            fault = {"code": 1 if is_unasked else 3, "message": "cancelled" if is_unasked else "this prompt is refused"}
            yield {"batch_request_id": line["custom_id"], "batch_result": {"error": fault}}

    @staticmethod
    def _page(request: Received, name: str, things: list[dict[str, Any]]) -> Reply:
        start = int(dict(request.query).get("pagination_token") or 0)
        page: dict[str, Any] = {name: things[start : start + 2]}
        page["pagination_token"] = str(start + 2) if start + 2 < len(things) else None
        return Reply.json(page)

    def _as_json(self, held: Held) -> dict[str, Any]:
        is_read = held.status not in {"validating", "failed"}
        done = len(held.output) + len(held.errors)
        total = len(held.lines) if is_read else 0
        return {
            "batch_id": held.id,
            "name": held.body["name"],
            "create_time": datetime.now(UTC).isoformat(),
            "expire_time": "2999-01-01T00:00:00Z",
            "cancel_time": datetime.now(UTC).isoformat() if held.status in {"cancelled", "failed"} else None,
            "cancel_by_xai_message": held.faults[0]["message"] if held.status == "failed" else None,
            "state": {
                "num_requests": total,
                "num_pending": 0 if held.status == "cancelled" else total - done,
                "num_success": len(held.output),
                "num_error": len(held.errors),
                "num_cancelled": 0,
            },
        }


def _moved(request: Received, prefix: str) -> Received:
    return evolve(request, path=request.path.removeprefix(prefix))
