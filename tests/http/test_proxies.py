"""Proxies of the environment: which request goes through which, and that `~/.netrc` has no part in it."""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64encode
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx2
import pytest

from pipelex_core import AsyncClient, ConfigError
from pipelex_core.execution.resources import LoopResources
from pipelex_core.sending import Sending, sending
from pipelex_http.proxies import Proxies
from tests.http.test_transport import CERTIFICATE, KEY
from tests.support.scripted import deck_of, plugins_for, spec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No proxies of this machine, and a `netrc` with a password for everybody."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))


@asynccontextmanager
async def proxy(
    heads: list[str], answer: bytes = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
) -> AsyncIterator[str]:
    """A proxy that answers by itself, and opens tunnels where it is asked to; its address."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        heads.append(head)
        if head.startswith("CONNECT") and b"200" in answer:
            host, _, port = head.split()[1].partition(":")
            there, back = await asyncio.open_connection(host, int(port))
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await asyncio.gather(_pump(reader, back), _pump(there, writer))
        else:
            writer.write(answer)
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(65536):
        writer.write(piece)
        await writer.drain()
    writer.close()


async def get(url: str, **headers: str) -> httpx2.Response:
    """What the shared pool gets."""
    resources = LoopResources()
    try:
        return await resources.http().get(url, headers=headers)
    finally:
        await resources.close()


def test_a_request_goes_through_the_proxy_with_its_own_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """And with nothing out of `netrc`: neither beside the backend's key, nor in its place."""
    heads: list[str] = []

    async def main() -> None:
        async with proxy(heads) as address:
            monkeypatch.setenv("HTTP_PROXY", f"http://me:p%40ss@{address}")
            assert (await get("http://a.invalid/v1", authorization="Bearer k")).text == "ok"
            assert (await get("http://a.invalid/v1", **{"x-api-key": "k"})).text == "ok"

    asyncio.run(main())
    first, second = ([line.lower() for line in head.split("\r\n")] for head in heads)
    assert first[0] == "get http://a.invalid/v1 http/1.1"
    assert "authorization: bearer k" in first
    assert not [line for line in second if line.startswith("authorization")]
    reported = f"proxy-authorization: basic {b64encode(b'me:p@ss').decode()}".lower()
    assert reported in first
    assert reported in second


def test_a_tunnel_leads_to_the_provider_whose_certificate_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy sees a name, and no key; who answers in the provider's place is refused."""
    (tmp_path / "cert.pem").write_text(CERTIFICATE)
    (tmp_path / "key.pem").write_text(KEY)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    heads: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi")
        await writer.drain()
        writer.close()

    async def main() -> None:
        async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server, proxy(heads) as address:
            url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
            monkeypatch.setenv("HTTPS_PROXY", f"http://me:secret@{address}")
            with pytest.raises(httpx2.ConnectError, match="certificate"):
                await get(url, authorization="Bearer k")
            monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
            assert (await get(url, authorization="Bearer k")).text == "hi"

    asyncio.run(main())
    assert [head.split()[0] for head in heads] == ["CONNECT", "CONNECT"]
    reported = f"Proxy-Authorization: Basic {b64encode(b'me:secret').decode()}"
    assert all(reported in head and "Bearer" not in head for head in heads)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_request_that_no_proxy_lets_through_has_not_left(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is not there, and, before a tunnel, one that refuses."""

    async def main() -> Sending:
        reported = Sending()
        sending.set(reported)
        async with proxy([], b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n") as address:
            monkeypatch.setenv(f"{scheme}_proxy", "127.0.0.1:9" if scheme == "http" else address)
            with pytest.raises(httpx2.ProxyError):
                await get(f"{scheme}://a.invalid/", authorization="Bearer k")
        return reported

    reported = asyncio.run(main())
    assert (reported.requests, reported.never_sent) == (1, 1)


def test_a_proxy_that_refuses_a_request_without_a_tunnel_is_not_the_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it answers with 407 has not left, so that a picture is not taken for paid, and a chain moves on."""

    async def main() -> Sending:
        reported = Sending()
        sending.set(reported)
        async with proxy([], b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n") as address:
            monkeypatch.setenv("http_proxy", address)
            with pytest.raises(httpx2.ProxyError, match="the proxy refuses"):
                await get("http://a.invalid/", authorization="Bearer k")
        return reported

    reported = asyncio.run(main())
    assert (reported.requests, reported.never_sent) == (1, 1)


@pytest.mark.parametrize(
    ("variables", "url", "expected"),
    [
        ({}, "http://a.test/", None),
        ({"http_proxy": "http://p:1"}, "http://a.test/", "http://p:1"),
        ({"http_proxy": "p:1"}, "http://a.test/", "http://p:1"),
        ({"http_proxy": "http://p:1"}, "https://a.test/", None),
        ({"all_proxy": "http://p:1"}, "https://a.test/", "http://p:1"),
        ({"all_proxy": "http://p:1", "https_proxy": "http://q:1"}, "https://a.test/", "http://q:1"),
        ({"http_proxy": "http://p:1", "no_proxy": "a.test"}, "http://a.test/", None),
        ({"http_proxy": "http://p:1", "no_proxy": "test"}, "http://a.test:80/", None),
        ({"http_proxy": "http://p:1", "no_proxy": "localhost,127.0.0.1"}, "http://127.0.0.1:99/", None),
        ({"http_proxy": "http://p:1", "no_proxy": "127.0.0.1:98"}, "http://127.0.0.1:99/", "http://p:1"),
        ({"http_proxy": "http://p:1", "no_proxy": "*"}, "http://a.test/", None),
    ],
)
def test_which_proxy(
    variables: dict[str, str], url: str, expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variables mean what they mean to others."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    proxy = Proxies().to(httpx2.URL(url)).proxy
    assert (None if proxy is None else str(proxy)) == expected


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("HTTPS_PROXY", "ftp://proxy.example:21", "'ftp'"),
        ("ALL_PROXY", "socks5://user:hidden@proxy.example:1080", "'socks5'"),
        ("http_proxy", "http://user:hidden@:3128", "without a host"),
        ("http_proxy", "http://proxy.example:port", "not the address"),
        ("HTTP_PROXY", "http://proxy.example:99999", "not the address"),
        ("HTTP_PROXY", "my proxy", "without a host"),
    ],
)
def test_a_proxy_that_cannot_be_one_is_an_error_of_the_configuration(
    name: str, value: str, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is raised where a client is made, names the variable, and shows no password."""
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=word) as caught:
        AsyncClient(deck_of(spec("smart")), plugins_for({}))
    assert name in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_a_proxy_that_nothing_uses_is_nobodys_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that others stand before, or that no host goes through."""
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1")
    for name in ("HTTP_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "127.0.0.1:3128")
    AsyncClient(deck_of(spec("smart")), plugins_for({}))
    monkeypatch.delenv("HTTP_PROXY")
    monkeypatch.setenv("NO_PROXY", "*")
    AsyncClient(deck_of(spec("smart")), plugins_for({}))
