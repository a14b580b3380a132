"""The errors of a request that got no answer: aiohttp's as httpx2's."""

from __future__ import annotations

from errno import EMFILE, ENFILE
from typing import TYPE_CHECKING

import aiohttp
import httpx2

from pipelex_core.errors import ProviderConnectionError

if TYPE_CHECKING:
    from pipelex_core.sending import Sending

_ERRORS: tuple[tuple[type[Exception], type[httpx2.TransportError]], ...] = (
    (aiohttp.ConnectionTimeoutError, httpx2.ConnectTimeout),
    (TimeoutError, httpx2.ReadTimeout),
    (aiohttp.ClientProxyConnectionError, httpx2.ProxyError),
    (aiohttp.ClientHttpProxyError, httpx2.ProxyError),
    (aiohttp.ClientResponseError, httpx2.RemoteProtocolError),
    (aiohttp.ClientConnectorError, httpx2.ConnectError),
    (aiohttp.InvalidURL, httpx2.UnsupportedProtocol),
    (aiohttp.NonHttpUrlClientError, httpx2.UnsupportedProtocol),
    (aiohttp.ClientConnectionError, httpx2.RemoteProtocolError),
    (aiohttp.ClientPayloadError, httpx2.ReadError),
    (OSError, httpx2.ReadError),
    (ValueError, httpx2.UnsupportedProtocol),  # an invalid port or host name
)
"""aiohttp's errors as httpx2's, the first that fits."""

_NEVER_LEFT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError, httpx2.UnsupportedProtocol)
"""Those from before a request leaves: there was no connection for it."""

_NO_DESCRIPTOR = (
    "this process has as many files and connections open as it may: raise the limit of open files (ulimit -n), or lower "
    "max_concurrency of the backend in backends.toml"
)


def noted(error: Exception, record: Sending) -> httpx2.TransportError:
    """The error of a request that got no answer, and in `record` how far it got."""
    ours = translated(error)
    if getattr(error, "errno", None) in {EMFILE, ENFILE}:
        record.fault = ProviderConnectionError(_NO_DESCRIPTOR)
    if isinstance(ours, _NEVER_LEFT):
        record.never_sent += 1
    return ours


def translated(error: Exception) -> httpx2.TransportError:
    """The error as httpx2 has it."""
    kind = next((ours for theirs, ours in _ERRORS if isinstance(error, theirs)), httpx2.NetworkError)
    if isinstance(error, aiohttp.ClientResponseError):
        return kind("the proxy refuses" if kind is httpx2.ProxyError else "the server's answer is not HTTP")
    if isinstance(error, aiohttp.ClientConnectorError):
        host = f"[{error.host}]" if ":" in error.host else error.host
        return kind(f"Cannot connect to {host}:{error.port}: {_reason(error.os_error)}")
    return kind(str(error) or type(error).__name__)


def _reason(error: OSError) -> str:
    """Why there is no connection; aiohttp's own message holds the `repr` of an `SSLContext` as well."""
    return error.strerror or str(error) or type(error).__name__
