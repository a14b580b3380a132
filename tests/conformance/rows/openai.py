"""OpenAI's APIs, at OpenAI, at Azure, and at a compatible endpoint."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from pipelex_core.specs import BackendConfig
from tests.conformance.provider import CHAT, Provider, secret
from tests.conformance.scenario import ARGUMENTS, PNG, WEATHER
from tests.servers.base import Reply
from tests.servers.openai_server import (
    HEADERS,
    OpenAIServer,
    chunk,
    chunks,
    completion,
    message_item,
    response,
    response_events,
)

if TYPE_CHECKING:
    from tests.conformance.scenario import SampleAnswer

KEY = "sk-conformance"
USAGE = {
    "prompt_tokens": 20,
    "completion_tokens": 12,
    "total_tokens": 32,
    "prompt_tokens_details": {"cached_tokens": 8},
}
RESPONSES_USAGE = {
    "input_tokens": 20,
    "output_tokens": 12,
    "total_tokens": 32,
    "input_tokens_details": {"cached_tokens": 8},
}


class OpenAI(Provider):
    """Chat completions at OpenAI itself; `painter` on the images API."""

    name = "openai"
    title = "OpenAI, chat completions"
    backend = "openai"
    sdk = "openai"
    sdk_module = "openai"
    cells = CHAT | {"image out"}
    painter_id = "gpt-image-1.5"

    def server(self) -> OpenAIServer:
        return OpenAIServer()

    def config(self, url: str, key: str | None = None) -> BackendConfig:
        return BackendConfig(name=self.backend, endpoint=f"{url}/v1", api_key=secret(key, KEY))

    def reply(self, stated: SampleAnswer, *, stream: bool = False) -> Reply:
        text = json.dumps(stated.value) if stated.value else "" if stated.calls else stated.text
        function = {"name": WEATHER.name, "arguments": json.dumps(ARGUMENTS)}
        calls = [{"id": "call_1", "type": "function", "function": function}] if stated.calls else None
        thought = {"reasoning_content": stated.thought} if stated.thought else {}
        if not stream:
            message: dict[str, Any] = {"usage": USAGE, "tool_calls": calls, **thought}
            return Reply.json(completion(text or None, **message), headers=HEADERS)
        events: list[Any] = list(chunks(text, tool_calls=calls, usage=USAGE))
        if thought:
            events.insert(1, chunk(thought))
        return Reply.sse(*events, headers=HEADERS)

    def paints(self, server: Any) -> None:
        picture = {"b64_json": base64.b64encode(PNG).decode()}
        server.queue(Reply.json({"created": 1, "data": [picture]}, headers=HEADERS))


class AzureOpenAI(OpenAI):
    """Chat completions of a deployment."""

    name = "azure_openai"
    title = "Azure OpenAI, chat completions"
    backend = "azure_openai"
    sdk = "azure_openai"

    def config(self, url: str, key: str | None = None) -> BackendConfig:
        options = {"api_version": "2024-10-21"}
        return BackendConfig(name=self.backend, endpoint=url, api_key=secret(key, KEY), options=options)


class Compatible(OpenAI):
    """Chat completions at an endpoint that no table knows."""

    name = "compatible"
    title = "OpenAI-compatible endpoint"
    backend = "my_gateway"


class OpenAIResponses(OpenAI):
    """The Responses API."""

    name = "openai_responses"
    title = "OpenAI, Responses API"
    sdk = "openai_responses"
    cells = CHAT

    def reply(self, stated: SampleAnswer, *, stream: bool = False) -> Reply:
        output: list[dict[str, Any]] = []
        if stated.thought:
            summary = [{"type": "summary_text", "text": stated.thought}]
            output.append({"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": "c2VhbGVk"})
        if stated.calls:
            called = {"call_id": "call_1", "name": WEATHER.name, "arguments": json.dumps(ARGUMENTS)}
            output.append({"id": "fc_1", "type": "function_call", **called})
        else:
            output.append(message_item(json.dumps(stated.value) if stated.value else stated.text))
        if stream:
            return Reply.sse(*response_events(*output, usage=RESPONSES_USAGE), headers=HEADERS)
        return Reply.json(response(*output, usage=RESPONSES_USAGE), headers=HEADERS)


class AzureResponses(OpenAIResponses):
    """The Responses API of a resource, which is in its v1 API only."""

    name = "azure_responses"
    title = "Azure OpenAI, Responses API"
    backend = "azure_openai"
    sdk = "azure_openai_responses"

    def config(self, url: str, key: str | None = None) -> BackendConfig:
        return BackendConfig(name=self.backend, endpoint=url, api_key=secret(key, KEY))
