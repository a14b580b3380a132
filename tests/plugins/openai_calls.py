"""How the tests of the OpenAI plugin make calls."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pipelex_backend_openai import pipelex_backends
from pipelex_core.execution.resources import LoopResources
from pipelex_core.parts import Message, TextPart
from pipelex_core.requests import TextRequest
from pipelex_core.specs import BackendConfig, ModelSpec, Secret
from pipelex_testing.rulebook import rulebook_of
from tests.servers.openai_server import OpenAIServer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pipelex_core.results import TextAnswer
    from tests.servers.base import Reply, Server

KEY = "sk-secret-0123456789"


def spec(sdk: str = "openai", **fields: Any) -> ModelSpec:
    """A model."""
    return ModelSpec(**{"name": "gpt", "backend": "openai", "sdk": sdk, "model_id": "gpt-test", **fields})


def stated(text: str) -> tuple[Message, ...]:
    """A conversation of one message."""
    return (Message(role="user", parts=(TextPart(text),)),)


def text_request(**fields: Any) -> TextRequest:
    """A question."""
    return TextRequest(**{"spec": spec(), "messages": stated("Name three rivers."), **fields})


def config(url: str, name: str = "openai", **fields: Any) -> BackendConfig:
    """A table of backends.toml whose endpoint is a server of ours."""
    return BackendConfig(**{"name": name, "endpoint": f"{url}/v1", "api_key": Secret(KEY), **fields})


def with_backend(
    use: Callable[[Any, Server], Awaitable[Any]],
    *replies: Reply,
    sdk: str = "openai",
    make: Callable[[str], BackendConfig] = config,
    server: Server | None = None,
) -> Any:
    """What `use` makes of an open backend and its server."""

    async def main() -> Any:
        async with server or OpenAIServer() as running:
            running.queue(*replies)
            resources = LoopResources()
            settings = make(running.url)
            if server is None:
                running.rules = rulebook_of(sdk, settings.name)
            backend: Any = pipelex_backends()[sdk](settings)
            try:
                await backend.open(resources)
                return await use(backend, running)
            finally:
                await backend.close()
                await resources.close()

    return asyncio.run(main())


def generated(*replies: Reply, request: TextRequest | None = None, **options: Any) -> TextAnswer:
    """The answer to a question."""

    async def use(backend: Any, _: Server) -> TextAnswer:
        answer: TextAnswer = await backend.generate_text(request or text_request())
        return answer

    answer: TextAnswer = with_backend(use, *replies, **options)
    return answer


def streamed(*replies: Reply, request: TextRequest | None = None, **options: Any) -> list[str | TextAnswer]:
    """What comes of the streamed answer to a question."""

    async def use(backend: Any, _: Server) -> list[str | TextAnswer]:
        return [event async for event in backend.stream_text(request or text_request())]

    events: list[str | TextAnswer] = with_backend(use, *replies, **options)
    return events


def sent(request: TextRequest, *, stream: bool = False, **options: Any) -> dict[str, Any]:
    """The body of what a request becomes."""

    async def use(backend: Any, server: Server) -> dict[str, Any]:
        if stream:
            async for _ in backend.stream_text(request):
                pass
        elif hasattr(request, "schema"):
            await backend.generate_object(request)
        else:
            await backend.generate_text(request)
        body: dict[str, Any] = server.received[0].json
        return body

    found: dict[str, Any] = with_backend(use, **options)
    return found
