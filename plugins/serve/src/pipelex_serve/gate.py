"""Before every route: where a request goes, who sends it, whether there is room; and after it: the log and the metrics."""

from __future__ import annotations

import asyncio
import hmac
import logging
import re
import secrets
from itertools import count
from typing import TYPE_CHECKING, Any

from pipelex_core.errors import PipelexError
from pipelex_serve.access_log import line_of
from pipelex_serve.exchange import Exchange
from pipelex_serve.keys.key import digest_of
from pipelex_serve.problems import Problem, RefusedError, problem_of, refuse
from pipelex_serve.protocols import ANTHROPIC, OPENAI
from pipelex_serve.routes import OPEN, Access, find_route

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from pipelex_serve.access_log import AccessLog
    from pipelex_serve.gateway import Gateway
    from pipelex_serve.protocols import Surface
    from pipelex_serve.routes import Route

_log = logging.getLogger("pipelex_serve")

_VERSIONS = re.compile(r"^(?:/v1)+(?=/|$)")
_AZURES = re.compile(r"^/openai(?:/deployments/[^/]+)?(?=/)")
"""What Azure's clients, and Groq's, have before a path; they name the model in the body as well:
https://learn.microsoft.com/azure/ai-foundry/openai/reference"""
_LEFT = 499
"""The status that the log has for a client that left: nginx's."""

_DRAIN_RETRY_S = 5.0


class Gate:
    """The gateway as an ASGI application."""

    def __init__(self, gateway: Gateway, log: AccessLog) -> None:
        self._gateway = gateway
        self._log = log
        self._ids = count(1)
        self._process = secrets.token_hex(6)
        self._hosts = gateway.settings.allowed_hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        gateway = self._gateway
        path = canonical_path(scope["path"])
        scope["path"] = path
        exchange = Exchange(
            scope,
            receive,
            send,
            id=f"{self._process}{next(self._ids):06x}",
            surface=_surface(path, scope),
            limits=gateway.settings.limits,
        )
        gateway.in_flight += 1
        route: Route | None = None
        try:
            try:
                route = find_route(path, scope["method"])
                await self._admit(exchange, route)
                await route.answer(gateway, exchange)
            except Exception as error:  # noqa: BLE001 -- whatever it is, the client gets an answer, and the log its cause
                await self._fail(exchange, error)
        except asyncio.CancelledError:
            if not exchange.is_remaining:
                raise
            exchange.status = _LEFT
        finally:
            gateway.in_flight -= 1
            name = route.name if route else "none"
            gateway.metrics.ended(exchange, name)
            line = line_of(exchange, name)
            self._log.write(line)
            if "handle" in line or exchange.status >= 400:
                gateway.recent.append(line)

    async def _fail(self, exchange: Exchange, error: Exception) -> None:
        if not isinstance(error, (RefusedError, PipelexError)):
            _log.exception("request %s failed", exchange.id)
        await exchange.fail(problem_of(error))

    async def _admit(self, exchange: Exchange, route: Route) -> None:
        """Let a request in.

        Raises:
            RefusedError: 401, 403, 421 or 503.
        """
        gateway = self._gateway
        self._check_host(exchange)
        if route.access is OPEN:
            return
        if gateway.is_draining and route.access is Access.CALL:
            message = "this gateway is about to end: try again in a moment, elsewhere"
            raise RefusedError(Problem(status=503, message=message, code="overloaded", retry_after=_DRAIN_RETRY_S))
        if gateway.in_flight > gateway.settings.limits.concurrent:
            message = (
                f"{gateway.settings.limits.concurrent} requests are under way, which is all that this gateway takes"
            )
            raise RefusedError(Problem(status=503, message=message, code="overloaded", retry_after=1.0))
        secret = _secret(exchange)
        if route.access is Access.ADMIN:
            await self._check_admin(secret)
            return
        exchange.key = await gateway.accounts.key_of(secret)
        if exchange.key is None:
            reported = (
                "is not one of this gateway"
                if secret
                else "is missing: send it as Authorization: Bearer, or as x-api-key"
            )
            raise refuse(401, f"the key {reported}", code="invalid_api_key")
        if await gateway.accounts.is_open():
            _check_origin(exchange)

    async def _check_admin(self, secret: str | None) -> None:
        gateway = self._gateway
        digest = digest_of(secret or "")
        if hmac.compare_digest(digest, gateway.admin_digest):
            return
        key = await gateway.accounts.store.find(digest)
        if key is None or not key.is_admin:
            msg = "this needs the admin key of the gateway, as Authorization: Bearer"
            raise refuse(401, msg, code="invalid_api_key")

    def _check_host(self, exchange: Exchange) -> None:
        """A name that is not this gateway's may be one that a web page made lead here."""
        if not self._hosts:
            return
        host = exchange.headers.get(b"host", b"").decode("latin-1")
        name = host.rpartition(":")[0] if re.search(r":\d*$", host) else host
        if name.strip("[]").lower() not in self._hosts:
            msg = f"this gateway does not answer as '{host:.100}': name it with --allow-host"
            raise refuse(421, msg, code="wrong_host")


def canonical_path(path: str) -> str:
    """The path of the route that a client means: with one `/v1`, and without a slash at the end, or what Azure's have before it."""
    path = re.sub(r"/{2,}", "/", path) if "//" in path else path
    if len(path) > 1 and path[-1] == "/":
        path = path.rstrip("/") or "/"
    if path.startswith("/openai/"):
        path = _AZURES.sub("", path)
    if path.startswith("/v1/"):
        return _VERSIONS.sub("/v1", path) if path.startswith("/v1/v1") else path
    return f"/v1{path}" if path.startswith(_WITHOUT_VERSION) else path


_WITHOUT_VERSION = (
    "/chat/",
    "/completions",
    "/responses",
    "/embeddings",
    "/images/",
    "/audio/",
    "/moderations",
    "/rerank",
    "/models",
    "/messages",
)


def _surface(path: str, scope: Scope) -> Surface:
    if path.startswith("/v1/messages"):
        return ANTHROPIC
    if path.startswith("/v1/models") and any(name == b"anthropic-version" for name, _ in scope["headers"]):
        return ANTHROPIC
    return OPENAI


def _secret(exchange: Exchange) -> str | None:
    """The key of a request, in whichever header its client sends it."""
    headers = exchange.headers
    scheme, _, value = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() == b"bearer" and value.strip():
        return value.strip().decode("latin-1")
    other: Any = headers.get(b"x-api-key") or headers.get(b"api-key")
    return other.decode("latin-1") if other else None


def _check_origin(exchange: Exchange) -> None:
    """Without keys, a web page of elsewhere must not make calls through its reader's browser."""
    origin = exchange.headers.get(b"origin")
    if origin is None:
        return
    host = exchange.headers.get(b"host", b"")
    if origin.partition(b"://")[2] != host:
        msg = "a web page of another origin may not call a gateway that has no keys: make one with `pipelex serve keys add`"
        raise refuse(403, msg, code="wrong_origin")
