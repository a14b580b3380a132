"""The SDK's client, with the requests that it builds kept: the same question to an endpoint differs in its body only.

To build a request (to merge headers, take addresses apart, join queries) takes the SDK a quarter of a call's time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx2
from attrs import field, frozen
from openai import AsyncOpenAI
from openai._models import FinalRequestOptions
from openai._utils._json import openapi_dumps

if TYPE_CHECKING:
    from openai._types import RequestOptions

_NO_OPTIONS: RequestOptions = {}
_STREAMING = frozenset({"stream", "stream_cls"})
_RETRIES = "x-stainless-retry-count"
_NOT_KEPT = frozenset({b"content-length", _RETRIES.encode()})
_CHANGING = ("cookie", "x-stainless-read-timeout")


@frozen(kw_only=True)
class _Kept:
    """A request without its body.

    Attributes:
        read: All that the SDK read to build it.
        url: Where it goes.
        headers: Its headers, but for those that each request has of its own.
        timeout: The time-outs of the pool.
    """

    read: tuple[Any, ...] = field(repr=False)
    url: httpx2.URL
    headers: httpx2.Headers = field(repr=False)
    timeout: dict[str, float | None]


class KeepingOpenAI(AsyncOpenAI):
    """An `AsyncOpenAI` that builds the POST requests to a URL once, and again when anything that it read has changed.

    The key is read and compared at every request. Where a function or a provider gives the key, and for files, retries and
    idempotency keys, the SDK builds each request.
    """

    _kept: dict[str, _Kept]
    _asked: dict[str, tuple[dict[str, Any], FinalRequestOptions]]

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._kept = {}
        self._asked = {}

    async def post(
        self, path: str, *, cast_to: Any, body: object = None, options: RequestOptions = _NO_OPTIONS, **more: Any
    ) -> Any:
        """Ask as `AsyncOpenAI.post` does; its checks of the options are made once for a path, and again for other options."""
        if type(body) is not dict or not more.keys() <= _STREAMING:
            return await super().post(path, cast_to=cast_to, body=body, options=options, **more)
        known = self._asked.get(path)
        if known is None or known[0] != options:
            read = {name: _copied(value) for name, value in options.items()}
            known = self._asked[path] = (read, FinalRequestOptions.construct(method="post", url=path, **options))
        return await self.request(cast_to, known[1].model_copy(update={"json_data": body}), **more)

    def _idempotency_key(self) -> str:
        """The key of a request, which is made of random bytes only where there is a header to send it in."""
        return super()._idempotency_key() if self._idempotency_header else ""

    @property
    def user_agent(self) -> str:
        """What the SDK's own client says; it takes it from the name of its class."""
        return f"{AsyncOpenAI.__name__}/Python {self._version}"

    def _build_request(self, options: FinalRequestOptions, *, retries_taken: int = 0) -> httpx2.Request:
        if retries_taken or not self._is_plain(options):
            return super()._build_request(options, retries_taken=retries_taken)
        read = self._read(options)
        kept = self._kept.get(options.url)
        if kept is None or kept.read != read:
            request = super()._build_request(options)
            self._keep(options.url, read, request)
            return request
        body = openapi_dumps(options.json_data)
        request = httpx2.Request(
            "POST",
            kept.url,
            headers=kept.headers,
            cookies=self._client.cookies,
            stream=httpx2.ByteStream(body),
            extensions={"timeout": dict(kept.timeout)},
        )
        request.headers.encoding = kept.headers.encoding  # or it is looked for again
        request.headers[_RETRIES] = str(retries_taken)
        request.headers["Content-Length"] = str(len(body))
        request.read()
        return request

    def _is_plain(self, options: FinalRequestOptions) -> bool:
        """Whether nothing but the body of a request may differ from the one before."""
        return (
            options.method == "post"
            and type(options.json_data) is dict
            and options.extra_json is None
            and options.content is None
            and not options.files
            and self._idempotency_header is None
            and self._api_key_provider is None
            and self._provider_runtime is None
            and self.workload_identity is None
        )

    def _read(self, options: FinalRequestOptions) -> tuple[Any, ...]:
        """All that the SDK reads for a request besides its body and its URL."""
        return (
            self.api_key,
            self.admin_api_key,
            self.organization,
            self.project,
            self.timeout,
            self._base_url,
            self._custom_headers,
            self._custom_query,
            options.headers,
            options.params,
            options.security,
            options.timeout,
            self._client.headers.raw,
        )

    def _keep(self, url: str, read: tuple[Any, ...], request: httpx2.Request) -> None:
        """Keep a request, unless it has headers that change by themselves, or a body without a length."""
        self._kept.pop(url, None)
        if any(name in request.headers for name in _CHANGING) or "content-length" not in request.headers:
            return
        copied = tuple(map(_copied, read))
        pairs = [pair for pair in request.headers.raw if pair[0].lower() not in _NOT_KEPT]
        timeout = request.extensions["timeout"]
        self._kept[url] = _Kept(read=copied, url=request.url, headers=httpx2.Headers(pairs), timeout=timeout)


def _copied(value: Any) -> Any:
    """What can be changed in place, as it is now."""
    return dict(value) if isinstance(value, dict) else value
