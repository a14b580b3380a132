"""The SDK's client, with the requests that it builds kept: the same question to the API differs in its body only.

To copy the body and the options, build a request and wrap its answer costs the SDK a third of a call.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import httpx2
from anthropic import APIConnectionError, APITimeoutError, AsyncAnthropic, AsyncStream
from anthropic._utils._json import openapi_dumps
from attrs import field, frozen

if TYPE_CHECKING:
    from anthropic import RequestOptions

_LENGTH = "Content-Length"
_TIMEOUTS = ("x-stainless-timeout", "x-stainless-read-timeout")
_log = logging.getLogger("anthropic")


@frozen(kw_only=True)
class _Kept:
    """A request without its body and its time-out.

    Attributes:
        read: All that the SDK read to build it.
        url: Where it goes.
        headers: Its headers, but for those that each request has of its own.
        extensions: What the transport is to know, the time-outs aside.
    """

    read: tuple[Any, ...] = field(repr=False)
    url: httpx2.URL
    headers: httpx2.Headers = field(repr=False)
    extensions: dict[str, Any]

    def with_body(self, body: bytes, timeout: httpx2.Timeout, cookies: httpx2.Cookies) -> httpx2.Request:
        """The request with a body, its time-out, and the cookies of the moment."""
        request = httpx2.Request(
            "POST",
            self.url,
            headers=self.headers,
            cookies=cookies,
            stream=httpx2.ByteStream(body),
            extensions={**self.extensions, "timeout": timeout.as_dict()},
        )
        headers = request.headers
        headers.encoding = self.headers.encoding  # or it is looked for again
        headers[_LENGTH] = str(len(body))
        for name in _TIMEOUTS:
            headers[name] = str(timeout.read)
        request.read()
        return request


class KeepingAnthropic(AsyncAnthropic):
    """An `AsyncAnthropic` that builds the POST requests to a path once, and again when anything that it read has changed.

    The key is read and compared at every request. With credentials that are fetched, middlewares, a tracer, retries or the
    SDK's own log, the SDK builds each request. Errors are the SDK's, and so is how events are read.
    """

    _kept: dict[str, _Kept]

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
            request = kept.with_body(openapi_dumps(body), timeout, self._client.cookies)
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
        """Keep a request, unless it has a cookie, which changes by itself, or a body without a length."""
        self._kept.pop(path, None)
        if read is None or "cookie" in request.headers or _LENGTH not in request.headers:
            return
        headers = request.headers.copy()
        for name in (_LENGTH, *_TIMEOUTS):
            del headers[name]
        extensions = {name: value for name, value in request.extensions.items() if name != "timeout"}
        copied = tuple(dict(value) if isinstance(value, dict) else value for value in read)
        self._kept[path] = _Kept(read=copied, url=request.url, headers=headers, extensions=extensions)
