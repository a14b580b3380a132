"""As whom the Bedrock plugin calls: keys, token, profile, role, or what AWS's own chain finds."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_core.errors import AuthenticationError, BadRequestError, CallError, PermissionDeniedError
from pipelex_core.specs import Secret
from tests.servers import bedrock
from tests.servers.base import Reply, Server
from tests.servers.bedrock import KEYS, config, make, opened, request, served, stated

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.base import Received

clean_aws = bedrock.clean_aws
pytestmark = pytest.mark.usefixtures("clean_aws")

ROLE = "arn:aws:iam::123456789012:role/writer"


def received(**options: Any) -> Received:
    """The request of one call."""

    async def main() -> Received:
        async with served(stated("x"), **options) as (server, backend):
            await backend.generate_text(request())
            return server.received[0]

    return asyncio.run(main())


def refused(**options: Any) -> CallError:
    """The error of opening a backend, or of its first call."""

    async def main() -> CallError:
        async with Server() as server:
            with pytest.raises(CallError) as caught:
                async with opened(server.url, **options) as backend:
                    await backend.generate_text(request())
            assert not server.received
            return caught.value

    return asyncio.run(main())


def signed_by(request: Received) -> str:
    """The access key that signed a request."""
    authorization = request.headers["authorization"]
    assert authorization.startswith("AWS4-HMAC-SHA256 Credential=")
    return authorization.partition("=")[2].partition("/")[0]


def test_keys_sign_for_the_region() -> None:
    """The signature names the access key, the region and the service."""
    authorization = received(aws_region="eu-west-3").headers["authorization"]
    assert authorization.startswith("AWS4-HMAC-SHA256 Credential=AKIDTEST/")
    assert "/eu-west-3/bedrock/aws4_request" in authorization


def test_a_session_token_goes_along() -> None:
    """Temporary keys have a third part."""
    assert received(aws_session_token=Secret("tok")).headers["x-amz-security-token"] == "tok"


def test_configured_keys_beat_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a bearer token nor keys, a profile or a region of the environment take a configured backend over."""
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "hijacker")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDOTHER")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "other")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "other")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-south-1")
    request = received()
    assert signed_by(request) == "AKIDTEST"
    assert "x-amz-security-token" not in request.headers
    assert "/us-east-1/" in request.headers["authorization"]


def test_botocore_still_prefers_the_token_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Why a signature must be named: without one, the token wins over explicit keys and demands https."""
    from botocore.exceptions import InvalidEndpointConfigurationError
    from botocore.session import Session

    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "hijacker")
    keys: dict[str, Any] = {"aws_access_key_id": "AK", "aws_secret_access_key": "SK"}
    client: Any = Session().create_client("bedrock-runtime", "us-east-1", endpoint_url="http://127.0.0.1:9", **keys)
    with pytest.raises(InvalidEndpointConfigurationError):
        client.converse(modelId="m", messages=[])


def test_an_api_key_is_a_bearer_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """It needs no keys, beats those of the environment, and works over plain http on this machine."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDOTHER")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "other")
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "hijacker")
    assert received(api_key="bedrock-api-key-x").headers["authorization"] == "Bearer bedrock-api-key-x"


def test_an_api_key_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    """Not even in botocore's own, at its most talkative."""
    caplog.set_level("DEBUG")
    received(api_key="bedrock-api-key-x")
    assert "Making request" in caplog.text
    assert "bedrock-api-key-x" not in caplog.text


def test_the_chain_finds_keys_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend that names no credentials leaves it to AWS."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDCHAIN")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert signed_by(received(keys=False)) == "AKIDCHAIN"


def test_an_empty_bearer_token_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is empty counts as missing: the keys beside it sign."""
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDCHAIN")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert signed_by(received(keys=False)) == "AKIDCHAIN"


def test_the_chain_finds_the_default_profile(tmp_path: Path) -> None:
    """Also in its files."""
    (tmp_path / "credentials").write_text("[default]\naws_access_key_id = AKIDFILE\naws_secret_access_key = s\n")
    assert signed_by(received(keys=False)) == "AKIDFILE"


def test_empty_options_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty string is not a key."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDCHAIN")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert signed_by(received(aws_access_key_id="", aws_secret_access_key="")) == "AKIDCHAIN"


def test_a_profile_beats_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The profile that is named is the one that signs."""
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "hijacker")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDOTHER")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "other")
    (tmp_path / "credentials").write_text("[work]\naws_access_key_id = AKIDWORK\naws_secret_access_key = s\n")
    assert signed_by(received(keys=False, aws_profile="work")) == "AKIDWORK"


