"""What the SDK's client is made with, so that every call goes through the shared connection pool."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from google.genai import types

from pipelex_core.headers import check_key

if TYPE_CHECKING:
    import httpx2

    from pipelex_core.specs import BackendConfig


def http_options(
    config: BackendConfig, pool: httpx2.AsyncClient, *, endpoint: str | None, api_version: str
) -> types.HttpOptions:
    """The transport of a client.

    Everything goes through the pool, so the TLS contexts the SDK would make for its other transports stay empty. They
    hold no certificate and would refuse every server: making the real ones costs more than the client itself.

    Args:
        config: The backend's configuration; its `endpoint` may end with the version that every path begins with.
        pool: The shared pool, as the SDK gets it.
        endpoint: The address where the configuration has none; None for the SDK's own.
        api_version: What the SDK puts before every path where the configuration names no version.

    Raises:
        AuthenticationError: The key cannot be sent in a header.
    """
    version = config.options.get("api_version")
    address = config.endpoint or endpoint
    if address is not None:
        address = address.rstrip("/").removesuffix("/" + (version or api_version))
    check_key(config.api_key)
    unused = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return types.HttpOptions(
        base_url=address,
        api_version=version,
        httpx_async_client=pool,
        client_args={"verify": unused},
        async_client_args={"verify": unused, "ssl": unused},
    )
