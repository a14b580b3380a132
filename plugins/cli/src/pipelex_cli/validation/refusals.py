"""What a provider would refuse in the request of a dry run: the real plugin writes it, and the rulebook reads it.

A plugin builds a provider's body when it sends it. So a second backend is made, with a key of no worth, and opened with
resources whose HTTP client has a transport of this module: it gives the request to the rulebook and answers 400. No
connection is opened. A backend that brings an HTTP client of its own (Bedrock's) shows its requests to `intercept`.
"""

from __future__ import annotations

import asyncio
import json
import logging
from email import message_from_bytes
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from attrs import evolve, field, frozen

import pipelex_rules
from pipelex_core.errors import ProviderConnectionError
from pipelex_core.specs import Secret
from pipelex_rules.routes import api_of, provider_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx2

    from pipelex_core.backend import Backend
    from pipelex_core.specs import BackendConfig, ModelSpec
    from pipelex_rules import Violation

_log = logging.getLogger("pipelex_cli.validation")
_NO_KEY = "a-dry-run-needs-no-key"
_PATIENCE = 30.0
"""Seconds that a plugin may take to import its SDK, and to write a request."""
_CREDENTIALS = frozenset({"aws_profile", "aws_role_arn", "azure_ad_token", "gcp_credentials_file_path"})
"""Options in place of a key, which would be looked up or sent."""
_VERTEX, _OF_PUBLISHERS = "vertexai", frozenset({"anthropic", "mistral"})
_LOOPBACK = "http://127.0.0.1:9"
"""An endpoint at which the plugin of Vertex AI calls without credentials; nothing is sent there."""


@frozen
class Refusals:
    """What became of one request.

    Attributes:
        looked: Whether a request was written that there are rules for.
        violations: What it breaks.
    """

    looked: bool
    violations: tuple[Violation, ...] = ()


async def look_for_refusals(
    make: Callable[[BackendConfig], Backend], config: BackendConfig, spec: ModelSpec, operation: str, request: Any
) -> Refusals:
    """Have a plugin write the request of an operation, and tell what its provider would refuse in it."""
    provider = provider_of(spec.sdk, spec.backend)
    if provider is None:
        return Refusals(looked=False)
    reader = _Reader(provider)
    resources = _Resources(reader)
    try:
        async with asyncio.timeout(_PATIENCE):
            backend: Any = make(_without_credentials(config, spec))
            try:
                await backend.open(resources)
                await getattr(backend, operation)(request)
            finally:
                await backend.close()
    except Exception as error:  # noqa: BLE001 -- a call that is answered with 400 must fail; what else may be, is only logged
        _log.debug("dry run of '%s' at '%s' ended with %s", spec.name, spec.backend, type(error).__name__)
    finally:
        await resources.close()
    return Refusals(looked=bool(reader.found), violations=reader.found[0] if reader.found else ())


def _without_credentials(config: BackendConfig, spec: ModelSpec) -> BackendConfig:
    """The config with a key of no worth in the place of its own credentials; none is looked for, and no token is fetched."""
    options = {name: value for name, value in config.options.items() if name not in _CREDENTIALS}
    if spec.backend == _VERTEX and spec.sdk in _OF_PUBLISHERS:  # they take no key
        project = options.get("gcp_project_id") or "a-dry-run"
        return evolve(config, api_key=None, endpoint=_LOOPBACK, options={**options, "gcp_project_id": project})
    return evolve(config, api_key=Secret(_NO_KEY), options=options)


@frozen
class _Reader:
    """Reads requests by a provider's rules."""

    provider: str
    found: list[tuple[Violation, ...]] = field(factory=list)

    def read(self, method: str, path: str, query: dict[str, str], content: bytes, kind: str = "") -> None:
        route = api_of(self.provider, unquote(path)) if method == "POST" else None
        if route is None:
            return
        try:
            body = _form(content, kind) if kind.startswith("multipart/form-data") else json.loads(content)
        except (ValueError, RecursionError):
            return
        api, model = route
        checked = pipelex_rules.check(self.provider, api, body, model=model, query=query, size=len(content))
        self.found.append(checked)


def _form(content: bytes, kind: str) -> dict[str, Any]:
    """A form as the rules know it: texts, lists without brackets in their names, and files by their size."""
    message: Any = message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + content)
    body: dict[str, Any] = {}
    for part in message.get_payload():
        written = part.get_payload(decode=True)
        name = str(part.get_param("name", header="content-disposition"))
        value = pipelex_rules.Size(len(written)) if part.get_filename() else written.decode()
        bare = name.removesuffix("[]")
        if bare in body:
            earlier = body[bare]
            body[bare] = [*(earlier if isinstance(earlier, list) else [earlier]), value]
        else:
            body[bare] = value if bare == name else [value]
    return body


class _Resources:
    """The resources of a backend whose requests go to a reader."""

    def __init__(self, reader: _Reader) -> None:
        self._reader = reader
        self._http: httpx2.AsyncClient | None = None

    def http(self) -> httpx2.AsyncClient:
        """The client; httpx2 is there wherever a plugin asks for one."""
        if self._http is None:
            import httpx2

            async def answer(request: httpx2.Request) -> httpx2.Response:
                content = await request.aread()
                kind = request.headers.get("content-type", "")
                self._reader.read(request.method, request.url.path, dict(request.url.params), content, kind)
                return httpx2.Response(400, json={"error": {"message": "this was a dry run"}})

            self._http = httpx2.AsyncClient(transport=httpx2.MockTransport(answer), timeout=None)
        return self._http

    def intercept(self, method: str, url: str, content: bytes) -> None:
        """Read a request that a backend's own client is about to send, and end it."""
        address = urlsplit(url)
        self._reader.read(method, address.path, dict(parse_qsl(address.query)), content)
        msg = "this was a dry run"
        raise ProviderConnectionError(msg)

    async def download(self, url: str, config: BackendConfig) -> tuple[bytes, str]:
        """Refuse: a dry run fetches nothing."""
        msg = f"a dry run of backend '{config.name}' downloads nothing, and not {url}"
        raise ProviderConnectionError(msg)

    async def close(self) -> None:
        if self._http is not None:
            await self._http.aclose()