def test_a_profile_or_an_api_key_beats_a_pair_of_keys(tmp_path: Path) -> None:
    """The pair may have come from its variables, by the plugin's defaults; the others are always meant."""
    (tmp_path / "credentials").write_text("[work]\naws_access_key_id = AKIDWORK\naws_secret_access_key = s\n")
    assert signed_by(received(aws_profile="work")) == "AKIDWORK"
    assert received(api_key="some-api-key", **KEYS).headers["authorization"] == "Bearer some-api-key"


def test_an_endpoint_of_the_environment_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address is the one of backends.toml, or AWS's own."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "http://127.0.0.1:9")

    async def main() -> str:
        async with opened(None) as backend:
            return str(backend._client.meta.endpoint_url)

    assert asyncio.run(main()) == "https://bedrock-runtime.us-east-1.amazonaws.com"


def assumed(*replies: Reply, monkeypatch: pytest.MonkeyPatch, **options: Any) -> tuple[Received, list[Received]]:
    """The request of one call in a role, and the requests that the token service got."""

    async def main() -> tuple[Received, list[Received]]:
        async with (
            Server() as tokens,
            served(stated("x"), stated("x"), aws_role_arn=ROLE, **options) as (server, backend),
        ):
            monkeypatch.setenv("AWS_ENDPOINT_URL_STS", tokens.url)
            tokens.queue(*replies)
            await backend.generate_text(request())
            await backend.generate_text(request())
            return server.received[1], tokens.received

    return asyncio.run(main())


def role_reply() -> Reply:
    fields = {
        "AccessKeyId": "AKIDROLE",
        "SecretAccessKey": "role-secret",
        "SessionToken": "role-token",
        "Expiration": "2099-01-01T00:00:00Z",
    }
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())
    user = "<AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/writer/p</Arn></AssumedRoleUser>"
    body = f"<AssumeRoleResult>{user}<Credentials>{inner}</Credentials></AssumeRoleResult>"
    return Reply.text(f"<AssumeRoleResponse>{body}</AssumeRoleResponse>", content_type="text/xml")


def test_a_role_is_assumed_once_with_the_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The keys sign for the token service of the region, the role's own keys for Bedrock."""
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "hijacker")
    call, requested = assumed(role_reply(), monkeypatch=monkeypatch)
    assert (signed_by(call), call.headers["x-amz-security-token"]) == ("AKIDROLE", "role-token")
    assert [signed_by(question) for question in requested] == ["AKIDTEST"]
    assert b"writer" in requested[0].body


def test_a_role_is_assumed_with_what_the_chain_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without keys of its own."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDCHAIN")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    call, requested = assumed(role_reply(), monkeypatch=monkeypatch, keys=False)
    assert (signed_by(call), signed_by(requested[0])) == ("AKIDROLE", "AKIDCHAIN")


def test_a_role_that_may_not_be_assumed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is that of the token service."""
    body = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>Not you</Message></Error></ErrorResponse>"
    with pytest.raises(PermissionDeniedError, match="AssumeRole"):
        assumed(Reply.text(body, content_type="text/xml", status=403), monkeypatch=monkeypatch)


@pytest.mark.parametrize(
    "options",
    [
        {"keys": False},
        {"keys": False, "aws_profile": "nobody"},
        {"keys": False, "aws_role_arn": ROLE},
        {"keys": False, "aws_access_key_id": "AK"},
        {"keys": False, "aws_secret_access_key": Secret("SK")},
        {"keys": False, "aws_session_token": Secret("TOK")},
        {"api_key": "k", "aws_profile": "work"},
        {"api_key": "k", "aws_role_arn": ROLE},
    ],
)
def test_credentials_that_are_missing_or_contradict_each_other(options: dict[str, Any]) -> None:
    """Nobody is asked with them, and nobody is left to guess which ones hold."""
    assert isinstance(refused(**options), AuthenticationError)


def test_a_region_is_needed() -> None:
    """It is not taken from the environment."""
    assert isinstance(refused(aws_region=""), BadRequestError)


def test_a_backend_prints_no_secret() -> None:
    """Its settings keep keys out of their repr."""
    from pipelex_backend_bedrock._settings import read_settings

    text = repr(read_settings(config(None, aws_session_token=Secret("tok-tok-tok"))))
    assert "AKIDTEST" in text
    assert "test-secret-key" not in text
    assert "tok-tok-tok" not in text
    assert "some-key" not in repr(read_settings(config(None, api_key="some-key")))


def test_every_sdk_name_gives_the_same_backend() -> None:
    """The names the documentation uses are one backend."""
    from pipelex_backend_bedrock import SDKS

    assert {type(make(config(None), sdk)).__name__ for sdk in SDKS} == {"BedrockBackend"}
