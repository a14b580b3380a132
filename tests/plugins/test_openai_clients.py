"""The SDK's clients: what they send beside the body, and that they take nothing from the environment."""

from __future__ import annotations

from typing import Any

import pytest

from pipelex_core import errors
from pipelex_core.specs import BackendConfig, Secret
from tests.plugins.openai_calls import KEY, config, spec, text_request, with_backend
from tests.servers.base import Received, Reply, Server

AMBIENT = {
    "OPENAI_API_KEY": "ambient",
    "OPENAI_ADMIN_KEY": "ambient",
    "OPENAI_ORG_ID": "ambient",
    "OPENAI_PROJECT_ID": "ambient",
    "OPENAI_BASE_URL": "http://127.0.0.1:9/ambient",
    "OPENAI_CUSTOM_HEADERS": "X-Ambient: ambient\nAuthorization: ambient",
    "OPENAI_API_VERSION": "ambient",
    "AZURE_OPENAI_API_KEY": "ambient",
    "AZURE_OPENAI_AD_TOKEN": "ambient",
    "AZURE_OPENAI_ENDPOINT": "http://127.0.0.1:9/ambient",
}


def received(make: Any, sdk: str = "openai") -> Received:
    """The request that a question becomes."""

    async def use(backend: Any, server: Server) -> Received:
        await backend.generate_text(text_request(spec=spec(sdk)))
        return server.received[0]

    found: Received = with_backend(use, sdk=sdk, make=make)
    return found


@pytest.mark.parametrize(
    "make, sdk",
    [
        (config, "openai"),
        (lambda url: config(url, "ollama", api_key=None), "openai"),
        (lambda url: BackendConfig(name="azure_openai", endpoint=url, api_key=Secret(KEY)), "azure_openai"),
        (
            lambda url: BackendConfig(
                name="azure_openai", endpoint=url, api_key=Secret(KEY), options={"api_version": "2024-10-21"}
            ),
            "azure_openai",
        ),
    ],
    ids=["openai", "ollama", "azure v1", "azure dated"],
)
def test_nothing_comes_of_the_environment(monkeypatch: pytest.MonkeyPatch, make: Any, sdk: str) -> None:
    """A backend is its table of backends.toml: no ambient key, organization, header or address is used."""
    for name, value in AMBIENT.items():
        monkeypatch.setenv(name, value)
    request = received(make, sdk)
    assert "ambient" not in str(request).lower()


def test_options_become_headers_and_query() -> None:
    """Organization, project, headers and query parameters are those of the backend's table."""
    options = {
        "organization": "org-1",
        "project": "proj-1",
        "headers": {"HTTP-Referer": "https://example.org"},
        "query": {"tenant": "a"},
    }
    request = received(lambda url: config(url, options=options))
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["openai-organization"] == "org-1"
    assert request.headers["openai-project"] == "proj-1"
    assert request.headers["http-referer"] == "https://example.org"
    assert request.query == {"tenant": "a"}


@pytest.mark.parametrize(
    "path, version, expected",
    [
        ("", "2024-10-21", "/openai/deployments/gpt-test/chat/completions"),
        ("/", "2024-10-21", "/openai/deployments/gpt-test/chat/completions"),
        ("/gateway", "2024-10-21", "/gateway/openai/deployments/gpt-test/chat/completions"),
        ("", None, "/openai/v1/chat/completions"),
        ("", "v1", "/openai/v1/chat/completions"),
        ("", "preview", "/openai/v1/chat/completions"),
        ("/openai/v1/", "preview", "/openai/v1/chat/completions"),
        ("/openai/deployments/mine", "2024-10-21", "/openai/deployments/mine/chat/completions"),
        ("/models", "2024-05-01-preview", "/models/chat/completions"),
    ],
)
@pytest.mark.parametrize("with_token", [False, True])
def test_azure_has_many_addresses(path: str, version: str | None, expected: str, with_token: bool) -> None:
    """Endpoint and `api_version` say which; a key goes in `api-key`, an Entra token as a bearer."""
    options: dict[str, Any] = {"api_version": version} if version else {}
    if with_token:
        options["azure_ad_token"] = Secret("entra")
    key = None if with_token else Secret(KEY)
    request = received(
        lambda url: BackendConfig(name="azure_openai", endpoint=url + path, api_key=key, options=options),
        "azure_openai",
    )
    assert request.path == expected
    assert request.query.get("api-version") == (None if version == "v1" else version)
    assert request.headers.get("api-key") == (None if with_token else KEY)
    assert request.headers.get("authorization") == ("Bearer entra" if with_token else None)


@pytest.mark.parametrize(
    "path, expected",
    [
        ("/v1?tenant=a%20b", "/v1/chat/completions"),
        ("/v1/?tenant=a%20b", "/v1/chat/completions"),
        ("?tenant=a%20b", "/chat/completions"),
        ("/a%20b/v1?tenant=a%20b#top", "/a b/v1/chat/completions"),
    ],
)
def test_the_query_of_an_endpoint_goes_with_every_request(path: str, expected: str) -> None:
    """It stays behind the path, and beside the backend's own parameters."""
    request = received(lambda url: config(url, endpoint=url + path, options={"query": {"team": "research"}}))
    assert request.path == expected
    assert request.query == {"tenant": "a b", "team": "research"}


@pytest.mark.parametrize(
    "path, expected",
    [
        ("/openai/v1/?api-version=2024-10-21", "/openai/v1/chat/completions"),
        ("/models?api-version=2024-10-21", "/models/chat/completions"),
        ("/?api-version=2024-10-21", "/openai/deployments/gpt-test/chat/completions"),
        ("/openai/deployments/a/chat/completions?api-version=2024-10-21", "/openai/deployments/a/chat/completions"),
        ("/models/chat/completions?api-version=2024-10-21", "/models/chat/completions"),
        ("/openai/v1/responses?api-version=2024-10-21", "/openai/v1/chat/completions"),
        ("/openai/responses?api-version=2024-10-21", "/openai/deployments/gpt-test/chat/completions"),
    ],
)
@pytest.mark.parametrize("version", [None, "2025-01-01"])
def test_an_endpoint_of_azure_may_say_its_version(path: str, expected: str, version: str | None) -> None:
    """As the portal shows it; `api_version` wins."""
    options = {"api_version": version} if version else {}
    request = received(
        lambda url: BackendConfig(name="azure_openai", endpoint=url + path, api_key=Secret(KEY), options=options),
        "azure_openai",
    )
    assert request.path == expected
    assert request.query == {"api-version": version or "2024-10-21"}


@pytest.mark.parametrize("table", [{"api_key": Secret(KEY)}, {"endpoint": "http://127.0.0.1:9"}])
def test_azure_needs_an_endpoint_and_a_key(table: dict[str, Any]) -> None:
    """Either one missing is said before any request."""
    with pytest.raises(errors.AuthenticationError, match="'azure_openai' has no"):
        received(lambda _: BackendConfig(name="azure_openai", **table), "azure_openai")


def test_the_models_are_listed() -> None:
    """`GET /models` gives the ids."""

    async def use(backend: Any, _: Server) -> Any:
        return await backend.list_models()

    assert with_backend(use) == ("gpt-test",)
    with pytest.raises(errors.InvalidAnswerError):
        with_backend(use, Reply.json({"data": "none"}))


def test_the_shared_pool_outlives_a_backend() -> None:
    """Closing a backend closes nothing that is core's."""

    async def use(backend: Any, _: Server) -> str:
        await backend.close()
        return str((await backend.generate_text(text_request())).text)

    assert with_backend(use)
