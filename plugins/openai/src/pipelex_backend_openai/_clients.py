"""The SDK's clients, made from a backend's table and from nothing else: not from the environment."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import httpx2
from attrs import frozen
from openai import AsyncAzureOpenAI, AsyncOpenAI

from pipelex_backend_openai._requests import KeepingOpenAI
from pipelex_core.errors import AuthenticationError, NotFoundError
from pipelex_core.headers import check_key
from pipelex_core.specs import Secret

if TYPE_CHECKING:
    from pipelex_core.specs import BackendConfig

OPENAI_ADDRESS = "https://api.openai.com/v1"

_FIRST_WITH_RESPONSES = "2025-03-01"
_SECONDS_TO_CONNECT = 30.0
_OPERATION = re.compile(
    r"(?:/chat/completions|/images/generations|/embeddings|/audio/transcriptions|/audio/speech|(?<=/v1)/responses|/openai/responses)$"
)
_NO_KEY = "none"  # the SDK wants one, or reads the environment; it is never sent


@frozen(kw_only=True)
class Connected:
    """A client of the SDK.

    Attributes:
        client: The client, with the SDK's own retries off.
        key: What it authenticates with, or None.
        is_bearer: Whether it sends the key in the `Authorization` header.
        address: What precedes a path, so that the SDK does not join the two anew at every call; empty where it has
            more to do than to join them.
    """

    client: AsyncOpenAI
    key: Secret | None
    is_bearer: bool
    address: str


def openai_client(config: BackendConfig, http: httpx2.AsyncClient) -> Connected:
    """The client of OpenAI or of a compatible endpoint; one with an address of its own may need no key."""
    if config.endpoint is None and config.api_key is None:
        raise _missing(config, "api_key")
    key = config.api_key
    address, query = _taken_apart(config.endpoint or OPENAI_ADDRESS)
    client = KeepingOpenAI(api_key=key.reveal() if key else _NO_KEY, base_url=address, **_common(config, http))
    return _settled(client, config, key, is_bearer=key is not None, query=query)


def azure_client(config: BackendConfig, http: httpx2.AsyncClient) -> Connected:
    """The client of Azure OpenAI, in the form that the endpoint and `api_version` ask for.

    A dated `api_version` means deployments (`…/openai/deployments/<model_id>/…?api-version=…`); without one, or with
    `v1`, `preview` or `latest`, it is the v1 API (`…/openai/v1/…`). An endpoint that goes further than the resource
    (`…/openai/v1`, `…/openai/deployments/<name>`, or `…/models` of AI Foundry) is used as it is; it may say the version
    itself (`…?api-version=…`). A target URI, as the portal shows it, leads to the same: its last part is left out.
    https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle
    """
    if config.endpoint is None:
        raise _missing(config, "endpoint")
    token = config.options.get("azure_ad_token")
    secret = token or config.api_key
    if not isinstance(secret, Secret):
        raise _missing(config, "api_key or azure_ad_token")
    target, query = _taken_apart(config.endpoint)
    endpoint = _OPERATION.sub("", target)
    own_version = query.pop("api-version", None)
    version = config.options.get("api_version") or own_version
    is_complete = endpoint.endswith(("/openai/v1", "/models")) or "/openai/deployments/" in endpoint
    if not is_complete and version not in (None, "v1", "preview", "latest"):
        credential = {"azure_ad_token": token.reveal()} if token else {"api_key": secret.reveal()}
        azure: AsyncOpenAI = AsyncAzureOpenAI(
            azure_endpoint=endpoint, api_version=version, **credential, **_common(config, http)
        )
        return _settled(azure, config, secret, is_bearer=True, query=query)  # it chooses the header itself
    made_by = AsyncOpenAI if token else KeepingOpenAI  # a token is not to be kept
    client = made_by(
        api_key=secret.reveal(),
        base_url=endpoint if is_complete else f"{endpoint}/openai/v1",
        **_common(config, http),
    )
    more = {} if token else {"api-key": secret.reveal()}
    if version and version != "v1":
        query["api-version"] = version
    return _settled(client, config, secret, is_bearer=bool(token), headers=more, query=query)


def azure_has_responses(config: BackendConfig) -> bool:
    """Whether an Azure endpoint has the Responses API: the v1 API has it, and versions from 2025-03-01-preview on.

    https://learn.microsoft.com/azure/ai-foundry/openai/how-to/responses
    """
    target, query = _taken_apart(config.endpoint or "https://unknown")
    if "/openai/deployments/" in target or target.endswith(("/models", "/chat/completions")):
        return False
    version = config.options.get("api_version") or query.get("api-version") or "v1"
    return version in {"v1", "preview", "latest"} or str(version) >= _FIRST_WITH_RESPONSES


def _common(config: BackendConfig, http: httpx2.AsyncClient) -> dict[str, Any]:
    """What every client gets; an empty admin key keeps the SDK from looking for one in the environment."""
    return {
        "admin_api_key": "",
        "organization": config.options.get("organization"),
        "project": config.options.get("project"),
        "http_client": http,
        "max_retries": 0,
        "timeout": httpx2.Timeout(None, connect=_SECONDS_TO_CONNECT),
    }


def _settled(
    client: AsyncOpenAI,
    config: BackendConfig,
    key: Secret | None,
    *,
    is_bearer: bool,
    headers: dict[str, str] | None = None,
    query: dict[str, str],
) -> Connected:
    """The client without what the SDK took from the environment: an organization, a project, headers."""
    check_key(key)
    client.organization = config.options.get("organization")
    client.project = config.options.get("project")
    client._custom_headers = {**config.options.get("headers", {}), **(headers or {})}  # noqa: SLF001 -- OPENAI_CUSTOM_HEADERS is in there
    client._custom_query = {**config.options.get("query", {}), **client._custom_query, **query}  # noqa: SLF001 -- as above
    address = "" if isinstance(client, AsyncAzureOpenAI) else str(client.base_url).rstrip("/")
    return Connected(client=client, key=key, is_bearer=is_bearer, address=address)


def _taken_apart(endpoint: str) -> tuple[str, dict[str, str]]:
    """The endpoint's address, and the query that goes with every request; the SDK would put paths behind a query.

    The SDK's own error for a bad one comes late and says little.
    """
    try:
        url = httpx2.URL(endpoint)
    except httpx2.InvalidURL as error:
        msg = f"the endpoint '{endpoint}' is not a URL: {error}"
        raise NotFoundError(msg) from None
    if url.scheme not in ("http", "https") or not url.host:
        msg = f"the endpoint '{endpoint}' is not an http:// or https:// URL"
        raise NotFoundError(msg)
    return str(url.copy_with(query=None, fragment=None)).rstrip("/"), dict(url.params)


def _missing(config: BackendConfig, key: str) -> AuthenticationError:
    return AuthenticationError(f"backend '{config.name}' has no {key} in backends.toml")
