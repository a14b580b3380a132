"""The pool's transport: certificates are checked where there are any, and read where they are needed only."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING

import httpx2
import pytest

from pipelex_core.execution.resources import LoopResources

if TYPE_CHECKING:
    from pathlib import Path

CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBkTCCATagAwIBAgIUJU+uk5wO0pqrVrXVM2n4BmByYqEwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJMTI3LjAuMC4xMCAXDTI2MTEyMjA2MzYxMloYDzIxMjYxMDI5
MDYzNjEyWjAUMRIwEAYDVQQDDAkxMjcuMC4wLjEwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAARncAxxPF+H1QjmYjPtUXDSQl3ydbZ9O4TnsJ0M825v9Myw9yrHiu3y
nOeauN8OutJYmpLIUsHPjjp+H7gnO/Mgo2QwYjAdBgNVHQ4EFgQUfa8Fpve3PzRH
GZLSSlHxTYdVl1gwHwYDVR0jBBgwFoAUfa8Fpve3PzRHGZLSSlHxTYdVl1gwDwYD
VR0TAQH/BAUwAwEB/zAPBgNVHREECDAGhwR/AAABMAoGCCqGSM49BAMCA0kAMEYC
IQDrV9/l0Wcx8tevXv0dTCwDZrI5GMGPxmBvCqz0V11buwIhAKbfM0h9xhi5PYp4
k2XcNHqYjcQHtPikeq5jqa7ytAFN
-----END CERTIFICATE-----
"""
KEY = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgKgyTr7pjM+F/t9ZN
c4kc09RgLCb2u1eh0KZryMk/gJqhRANCAARncAxxPF+H1QjmYjPtUXDSQl3ydbZ9
O4TnsJ0M825v9Myw9yrHiu3ynOeauN8OutJYmpLIUsHPjjp+H7gnO/Mg
-----END PRIVATE KEY-----
"""
"""A key and a certificate of its own for 127.0.0.1, for a hundred years; they open nothing."""


async def _get(context: ssl.SSLContext | None) -> str:
    """What the pool gets from a server, by TLS where there is a context."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        await writer.drain()
        writer.close()

    resources = LoopResources()
    scheme = "http" if context is None else "https"
    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
        try:
            response = await resources.http().get(f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        finally:
            await resources.close()
    return response.text


@pytest.fixture
def server_side(tmp_path: Path) -> ssl.SSLContext:
    """A server's TLS, with a certificate that nobody trusts."""
    (tmp_path / "cert.pem").write_text(CERTIFICATE)
    (tmp_path / "key.pem").write_text(KEY)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    return context


def test_a_server_that_is_not_trusted_is_refused(server_side: ssl.SSLContext) -> None:
    """The error says that it is the certificate."""
    with pytest.raises(httpx2.ConnectError, match="certificate") as caught:
        asyncio.run(_get(server_side))
    assert "SSLContext" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    ("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("localhost", "localhost"), ("[::1]", r"\[::1\]")]
)
def test_a_refused_connection_says_where_and_why(scheme: str, host: str, shown: str) -> None:
    """And not which object holds the certificates."""

    async def ask() -> None:
        resources = LoopResources()
        try:
            await resources.http().get(f"{scheme}://{host}:9/")
        finally:
            await resources.close()

    with pytest.raises(httpx2.ConnectError, match=rf"^Cannot connect to {shown}:9: \S") as caught:
        asyncio.run(ask())
    assert "ssl:" not in str(caught.value)
    assert "SSLContext" not in str(caught.value)


def test_a_trusted_server_answers(server_side: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The certificates are those of `SSL_CERT_FILE` where that is set, as with the SDKs' own connections."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    assert asyncio.run(_get(server_side)) == "ok"


def test_plain_http_needs_no_certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model server on this machine is asked where certificates cannot even be read."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    assert asyncio.run(_get(None)) == "ok"
