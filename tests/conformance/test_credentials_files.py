"""A service account's private key, and the access token it brings, are found in nothing a program may show or keep."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from pipelex_core.errors import AuthenticationError, CallError
from pipelex_testing.suite.secrets import CANARY, found_in, leaks_of
from tests.conformance.provider import reached
from tests.conformance.rows.google import Vertex
from tests.conformance.scenario import PLAIN
from tests.conformance.test_keys import FAULTS, STREAM_FAULTS, all_logs, failing, one_call
from tests.servers.base import Reply
from tests.servers.google import GoogleServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipelex_core.specs import BackendConfig
    from tests.servers.base import Received

__all__ = ["all_logs"]


class EchoingGoogle(GoogleServer):
    """Gives the canary for an access token, or an answer of the test's to who asks for one."""

    def __init__(self, token: Reply | None = None) -> None:
        super().__init__()
        self._provided = token or Reply.json({"access_token": CANARY, "expires_in": 3600, "token_type": "Bearer"})

    async def reply_to(self, request: Received) -> Reply:
        return self._provided if request.path == "/token" else await super().reply_to(request)


class Account(Vertex):
    """Vertex AI with a service account's file."""

    def __init__(self, file: Path, info: dict[str, Any], token: Reply | None = None) -> None:
        self._file, self._info, self._token = file, info, token

    def server(self) -> EchoingGoogle:
        return EchoingGoogle(self._token)

    def config(self, url: str, key: str | None = None) -> BackendConfig:
        self._file.write_text(json.dumps({**self._info, "token_uri": f"{url}/token"}))
        made = super().config(url)
        return attrs.evolve(made, options={**made.options, "gcp_credentials_file_path": str(self._file)})


@pytest.fixture(scope="module")
def pem() -> str:
    """A private key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


@pytest.fixture
def info(pem: str) -> dict[str, Any]:
    """The content of a service account's file, but for the address of tokens."""
    email = "tester@files-project.iam.gserviceaccount.com"
    return {"type": "service_account", "project_id": "files-project", "private_key": pem, "client_email": email}


def leaks_in(text: str, pem: str) -> Iterator[str]:
    """What of the token or the private key is in a text."""
    yield from found_in("text", text)
    yield from (
        f"line {number} of the private key" for number, line in enumerate(pem.splitlines()[1:-1]) if line in text
    )


def leaks_in_logs(logs: pytest.LogCaptureFixture, pem: str) -> list[str]:
    """The same of every record."""
    return [
        f"log of {record.name}: {leak}"
        for record in logs.records
        for leak in leaks_in(record.getMessage() + repr(record.args) + (record.exc_text or ""), pem)
    ]


def test_neither_key_nor_token_in_an_error_or_a_log(
    tmp_path: Path, info: dict[str, Any], pem: str, all_logs: pytest.LogCaptureFixture
) -> None:
    """Whatever Vertex AI echoes of the token it was given, in whatever failure."""
    provider, found = Account(tmp_path / "account.json", info), list[str]()

    async def main() -> None:
        for stream, faults in ((False, FAULTS), (True, STREAM_FAULTS)):
            for name, reply in faults.items():
                async with reached(provider) as at:
                    found.extend(f"{name}: {leak}" for leak in await failing(at, reply, stream=stream))
                    found.extend(leaks_in(repr([at.client.deck, vars(at.client)]), pem))
        async with reached(provider) as at:
            at.says(PLAIN)
            found.extend(leaks_in(repr(await one_call(at)), pem))

    asyncio.run(main())
    assert found + leaks_in_logs(all_logs, pem) == []


@pytest.mark.parametrize(
    "token",
    [
        Reply.json({"error": "invalid_grant", "error_description": CANARY}, status=400),
        Reply.json({"error": CANARY}, status=401),
        Reply.text(f"<html>{CANARY}</html>", status=500),
        Reply.text(f"<html>{CANARY}</html>"),
        Reply.json({"access_token": 5, "id_token": CANARY}),
    ],
    ids=["grant", "echo", "fault", "html", "no token"],
)
def test_no_key_where_there_is_no_token(
    token: Reply, tmp_path: Path, info: dict[str, Any], pem: str, all_logs: pytest.LogCaptureFixture
) -> None:
    """A token server that fails, and echoes what it can: a `CallError` without the private key or what it said."""

    async def main() -> CallError:
        async with reached(Account(tmp_path / "account.json", info, token)) as at:
            with pytest.raises(CallError) as caught:
                await one_call(at)
            return caught.value

    error = asyncio.run(main())
    assert [*leaks_of(error), *leaks_in(f"{error!r} {error} {vars(error)}", pem), *leaks_in_logs(all_logs, pem)] == []


@pytest.mark.parametrize(
    "change",
    [
        {"private_key": "-----BEGIN PRIVATE KEY-----\nc2stY2FuYXJ5\n-----END PRIVATE KEY-----\n"},
        {"private_key": CANARY},
        {"private_key": {"d": CANARY}},
        {"private_key": None, "private_key_id": CANARY},
        {"type": "external_account", "note": CANARY},
        {"client_email": None},
    ],
    ids=["no key", "no PEM", "table", "none", "other type", "no address"],
)
def test_no_key_of_a_file_that_is_malformed(
    change: dict[str, Any], tmp_path: Path, info: dict[str, Any], pem: str, all_logs: pytest.LogCaptureFixture
) -> None:
    """The error names the file and what belongs into it, and nothing that stands there; nothing is sent."""

    async def main() -> CallError:
        async with reached(Account(tmp_path / "account.json", {**info, **change})) as at:
            with pytest.raises(AuthenticationError, match=r"account\.json") as caught:
                await one_call(at)
            assert at.server.received == []
            return caught.value

    error = asyncio.run(main())
    shown = f"{error!r} {error} {vars(error)}"
    assert [*leaks_of(error), *leaks_in(shown, pem), *leaks_in_logs(all_logs, pem)] == []
    assert "c2stY2FuYXJ5" not in shown
