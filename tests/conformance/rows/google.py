"""Gemini at AI Studio and at Vertex AI."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from attrs import evolve

from pipelex_core.specs import BackendConfig
from tests.conformance.provider import CHAT, Provider, secret
from tests.conformance.scenario import ARGUMENTS, PNG, WEATHER
from tests.servers import google
from tests.servers.base import Reply

if TYPE_CHECKING:
    from tests.conformance.scenario import SampleAnswer

USAGE = {"promptTokenCount": 20, "candidatesTokenCount": 12, "cachedContentTokenCount": 8}


class Google(Provider):
    """AI Studio, with a key."""

    name = "google"
    title = "Google AI Studio"
    backend = "google"
    sdk = "google"
    sdk_module = "google.genai"
    cells = CHAT | {"image out"}
    model_id = "gemini-2.5-flash"
    painter_id = "gemini-2.5-flash-image"

    def server(self) -> google.GoogleServer:
        return google.GoogleServer()

    def config(self, url: str, key: str | None = None) -> BackendConfig:
        return BackendConfig(name=self.backend, endpoint=url, api_key=secret(key, google.KEY))

    def reply(self, stated: SampleAnswer, *, stream: bool = False) -> Reply:
        parts: list[dict[str, Any]] = [{"text": stated.thought, "thought": True}] if stated.thought else []
        if stated.calls:
            call = {"name": WEATHER.name, "args": ARGUMENTS, "id": "id-0"}
            parts.append({"functionCall": call, "thoughtSignature": google.SIGNATURE})
        else:
            text = json.dumps(stated.value) if stated.value else stated.text
            signed = {"thoughtSignature": google.SIGNATURE} if stated.thought else {}
            parts.append({"text": text, **signed})
        answer = google.answer(*parts, usage=USAGE)
        if not stream:
            return Reply.json(answer)
        text = parts[-1].get("text", "")
        half = len(text) // 2
        pieces = [{**parts[-1], "text": piece} for piece in (text[:half], text[half:])] if text else parts[-1:]
        chunks = [google.answer(part, finish=None, usage={}) for part in (*parts[:-1], *pieces)]
        return Reply.sse(*chunks, google.answer({"text": ""}, usage=USAGE))

    def paints(self, server: Any) -> None:
        picture = {"mimeType": "image/png", "data": base64.b64encode(PNG).decode()}
        server.queue(Reply.json(google.answer({"inlineData": picture}, usage=USAGE)))


class Vertex(Google):
    """Vertex AI; what runs on loopback gets a token that says so."""

    name = "vertexai"
    title = "Google Vertex AI"
    backend = "vertexai"
    sdk = "vertexai"

    def config(self, url: str, key: str | None = None) -> BackendConfig:
        place = {"gcp_project_id": "my-project", "gcp_location": "europe-west4"}
        made = BackendConfig(name=self.backend, endpoint=url, options=place)
        return made if key is None else evolve(made, api_key=secret(key, ""), options={})
