"""Requests for whole answers, which the SDK builds once for a model: the next differ in their bodies only.

To check and convert the configuration, build a request and wrap its answer costs the SDK half of a call.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx2
from attrs import field, frozen
from google.genai.errors import APIError

from pipelex_backend_google._call import NO_CONTENTS, call_config

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google import genai

    from pipelex_backend_google._stream import Pool

_OWN = ("Content-Length", "Cookie")
"""Headers that each request has of its own."""


@frozen
class Replied:
    """An answer that nobody has read: its text, and its headers."""

    body: str = field(repr=False)
    headers: Mapping[str, str]


@frozen(kw_only=True)
class _Kept:
    """A request without its body.

    Attributes:
        read: All that the SDK read to build it.
        url: Where it goes.
        headers: Its headers.
        timeout: The time-outs of the pool.
    """

    read: tuple[Any, ...] = field(repr=False)
    url: httpx2.URL
    headers: httpx2.Headers = field(repr=False)
    timeout: dict[str, float | None]


class Requests:
    """Sends bodies to models. With a key alone: for a token that is fetched, the SDK builds each request."""

    def __init__(self, client: genai.Client, pool: Pool) -> None:
        self._client = client
        self._pool = pool
        self._kept: dict[str, _Kept] = {}

    async def generate(self, model: str, body: dict[str, Any]) -> Replied:
        """The answer to `generateContent`; raises the SDK's errors."""
        read, kept = self._read(), self._kept.get(model)
        if kept is not None and kept.read == read:
            response = await self._pool.send(self._again(kept, json.dumps(body).encode()))
            await APIError.raise_for_async_response(response)
            return Replied(_text(response), response.headers)
        with self._pool.heard() as requests:
            answer = await self._client.aio.models.generate_content(
                model=model, contents=NO_CONTENTS, config=call_config(body, unread=True)
            )
        self._keep(model, read, body, requests[-1])
        http = answer.sdk_http_response
        return Replied((http.body if http else None) or "", (http.headers if http else None) or {})

    def _read(self) -> tuple[Any, ...] | None:
        """All that the SDK reads for a request besides its model and its body, as it is now; None where it fetches tokens."""
        api = self._client._api_client  # noqa: SLF001 -- what the SDK builds requests with
        if not api.api_key or api.vertexai:
            return None
        options = api._http_options  # noqa: SLF001 -- as above
        return (
            api.api_key,
            dict(options.headers or {}),
            options.base_url,
            options.api_version,
            options.timeout,
            options.extra_body,
            self._pool.headers.raw,
        )

    def _keep(self, model: str, read: tuple[Any, ...] | None, body: dict[str, Any], request: httpx2.Request) -> None:
        """Keep a request that has the body that was to be sent, and no other."""
        self._kept.pop(model, None)
        if read is None or json.loads(request.content) != body:
            return
        headers = request.headers.copy()
        for name in _OWN:
            headers.pop(name, None)
        self._kept[model] = _Kept(read=read, url=request.url, headers=headers, timeout=request.extensions["timeout"])

    def _again(self, kept: _Kept, body: bytes) -> httpx2.Request:
        """The request with another body, and the cookies of the moment."""
        request = httpx2.Request(
            "POST",
            kept.url,
            headers=kept.headers,
            cookies=self._pool.cookies,
            stream=httpx2.ByteStream(body),
            extensions={"timeout": dict(kept.timeout)},
        )
        request.headers.encoding = kept.headers.encoding  # or it is looked for again
        request.headers["Content-Length"] = str(len(body))
        request.read()
        return request


def _text(response: httpx2.Response) -> str:
    """The text of an answer, which is UTF-8 by default."""
    try:
        return response.content.decode()
    except UnicodeDecodeError:
        return response.text
