"""Requests that are built once: the next is the same but for its body, and what changed between two is in it."""

from __future__ import annotations

from typing import Any

import httpx2

from pipelex_backend_mistral._http import SharedHttp
from pipelex_http.pool import Pool

_URL = "https://a.example/v1/chat/completions"


def _reported(request: httpx2.Request) -> dict[str, Any]:
    return {
        "method": request.method,
        "url": str(request.url),
        "headers": sorted((name.lower(), value) for name, value in request.headers.multi_items()),
        "body": request.content,
        "extensions": request.extensions,
    }


def test_a_request_is_as_the_pool_builds_it() -> None:
    """Bodies, a token that rotates, and a cookie that came between two are those of each request."""
    pool = Pool(transport=httpx2.AsyncBaseTransport())
    shared = SharedHttp(pool, {})
    for token, body in (("one", b"{}"), ("one", b'{"a":1}'), ("two", b"{}"), ("two", b"")):
        headers = {"Authorization": f"Bearer {token}", "content-type": "application/json"}
        built = pool.build_request("POST", _URL, content=body, headers=headers)
        assert _reported(shared.post_request(_URL, headers, body)) == _reported(built)
        pool.cookies.set(f"after-{token}", "1", domain="a.example")
    assert len(shared._posts) == 1
