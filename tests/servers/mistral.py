"""Mistral's API on loopback: chat, OCR, files and models.

It refuses what the rulebook says that Mistral refuses, a wrong key, and models that it has not. What it answers can be queued,
or is the plainest answer.
"""

from __future__ import annotations

import base64
import re
from array import array
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from pipelex_backend_mistral import pipelex_backends
from pipelex_core.execution.resources import LoopResources
from pipelex_core.parts import Message, Part, TextPart
from pipelex_core.requests import TextRequest
from pipelex_core.specs import BackendConfig, ModelSpec, Secret
from pipelex_testing.bodies.mistral import PIXEL, call, chunk, error, message, page, pages, thinking
from tests.servers.base import Received, Reply, Server, vector_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pipelex_backend_mistral._backend import MistralBackend

__all__ = ["PIXEL", "call", "chunk", "message", "page", "pages", "thinking"]

KEY = "mistral-test-key"
REQUEST_ID = "0198-correlation"
HEADERS = {"mistral-correlation-id": REQUEST_ID}
MODELS = ("mistral-small-latest", "magistral-medium-latest", "mistral-ocr-latest", "mistral-embed")


def fault(status: int, message: Any = "no", *, code: str | None = None, kind: str = "invalid_request_error") -> Reply:
    """An error, in Mistral's form."""
    return Reply.json(error(status, message, code=code, kind=kind), status=status, headers=HEADERS)


class MistralServer(Server):
    """The server. `files` holds what was uploaded and not deleted: id -> (name, bytes)."""

    provider = "mistral"

    def __init__(self) -> None:
        super().__init__()
        self.files: dict[str, tuple[str, bytes]] = {}

    def bodies(self, path: str = "/v1/chat/completions") -> list[Any]:
        """The JSON of every request to a path."""
        return [received.json for received in self.received if received.path == path]

    async def answer(self, request: Received) -> Reply:
        """The plainest right answer, or Mistral's refusal."""
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return Reply.json({"detail": "Unauthorized"}, status=401, headers=HEADERS)
        match request.method, request.path:
            case "POST", "/v1/chat/completions":
                reply = self._chat(request.json)
            case "POST", "/v1/ocr":
                reply = self._ocr(request.json)
            case "POST", "/v1/embeddings":
                reply = self._embeddings(request.json)
            case "GET", "/v1/models":
                reply = Reply.json({"object": "list", "data": [{"id": name, "object": "model"} for name in MODELS]})
            case _:
                reply = self._files(request)
        return reply

    def _files(self, request: Received) -> Reply:
        if (request.method, request.path) == ("POST", "/v1/files"):
            return self._upload(request)
        found = re.fullmatch(r"/v1/files/([^/]+)(/url)?", request.path)
        if found is None or found[1] not in self.files:
            return fault(404, "not found")
        if request.method == "DELETE":
            del self.files[found[1]]
            return Reply.json({"id": found[1], "object": "file", "deleted": True})
        return Reply.json({"url": f"{self.url}/signed/{found[1]}?expiry={request.query.get('expiry')}"})

    def _chat(self, body: dict[str, Any]) -> Reply:
        refusal = _unknown_model(body)
        if refusal:
            return refusal
        if body.get("stream"):
            usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
            chunks = (chunk(""), chunk("Hel"), chunk("lo."), chunk("", finish_reason="stop", usage=usage))
            return Reply.sse(*chunks, "[DONE]", headers=HEADERS)
        requested = body.get("response_format", {}).get("type")
        return Reply.json(message('{"answer": 1}' if requested else "Hello."), headers=HEADERS)

    def _embeddings(self, body: dict[str, Any]) -> Reply:
        """A vector a text, in numbers; in base64 where that is asked for."""
        refusal = _unknown_model(body)
        if refusal:
            return refusal
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        rows: list[Any] = [vector_of(text, body.get("output_dimension") or 8) for text in texts]
        if body.get("encoding_format") == "base64":
            rows = [base64.b64encode(array("f", row).tobytes()).decode() for row in rows]
        data = [{"object": "embedding", "index": at, "embedding": row} for at, row in enumerate(rows)]
        usage = {"prompt_tokens": 2 * len(texts), "completion_tokens": 0, "total_tokens": 2 * len(texts)}
        answer = {"id": "e1", "object": "list", "model": body["model"], "data": data, "usage": usage}
        return Reply.json(answer, headers=HEADERS)

    def _ocr(self, body: dict[str, Any]) -> Reply:
        refusal = _unknown_model(body)
        if refusal:
            return refusal
        images = ("img-0.jpeg", "img-1.jpeg") if body["include_image_base64"] else ()
        return Reply.json(pages(page(0, images=images), page(1, images=images[:1])), headers=HEADERS)

    def _upload(self, request: Received) -> Reply:
        head, _, content = request.body.partition(b"Content-Type: application/pdf\r\n\r\n")
        name = re.search(rb'filename="([^"]*)"', head)
        assert name is not None
        assert b'name="purpose"' in request.body
        file_id = f"file-{len(self.files)}"
        self.files[file_id] = (name[1].decode(), content.partition(b"\r\n--")[0])
        about = {"id": file_id, "object": "file", "bytes": 1, "created_at": 1, "filename": name[1].decode()}
        return Reply.json({**about, "purpose": "ocr", "sample_type": "ocr_input", "source": "upload"})


def _unknown_model(body: dict[str, Any]) -> Reply | None:
    if body["model"] in MODELS:
        return None
    return fault(400, f"Invalid model: {body['model']}", code="1500", kind="invalid_model")


def config(url: str | None, key: str | None = KEY) -> BackendConfig:
    """A backend's table with an endpoint."""
    return BackendConfig(name="mistral", endpoint=url, api_key=Secret(key) if key is not None else None)


def spec(model_id: str = "mistral-small-latest", **fields: Any) -> ModelSpec:
    """A model."""
    return ModelSpec(name=model_id, backend="mistral", sdk="mistral", model_id=model_id, **fields)


def requested(*parts: Part | str, **settings: Any) -> TextRequest:
    """A request with one message of the user."""
    provided = tuple(TextPart(part) if isinstance(part, str) else part for part in parts or ("Hi",))
    settings.setdefault("spec", spec())
    return TextRequest(messages=(Message(role="user", parts=provided),), **settings)


@asynccontextmanager
async def opened(configuration: BackendConfig) -> AsyncIterator[MistralBackend]:
    """The backend as its own factory makes it, opened, and closed with its resources."""
    resources = LoopResources()
    backend: MistralBackend = pipelex_backends()["mistral"](configuration)
    await backend.open(resources)
    try:
        yield backend
    finally:
        await backend.close()
        await resources.close()
