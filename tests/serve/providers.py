"""The loopback servers behind the gateway of `conftest.py`."""

from __future__ import annotations

from tests.servers.anthropic import AnthropicServer
from tests.servers.openai_server import OpenAIServer

Providers = tuple[OpenAIServer, AnthropicServer]
"""OpenAI's and Anthropic's."""
