"""Anthropic's Messages API."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pipelex_core.specs import BackendConfig
from tests.conformance.provider import CHAT, Provider, secret
from tests.conformance.scenario import ARGUMENTS, WEATHER
from tests.servers import anthropic

if TYPE_CHECKING:
    from tests.conformance.scenario import SampleAnswer
    from tests.servers.base import Reply


class Anthropic(Provider):
    """The Messages API."""

    name = "anthropic"
    title = "Anthropic"
    backend = "anthropic"
    sdk = "anthropic"
    sdk_module = "anthropic"
    cells = CHAT

    def server(self) -> anthropic.AnthropicServer:
        return anthropic.AnthropicServer()

    def config(self, url: str, key: str | None = None) -> BackendConfig:
        return BackendConfig(name=self.backend, endpoint=url, api_key=secret(key, anthropic.KEY))

    def reply(self, stated: SampleAnswer, *, stream: bool = False) -> Reply:
        content = [anthropic.thinking(stated.thought)] if stated.thought else []
        if stated.calls:
            content.append(anthropic.tool_use("toolu_1", WEATHER.name, ARGUMENTS))
        else:
            content.append(anthropic.text(json.dumps(stated.value) if stated.value else stated.text))
        message = anthropic.message(
            *content,
            stop_reason="tool_use" if stated.calls else "end_turn",
            input_tokens=12,
            cache_read_input_tokens=8,
            output_tokens=12,
        )
        return anthropic.streamed(message) if stream else anthropic.replied(message)
