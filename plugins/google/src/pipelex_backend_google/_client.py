"""The SDK's client, made for one event loop on the shared connection pool."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING

from google import genai
from google.genai import types

from pipelex_backend_google._credentials import find_caller
from pipelex_core.errors import AuthenticationError
from pipelex_core.headers import check_key

if TYPE_CHECKING:
    import httpx2
    from google.auth.credentials import Credentials

    from pipelex_core.specs import BackendConfig

_AI_STUDIO = "https://generativelanguage.googleapis.com/"
_VERSIONS = {False: "v1beta", True: "v1beta1"}
"""What the SDK puts before every path unless told, by whether it is Vertex AI."""


async def open_client(
    config: BackendConfig, pool: httpx2.AsyncClient, *, vertex: bool
) -> tuple[genai.Client, Credentials | None]:
    """A client of AI Studio or Vertex AI, and the credentials it calls with, unless that is a key; nothing is sent yet.

    Raises:
        AuthenticationError: There is no key, or no usable credentials.
    """
    endpoint = config.endpoint or (None if vertex else _AI_STUDIO)
    version = config.options.get("api_version")
    if endpoint is not None:  # with or without the version that every path begins with
        endpoint = endpoint.rstrip("/").removesuffix("/" + (version or _VERSIONS[vertex]))
    options = _http_options(endpoint, version, pool)
    check_key(config.api_key)
    if config.api_key is not None:  # AI Studio, or Vertex AI in express mode
        return genai.Client(vertexai=vertex, api_key=config.api_key.reveal(), http_options=options), None
    if not vertex:
        msg = "Google AI Studio needs an api_key"
        raise AuthenticationError(msg)
    caller = await asyncio.to_thread(find_caller, config)
    project = config.options.get("gcp_project_id") or caller.project
    if not project:
        msg = "Vertex AI needs a project: set gcp_project_id"
        raise AuthenticationError(msg)
    client = genai.Client(
        vertexai=True,
        credentials=caller.credentials,
        project=project,
        location=config.options.get("gcp_location") or "global",
        http_options=options,
    )
    return client, caller.credentials


def _http_options(endpoint: str | None, api_version: str | None, pool: httpx2.AsyncClient) -> types.HttpOptions:
    """Everything goes through the pool, so the TLS contexts the SDK would make for its other transports stay empty.

    They hold no certificate and would refuse every server: making the real ones costs more than the client itself.
    """
    unused = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return types.HttpOptions(
        base_url=endpoint,
        api_version=api_version,
        httpx_async_client=pool,
        client_args={"verify": unused},
        async_client_args={"verify": unused, "ssl": unused},
    )
