"""The SDK's client, with the requests that it builds kept: the same question to the API differs in its body only."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import httpx2
from anthropic import APIConnectionError, APITimeoutError, AsyncAnthropic, AsyncStream
from anthropic._utils._json import openapi_dumps

from pipelex_http.kept import KeptRequest, copied

if TYPE_CHECKING:
    from anthropic import RequestOptions

_TIMEOUTS = ("x-stainless-timeout", "x-stainless-read-timeout")
_log = logging.getLogger("anthropic")


class KeepingAnthropic(AsyncAnthropic):
    """An `AsyncAnthropic` that builds the POST requests to a path once, and again when anything that it read has changed.

    The key is read and compared at every request. With credentials that are fetched, middlewares, a tracer, retries or the
    SDK's own log, the SDK builds each request. Errors are the SDK's, and so is how events are read.
    """

    _kept: dict[str, KeptRequest]

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._kept = {}

    async def ask(
        self, path: str, body: dict[str, Any], options: RequestOptions, *, stream: bool = False
    ) -> httpx2.Response:
        """The answer to a POST, as `post` gives it; with `stream`, one that is not read yet, for the caller to close."""
        read = self._read(options) if self._is_plain() else None
        kept, timeout = self._kept.get(path), options.get("timeout")
        if kept is not None and kept.read == read and isinstance(timeout, httpx2.Timeout):
            request = kept.with_body(openapi_dumps(body), self._client.cookies, timeout.as_dict())
            for name in _TIMEOUTS:
                request.headers[name] = str(timeout.read)
            return await self._sent(request, stream=stream)
        if stream:
            events: AsyncStream[object] = await self.post(
                path, cast_to=object, body=body, options=options, stream=True, stream_cls=AsyncStream[object]
            )
            response = events.response
        else:
            response = await self.post(path, cast_to=httpx2.Response, body=body, options=options)
        self._keep(path, read, response.request)
        return response

    @property
    def user_agent(self) -> str:
        """What the SDK's own client says; it takes it from the name of its class."""
        return f"{AsyncAnthropic.__name__}/Python {self._version}"

    async def _sent(self, request: httpx2.Request, *, stream: bool) -> httpx2.Response:
        """The answer with a good status; raises the SDK's errors."""
        try:
            response = await self._client.send(request, stream=stream)
        except httpx2.TimeoutException as error:
            raise APITimeoutError(request=request) from error
        except Exception as error:
            raise APIConnectionError(request=request) from error
        if not 200 <= response.status_code < 300:
            await response.aread()
            raise self._make_status_error_from_response(response)
        return response

    def _is_plain(self) -> bool:
        """Whether nothing but the body of a request may differ from the one before."""
        return (
            self.max_retries == 0
            and self._idempotency_header is None
            and self.custom_auth is None
            and self._tracer is None
            and not self.middleware
            and not _log.isEnabledFor(logging.DEBUG)
        )

    def _read(self, options: RequestOptions) -> tuple[Any, ...]:
        """All that the SDK reads for a request besides its body, its path and its time-out."""
        return (
            self.api_key,
            self.auth_token,
            self._base_url,
            self._custom_headers,
            self._custom_query,
            options.get("headers"),
            self._client.headers.raw,
        )

    def _keep(self, path: str, read: tuple[Any, ...] | None, request: httpx2.Request) -> None:
        """Keep a request that nothing but its body makes different from the next."""
        kept = None if read is None else KeptRequest.of(request, copied(read), without=_TIMEOUTS)
        if kept is None:
            self._kept.pop(path, None)
        else:
            self._kept[path] = kept
