"""The SDK's client, with the requests that it builds kept: the same question to an endpoint differs in its body only.

To check options, build a request and wrap its answer takes the SDK half of a call's own time.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import httpx2
from openai import APIConnectionError, APITimeoutError, AsyncOpenAI
from openai._utils._json import openapi_dumps

from pipelex_http.kept import KeptRequest, copied

if TYPE_CHECKING:
    from openai._types import RequestOptions

_NO_OPTIONS: RequestOptions = {}
_CHANGING = ("cookie", "x-stainless-read-timeout")
_log = logging.getLogger("openai")


class KeepingOpenAI(AsyncOpenAI):
    """An `AsyncOpenAI` that builds the POST requests to a path once, and again when anything that it read has changed.

    The key is read and compared at every request. Where a function or a provider gives the key, and for files, retries,
    idempotency keys and the SDK's own log, the SDK builds each request. Errors are the SDK's, and so is how events are read.
    """

    _kept: dict[str, KeptRequest]

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._kept = {}

    async def post(
        self,
        path: str,
        *,
        cast_to: Any,
        body: object = None,
        options: RequestOptions = _NO_OPTIONS,
        stream: bool = False,
        stream_cls: Any = None,
        **more: Any,
    ) -> Any:
        """Ask as `AsyncOpenAI.post` does."""
        in_full = stream_cls is not None if stream else cast_to is httpx2.Response
        if more or not in_full or type(body) is not dict or not self._is_plain():
            return await super().post(
                path, cast_to=cast_to, body=body, options=options, stream=stream, stream_cls=stream_cls, **more
            )
        kept = self._kept.get(path)
        if kept is None or kept.read != self._read(options):
            read = copied(self._read(options))
            answer = await super().post(
                path, cast_to=cast_to, body=body, options=options, stream=stream, stream_cls=stream_cls
            )
            self._keep(path, read, (answer.response if stream else answer).request)
            return answer
        request = kept.with_body(openapi_dumps(body), self._client.cookies)
        try:
            response = await self._client.send(request, stream=stream)
        except httpx2.TimeoutException as error:
            raise APITimeoutError(request=request) from error
        except Exception as error:
            raise APIConnectionError(request=request) from error
        if not 200 <= response.status_code < 300:
            await response.aread()
            raise self._make_status_error_from_response(response)
        return stream_cls(cast_to=cast_to, response=response, client=self) if stream else response

    @property
    def user_agent(self) -> str:
        """What the SDK's own client says; it takes it from the name of its class."""
        return f"{AsyncOpenAI.__name__}/Python {self._version}"

    def _is_plain(self) -> bool:
        """Whether nothing but the body of a request may differ from the one before."""
        return (
            self.max_retries == 0
            and self._idempotency_header is None
            and self._api_key_provider is None
            and self._provider_runtime is None
            and self.workload_identity is None
            and not _log.isEnabledFor(logging.DEBUG)
        )

    def _read(self, options: RequestOptions) -> tuple[Any, ...]:
        """All that the SDK reads for a request besides its body and its path."""
        return (
            self.api_key,
            self.admin_api_key,
            self.organization,
            self.project,
            self.timeout,
            self._base_url,
            self._custom_headers,
            self._custom_query,
            options,
            self._client.headers.raw,
        )

    def _keep(self, path: str, read: tuple[Any, ...], request: httpx2.Request) -> None:
        """Keep a request that nothing but its body makes different from the next."""
        kept = KeptRequest.of(request, read, unlike=_CHANGING)
        if kept is None:
            self._kept.pop(path, None)
        else:
            self._kept[path] = kept
