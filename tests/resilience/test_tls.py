"""Certificates are checked at every backend, and nothing in the environment switches that off."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING

import pytest

from pipelex_core import AsyncClient
from pipelex_core.errors import CallError, ProviderConnectionError
from pipelex_core.plugins import discover
from pipelex_testing.running import Running, deck_for
from tests.http.test_transport import CERTIFICATE, KEY
from tests.resilience.backends import WIRES, first_kind
from tests.servers.bedrock import clean_aws

if TYPE_CHECKING:
    from pathlib import Path

    from pipelex_testing import Conformance

__all__ = ["clean_aws"]

pytestmark = pytest.mark.usefixtures("clean_aws")

OFF = {
    "PYTHONHTTPSVERIFY": "0",
    "SSL_VERIFY": "false",
    "CURL_CA_BUNDLE": "",
    "REQUESTS_CA_BUNDLE": "",
    "AWS_CA_BUNDLE": "",
    "SSL_CERT_FILE": "",
    "SSL_CERT_DIR": "",
}


SUITES = [pytest.param(suite, id=name.replace(" ", "_")) for name, suite in WIRES.items()]
AUTHORITIES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE")


def requested(suite: Conformance, folder: Path) -> tuple[list[bytes], CallError]:
    """What a server with a certificate of its own gets of a call, and how that ends."""
    (folder / "cert.pem").write_text(CERTIFICATE)
    (folder / "key.pem").write_text(KEY)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    served: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append(await reader.read(100))
        writer.close()

    async def main() -> CallError:
        async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
            url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            async with asyncio.timeout(60), AsyncClient(deck_for(suite, url), suite.plugins()) as client:
                with pytest.raises(CallError) as caught:
                    await first_kind(suite).make(Running(suite, None, client), retries=0)
        return caught.value

    return served, asyncio.run(main())


@pytest.mark.parametrize("suite", SUITES)
def test_a_server_that_is_not_trusted_gets_no_request(
    suite: Conformance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call ends as one that found no connection; not a byte of it, and no key, has left."""
    for name, value in OFF.items():
        monkeypatch.setenv(name, value)
    served, error = requested(suite, tmp_path)
    assert isinstance(error, ProviderConnectionError)
    assert served == []


@pytest.mark.parametrize("suite", SUITES)
def test_one_variable_names_the_authorities_of_a_company(
    suite: Conformance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`SSL_CERT_FILE`, at every backend: the server is trusted, and gets the request."""
    for name in AUTHORITIES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    served, _ = requested(suite, tmp_path)
    assert len(served) == 1
    assert b"HTTP/1.1" in served[0]


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
def test_bedrock_goes_by_its_own_variables_first(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As everything that AWS makes."""
    for name in AUTHORITIES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere.pem")
    monkeypatch.setenv(variable, str(tmp_path / "cert.pem"))
    assert len(requested(WIRES["Bedrock"], tmp_path)[0]) == 1


def test_no_option_of_a_backend_speaks_of_certificates() -> None:
    """There is nothing in a file of the configuration that could switch their check off, or be thought to."""
    plugins = discover()
    factories = [plugins.require(*key.rpartition(":")[::2])[0] for key in plugins.sdks]
    options = [option.name for factory in factories for option in (*factory.options, *factory.model_options)]
    assert options
    assert not [name for name in options if any(word in name for word in ("verify", "ssl", "tls", "cert", "insecure"))]
