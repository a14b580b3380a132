"""The HTTP pool that core owns, as Mistral's SDK gets to see it."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

import httpx2

if TYPE_CHECKING:
    from collections.abc import Mapping

_log = logging.getLogger("pipelex_backend_mistral")

_DEPRECATION = "x-model-deprecation-timestamp"
_MODEL = re.compile(rb'\{"model":"([^"\\]+)"')
"""The model of a request's body, which begins with it."""


class SharedHttp:
    """A client in the SDK's sense (its `AsyncHttpClient`): what the SDK does to it, closing and patching, stays here.

    It also takes the header of a deprecated model out of a stream's answer: the SDK's hook for it reads the body, and
    so breaks every stream of such a model.
    """

    def __init__(self, pool: httpx2.AsyncClient, query: dict[str, str]) -> None:
        self._pool = pool
        self._query = query
        self._warned: set[str] = set()
        self._posts: dict[str, tuple[dict[str, str], httpx2.Request]] = {}

    async def send(self, request: httpx2.Request, *, stream: bool = False, **options: Any) -> httpx2.Response:
        """Send a request through the pool, with the query that the endpoint has."""
        if self._query:
            request.url = request.url.copy_merge_params(self._query)
        response = await self._pool.send(request, stream=stream, **options)
        removed_on = response.headers.pop(_DEPRECATION, None)
        if removed_on:
            self._warn(request, removed_on)
        return response

    def build_request(self, method: str, url: Any, **options: Any) -> httpx2.Request:
        """Make a request with the pool's defaults."""
        return self._pool.build_request(method, url, **options)

    def post_request(self, url: str, headers: Mapping[str, str], body: bytes) -> httpx2.Request:
        """Make a POST as `build_request` does, which is asked once for each address, and again for other headers."""
        known = self._posts.get(url)
        if known is None or known[0] != headers:
            made = self._pool.build_request("POST", url, headers=headers)
            for name in ("Content-Length", "Cookie"):
                made.headers.pop(name, None)
            known = self._posts[url] = (dict(headers), made)
        first = known[1]
        request = httpx2.Request(
            "POST",
            first.url,
            headers=first.headers,
            cookies=self._pool.cookies,
            stream=httpx2.ByteStream(body),
            extensions={"timeout": first.extensions["timeout"]},
        )
        request.headers.encoding = first.headers.encoding  # or it is looked for again
        request.headers["Content-Length"] = str(len(body))
        request.read()
        return request

    async def aclose(self) -> None:
        """Do nothing: the pool is not the SDK's to close."""

    def _warn(self, request: httpx2.Request, removed_on: str) -> None:
        """Say once per model that it is deprecated."""
        is_json = request.headers.get("content-type") == "application/json"
        named = _MODEL.match(request.content) if is_json else None
        model = named[1].decode() if named else "in use"
        if model not in self._warned:
            self._warned.add(model)
            _log.warning("Mistral removes the model %s on %s", model, removed_on)
