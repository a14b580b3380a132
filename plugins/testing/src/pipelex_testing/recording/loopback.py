"""The way of a replayed call through its SDK: a server on loopback that speaks the provider's wire.

What an SDK would refuse to send fails in a replay as it would in earnest. The answer on the wire has the recorded words;
counts, ids and pictures are taken from the recording, because the wires of the conformance kit say fixed ones.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from attrs import evolve

from pipelex_core.errors import CallError
from pipelex_core.specs import Secret
from pipelex_testing.rulebook import rulebook_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipelex_core.backend import Backend, Resources
    from pipelex_core.requests import Request
    from pipelex_core.specs import BackendConfig

WIRES = {
    "anthropic": "AnthropicMessages",
    "azure_openai": "OpenAIChat",
    "azure_openai_responses": "OpenAIResponses",
    "bedrock": "BedrockConverse",
    "bedrock_aioboto3": "BedrockConverse",
    "bedrock_boto3": "BedrockConverse",
    "fal": "FalQueue",
    "google": "Gemini",
    "mistral": "Mistral",
    "openai": "OpenAIChat",
    "openai_img_gen": "OpenAIChat",
    "openai_responses": "OpenAIResponses",
    "vertexai": "Gemini",
}
"""The wire that each SDK reads; those not in here are replayed without it."""

NO_KEY = "replayed-without-a-key"

_STREAMS = frozenset({"stream_text", "stream_object"})
_ON_WIRES = _STREAMS | {"generate_text", "generate_object", "generate_image", "extract"}
"""What the wires can say; of any other call the request alone is sent, and checked."""


class Loopback:
    """The server, and the backend that talks to it; both of one event loop."""

    def __init__(self, wire: Any, sample: Any) -> None:
        self._wire = wire
        self._sample = sample
        self._server = wire.server()
        self._listens = False
        self._inner: Any = None
        self._one_at_a_time = asyncio.Lock()

    @classmethod
    def of(cls, sdk: str, backend: str) -> Loopback | None:
        """The loopback of an sdk at a backend, whose provider's rules it applies; None where the sdk has no wire."""
        if sdk not in WIRES:
            return None
        import pipelex_testing as kit

        wire = getattr(kit, WIRES[sdk])()
        wire.rules = rulebook_of(sdk, backend) or wire.rules
        return cls(wire, kit.SampleAnswer)

    async def open(self, make: Callable[[BackendConfig], Backend], config: BackendConfig, resources: Resources) -> None:
        """Listen, and open a backend whose provider is here."""
        await self._server.__aenter__()
        self._listens = True
        key = config.api_key and Secret(NO_KEY)  # a real one has no business here
        self._inner = make(evolve(config, endpoint=self._wire.endpoint(self._server.url), api_key=key))
        await self._inner.open(resources)

    async def close(self) -> None:
        """Close what was opened."""
        if self._inner is not None:
            await self._inner.close()
        if self._listens:
            await self._server.__aexit__(None, None, None)

    async def exercise(self, operation: str, request: Request, answer: Mapping[str, Any]) -> None:
        """Have the SDK send a request and read an answer with the recorded words."""
        if operation not in _ON_WIRES:
            await self._offer(operation, request)
            return
        if operation == "generate_image" and getattr(request, "number", 1) != 1:
            return  # the wires make one picture
        async with self._one_at_a_time:
            self._server.forget()
            self._queue(operation, answer)
            if operation in _STREAMS:
                async for _ in getattr(self._inner, operation)(request):
                    pass
            else:
                await getattr(self._inner, operation)(request)

    async def _offer(self, operation: str, request: Request) -> None:
        """Have the SDK send a request that the wire has no answer to: it is checked all the same.

        Raises:
            CallError: The provider would refuse it, or nothing was sent.
        """
        async with self._one_at_a_time:
            self._server.forget()
            received, refused = len(self._server.received), len(self._server.refused)
            try:
                outcome = getattr(self._inner, operation)(request)
                if hasattr(outcome, "__aiter__"):
                    async for _ in outcome:
                        pass
                else:
                    await outcome
            except CallError:
                if len(self._server.refused) > refused or len(self._server.received) == received:
                    raise

    def _queue(self, operation: str, answer: Mapping[str, Any]) -> None:
        words = answer.get("text") or ""
        if operation == "generate_image":
            self._wire.queue_image(self._server)
        elif operation == "extract":
            self._server.queue(self._wire.document())
        elif operation in {"generate_object", "stream_object"}:
            sample = self._sample(value=_object(words))
            self._server.queue(self._wire.stream(sample) if operation in _STREAMS else self._wire.answer(sample))
        else:
            sample = self._sample(text=words if len(words) > 1 else "Replayed.")
            self._server.queue(self._wire.stream(sample) if operation == "stream_text" else self._wire.answer(sample))


def _object(text: str) -> dict[str, Any]:
    """The recorded object, or an empty one where none was recorded."""
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
