"""Vertex AI: who is calling, which address that makes, and what the process's environment has no say in."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from pipelex_backend_vertexai import pipelex_backends
from pipelex_backend_vertexai._credentials import find_caller
from pipelex_core import errors
from pipelex_core.execution.resources import LoopResources
from pipelex_core.requests import ImageRequest
from pipelex_core.specs import BackendConfig, Secret
from tests.plugins.test_google import asks, opened, spec, streamed
from tests.servers.base import Reply
from tests.servers.google import KEY, TOKEN, GoogleServer

if TYPE_CHECKING:
    from pathlib import Path

PLACE = {"gcp_project_id": "my-project", "gcp_location": "europe-west4"}


@pytest.fixture(scope="module")
def private_key() -> str:
    """A private key in PEM form."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def service_account(folder: Path, private_key: str, token_uri: str, **changes: Any) -> Path:
    """A service account's file whose tokens come from `token_uri`."""
    info = {
        "type": "service_account",
        "project_id": "files-project",
        "private_key": private_key,
        "client_email": "tester@files-project.iam.gserviceaccount.com",
        "token_uri": token_uri,
        **changes,
    }
    file = folder / "credentials.json"
    file.write_text(json.dumps(info))
    return file


def vertex(url: str | None, *, sdk: str = "vertexai", key: str | None = None, **options: Any) -> Any:
    secret = Secret(key) if key else None
    config = BackendConfig(name="vertexai", endpoint=url, api_key=secret, options={**PLACE, **options})
    return pipelex_backends()[sdk](config)


async def use(backend: Any) -> None:
    """Open a backend, ask once in each way, and close it."""
    resources = LoopResources()
    try:
        await backend.open(resources)
        assert (await backend.generate_text(asks("hello"))).text == "You said: hello"
        assert (await streamed(backend, asks("hello")))[1].text == "You said: hello"
    finally:
        await backend.close()
        await resources.close()


def test_a_service_account_gets_its_token_once(tmp_path: Path, private_key: str) -> None:
    """The file's own token endpoint is asked, and every call carries the token it gave."""

    async def main() -> None:
        async with GoogleServer() as server:
            file = service_account(tmp_path, private_key, f"{server.url}/token")
            await use(vertex(server.url, gcp_credentials_file_path=str(file)))
            token, *calls = server.received
            assert (token.path, server.tokens) == ("/token", 1)
            for call in calls:
                assert call.headers["authorization"] == f"Bearer {TOKEN}"
                assert "x-goog-api-key" not in call.headers
            path = "/v1beta1/projects/my-project/locations/europe-west4/publishers/google/models/gemini-test"
            assert [call.path.rpartition(":")[0] for call in calls] == [path, path]

    asyncio.run(main())


def test_the_file_names_the_project_and_the_location_is_global(tmp_path: Path, private_key: str) -> None:
    """Where the options leave them out."""

    async def main() -> None:
        async with GoogleServer() as server:
            file = service_account(tmp_path, private_key, f"{server.url}/token")
            path = str(file)
            await use(vertex(server.url, gcp_credentials_file_path=path, gcp_project_id=None, gcp_location=None))
            assert server.received[1].path.startswith("/v1beta1/projects/files-project/locations/global/publishers/")

    asyncio.run(main())


@pytest.mark.parametrize(
    "content, reported",
    [
        (None, "cannot be read"),
        ("{", "is not valid JSON"),
        ("[]", "its type must be"),
        ('{"type": "external_account"}', "its type must be"),
        ('{"type": "service_account"}', "is malformed"),
        (
            '{"type": "service_account", "client_email": "a", "token_uri": "b", "private_key": "-SECRET-"}',
            "is malformed",
        ),
        ('{"type": "service_account", "client_email": "a", "token_uri": "b", "private_key": 5}', "is malformed"),
        ('{"type": "authorized_user"}', "refresh_token"),
    ],
)
def test_a_file_that_is_not_a_key_is_refused_before_any_request(
    tmp_path: Path, content: str | None, reported: str
) -> None:
    """The error names the option and the file, and shows nothing of what stands in it."""

    async def main() -> None:
        file = tmp_path / "credentials.json"
        if content is not None:
            file.write_text(content)
        async with GoogleServer() as server:
            with pytest.raises(errors.AuthenticationError, match=reported) as caught:
                await use(vertex(server.url, gcp_credentials_file_path=str(file)))
            assert f"gcp_credentials_file_path '{file}'" in str(caught.value)
            assert "-SECRET-" not in str([caught.value, caught.value.__cause__, caught.value.__context__])
            assert not server.received

    asyncio.run(main())


@pytest.mark.parametrize(
    "reply, kind",
    [
        (
            Reply.json({"error": "invalid_grant", "error_description": "-SECRET-"}, status=400),
            errors.AuthenticationError,
        ),
        (Reply.text("<html>-SECRET-</html>", status=404), errors.AuthenticationError),
        (Reply.json({"no": "token"}), errors.AuthenticationError),
        (Reply(fault="drop"), errors.ProviderConnectionError),
    ],
    ids=["refused", "html", "no-token", "dropped"],
)
def test_no_token_no_call(tmp_path: Path, private_key: str, reply: Reply, kind: type[errors.CallError]) -> None:
    """What the token server says wrong is an error of ours, without its words but for OAuth's own code."""

    async def main() -> None:
        async with GoogleServer() as server:
            file = service_account(tmp_path, private_key, f"{server.url}/token")
            server.queue(reply, reply, reply)
            with pytest.raises(errors.CallError) as caught:
                await use(vertex(server.url, gcp_credentials_file_path=str(file)))
            assert type(caught.value) is kind
            assert "-SECRET-" not in str(caught.value)
            assert ("invalid_grant" in str(caught.value)) == (reply.status == 400)
            assert all(request.path == "/token" for request in server.received)

    asyncio.run(main())


