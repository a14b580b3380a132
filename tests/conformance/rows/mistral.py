"""Mistral's chat and OCR."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pipelex_core.specs import BackendConfig
from tests.conformance.provider import CHAT, Provider, secret
from tests.conformance.scenario import ARGUMENTS, WEATHER
from tests.servers import mistral
from tests.servers.base import Reply

if TYPE_CHECKING:
    from tests.conformance.scenario import SampleAnswer

USAGE = {"prompt_tokens": 20, "completion_tokens": 12, "total_tokens": 32, "num_cached_tokens": 8}


class Mistral(Provider):
    """The chat endpoint, and OCR."""

    name = "mistral"
    title = "Mistral"
    backend = "mistral"
    sdk = "mistral"
    sdk_module = "mistralai"
    cells = CHAT | {"OCR"}
    model_id = "mistral-small-latest"
    ocr_id = "mistral-ocr-latest"

    def server(self) -> mistral.MistralServer:
        return mistral.MistralServer()

    def config(self, url: str, key: str | None = None) -> BackendConfig:
        return BackendConfig(name=self.backend, endpoint=url, api_key=secret(key, mistral.KEY))

    def reply(self, stated: SampleAnswer, *, stream: bool = False) -> Reply:
        text = json.dumps(stated.value) if stated.value else "" if stated.calls else stated.text
        calls = [mistral.call(WEATHER.name, json.dumps(ARGUMENTS))] if stated.calls else None
        finish = "tool_calls" if calls else "stop"
        thought = [mistral.thinking(stated.thought, signature="c2lnbmVk")] if stated.thought else []
        if not stream:
            content: Any = [*thought, {"type": "text", "text": text}] if thought else text
            body = mistral.message(content, finish_reason=finish, tool_calls=calls, usage=USAGE)
            return Reply.json(body, headers=mistral.HEADERS)
        half = len(text) // 2
        pieces = [mistral.chunk(thought)] if thought else []
        pieces += [mistral.chunk(piece) for piece in (text[:half], text[half:]) if piece]
        last = mistral.chunk("", finish_reason=finish, usage=USAGE, **({"tool_calls": calls} if calls else {}))
        return Reply.sse(*pieces, last, "[DONE]", headers=mistral.HEADERS)

    def ocr_reply(self) -> Reply:
        pages = mistral.pages(mistral.page(0, images=["img-0.jpeg"]), mistral.page(1))
        return Reply.json(pages, headers=mistral.HEADERS)
