"""The gateway that several modules' tests share: one in front of both providers' loopback servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.servers.anthropic import AnthropicServer
from tests.servers.base import in_thread
from tests.servers.openai_server import OpenAIServer
from tests.support.serving import Served, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.serve.providers import Providers


@pytest.fixture(scope="module")
def servers() -> Iterator[Providers]:
    with in_thread(OpenAIServer()) as first, in_thread(AnthropicServer()) as second:
        assert isinstance(first, OpenAIServer)
        assert isinstance(second, AnthropicServer)
        yield first, second


@pytest.fixture
def providers(servers: Providers) -> Providers:
    """OpenAI's and Anthropic's, with nothing queued."""
    for server in servers:
        server.forget()
    return servers


@pytest.fixture(scope="module")
def served(servers: Providers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    endpoints = {"openai": f"{servers[0].url}/v1", "anthropic": servers[1].url}
    with serving(tmp_path_factory.mktemp("serve"), endpoints) as served:
        yield served
