"""The prediction service of google-cloud-aiplatform, over gRPC: https://cloud.google.com/vertex-ai/docs/reference/rpc.

The package takes seconds of CPU and some 150 MB to import, so it is imported in a thread when a model on an endpoint is
first called, and never for Gemini.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from google.cloud.aiplatform_v1beta1.services.prediction_service import PredictionServiceAsyncClient

    from pipelex_backend_vertexai._credentials import Caller

_CHANNEL = [
    ("grpc.enable_retries", 0),  # repeating a paid call is core's decision
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
]


class Prediction:
    """Calls of chat completions, on one channel for each host; made for one event loop."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._clients: dict[str, PredictionServiceAsyncClient] = {}

    async def chat(self, address: str, endpoint: str, body: bytes) -> AsyncGenerator[bytes, None]:
        """The body of the answer, in pieces as they come.

        Args:
            address: A host, which is reached with TLS, or `http://host:port`.
            endpoint: `projects/…/locations/…/endpoints/…`.
            body: The request, in JSON.

        Raises:
            GoogleAPICallError: The call failed.
            CallError: There is no access token.
        """
        client = self._clients.get(address) or await self._connect(address)
        from google.api.httpbody_pb2 import HttpBody

        stream: Any = await client.chat_completions(
            endpoint=endpoint,
            http_body=HttpBody(content_type="application/json", data=body),
            retry=None,
            timeout=None,  # the execution layer cancels the call
            metadata=await self._metadata(),
        )
        try:
            async for piece in stream:
                yield piece.data
        finally:
            stream.cancel()

    async def close(self) -> None:
        """Close every channel."""
        clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            await client.transport.close()

    async def _connect(self, address: str) -> PredictionServiceAsyncClient:
        await asyncio.to_thread(_import)
        if address not in self._clients:
            self._clients[address] = _client(address)
        return self._clients[address]

    async def _metadata(self) -> list[tuple[str, str]]:
        """The access token, fetched in a thread where there is none that is valid, and the project that pays."""
        await self._caller.refresh()
        headers: dict[str, str] = {}
        self._caller.credentials.apply(headers)
        return [(name.lower(), value) for name, value in headers.items()]


def _import() -> None:
    import google.cloud.aiplatform_v1beta1.services.prediction_service  # noqa: F401


def _client(address: str) -> PredictionServiceAsyncClient:
    import grpc
    from google.cloud.aiplatform_v1beta1.services.prediction_service import PredictionServiceAsyncClient

    url = urlsplit(address if "//" in address else f"https://{address}")
    port = url.port or (80 if url.scheme == "http" else 443)
    target = f"{url.hostname}:{port}"
    if url.scheme == "http":
        channel = grpc.aio.insecure_channel(target, options=_CHANNEL)
    else:
        channel = grpc.aio.secure_channel(target, grpc.ssl_channel_credentials(), options=_CHANNEL)
    transport = PredictionServiceAsyncClient.get_transport_class("grpc_asyncio")(host=target, channel=channel)
    return PredictionServiceAsyncClient(transport=transport)
