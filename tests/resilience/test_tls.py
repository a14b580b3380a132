"""Certificates are checked at every backend, and nothing in the environment switches that off."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING

import pytest

from pipelex_core import AsyncClient
from pipelex_core.errors import ProviderConnectionError
from pipelex_core.testing.running import Running, deck_for
from tests.core.test_transport import CERTIFICATE, KEY
from tests.resilience.backends import WIRES, first_kind
from tests.servers.bedrock import clean_aws

if TYPE_CHECKING:
    from pathlib import Path

    from pipelex_core.testing import Conformance

__all__ = ["clean_aws"]

pytestmark = pytest.mark.usefixtures("clean_aws")

OFF = {
    "PYTHONHTTPSVERIFY": "0",
    "SSL_VERIFY": "false",
    "CURL_CA_BUNDLE": "",
}


@pytest.mark.parametrize("suite", [pytest.param(suite, id=name.replace(" ", "_")) for name, suite in WIRES.items()])
def test_a_server_that_is_not_trusted_gets_no_request(
    suite: Conformance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call ends as one that found no connection; not a byte of it, and no key, has left."""
    for name, value in OFF.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "cert.pem").write_text(CERTIFICATE)
    (tmp_path / "key.pem").write_text(KEY)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    served = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append(await reader.read(100))
        writer.close()

    async def main() -> None:
        async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
            url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            async with asyncio.timeout(60), AsyncClient(deck_for(suite, url), suite.plugins()) as client:
                with pytest.raises(ProviderConnectionError):
                    await first_kind(suite).make(Running(suite, None, client), retries=0)

    asyncio.run(main())
    assert served == []