def test_an_endpoint_on_this_machine_needs_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is never shown the application default credentials: its token is the word `anonymous`."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nonexistent")

    async def main() -> None:
        async with GoogleServer() as server:
            await use(vertex(server.url))
            assert {request.headers["authorization"] for request in server.received} == {"Bearer anonymous"}

    asyncio.run(main())


@pytest.mark.parametrize("endpoint", [None, "https://gateway.example", "http://10.0.0.1", "no address"])
def test_elsewhere_application_default_credentials_are_found(
    tmp_path: Path, private_key: str, monkeypatch: pytest.MonkeyPatch, endpoint: str | None
) -> None:
    """Without a file, or with an empty path, Google's own search decides."""
    file = service_account(tmp_path, private_key, "http://127.0.0.1:1/token")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    caller = find_caller(BackendConfig(name="vertexai", endpoint=endpoint, options={"gcp_credentials_file_path": ""}))
    assert caller.project == "files-project"
    assert getattr(caller.credentials, "service_account_email", None) == "tester@files-project.iam.gserviceaccount.com"


def test_without_any_credentials_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing is sent."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nonexistent.json")
    with pytest.raises(errors.AuthenticationError, match="gcp_credentials_file_path") as caught:
        asyncio.run(use(vertex("https://gateway.example")))
    assert caught.value.__context__ is None


def test_a_project_is_needed() -> None:
    """Nothing names one: the error says which option does."""

    async def main() -> None:
        async with GoogleServer() as server:
            with pytest.raises(errors.AuthenticationError, match="gcp_project_id"):
                await use(vertex(server.url, gcp_project_id=""))

    asyncio.run(main())


def test_the_openai_form_is_served_by_the_native_api() -> None:
    """A model id of Vertex AI's OpenAI-compatible endpoint loses its prefix, and is listed with it."""

    async def main() -> None:
        async with GoogleServer() as server:
            resources = LoopResources()
            backend = vertex(server.url, sdk="vertexai:openai")
            await backend.open(resources)
            await backend.generate_text(asks("hello", spec=spec("google/gemini-2.5-pro")))
            assert server.received[0].path.endswith("/publishers/google/models/gemini-2.5-pro:generateContent")
            assert await backend.list_models() == ("google/gemini-2.5-flash", "google/gemini-2.5-pro")
            assert await backend.count_tokens(asks("hello", spec=spec("google/gemini-2.5-pro"))) == len("hello")
            with pytest.raises(errors.UnsupportedInputError, match="counts no tokens"):
                await backend.count_tokens(asks("hello", spec=spec("endpoints/123")))
            await backend.close()
            await resources.close()

    asyncio.run(main())


def test_express_mode() -> None:
    """An API key for Vertex AI stands in for project, location and credentials."""

    async def main() -> None:
        async with GoogleServer() as server:
            server.queue(Reply.json({"candidates": [{"content": {"parts": [{"text": "hi"}]}, "finishReason": "STOP"}]}))
            resources = LoopResources()
            backend = vertex(server.url, key=KEY)
            await backend.open(resources)
            assert (await backend.generate_text(asks("hello"))).text == "hi"
            assert server.received[0].path == "/v1beta1/publishers/google/models/gemini-test:generateContent"
            assert server.received[0].headers["x-goog-api-key"] == KEY
            assert "authorization" not in server.received[0].headers
            await backend.close()
            await resources.close()

    asyncio.run(main())


def test_vertex_can_be_told_the_file_type_of_an_image() -> None:
    """AI Studio cannot, and refuses it."""

    async def main() -> None:
        async with GoogleServer() as server:
            resources = LoopResources()
            backend = vertex(server.url)
            await backend.open(resources)
            await backend.generate_image(ImageRequest(spec=spec(), prompt="A cat", output_format="jpeg"))
            config = server.received[0].json["generationConfig"]
            assert config["imageConfig"] == {"imageOutputOptions": {"mimeType": "image/jpeg"}}
            await backend.close()
            await resources.close()
            async with opened(server) as studio:
                with pytest.raises(errors.UnsupportedInputError):
                    await studio.generate_image(ImageRequest(spec=spec(), prompt="A cat", output_format="jpeg"))

    asyncio.run(main())


@pytest.mark.parametrize("platform", ["google", "vertexai"])
def test_the_environment_has_no_say(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK's own variables change neither key nor project nor address: everything is in the configuration."""
    for name, value in {
        "GOOGLE_API_KEY": "AIza-of-the-environment",
        "GEMINI_API_KEY": "AIza-of-the-environment",
        "GOOGLE_CLOUD_PROJECT": "environments-project",
        "GOOGLE_CLOUD_LOCATION": "mars",
        "GOOGLE_GENAI_USE_VERTEXAI": "false" if platform == "vertexai" else "true",
        "GOOGLE_GEMINI_BASE_URL": "http://127.0.0.1:1",
        "GOOGLE_VERTEX_BASE_URL": "http://127.0.0.1:1",
        "GOOGLE_GENAI_HTTP_CLIENT": "httpx",
    }.items():
        monkeypatch.setenv(name, value)

    async def main() -> None:
        async with GoogleServer() as server:
            if platform == "vertexai":
                await use(vertex(server.url))
                assert "/projects/my-project/locations/europe-west4/" in server.received[0].path
                assert "x-goog-api-key" not in server.received[0].headers
            else:
                async with opened(server) as backend:
                    await backend.generate_text(asks("hello"))
                assert server.received[0].headers["x-goog-api-key"] == KEY

    asyncio.run(main())
