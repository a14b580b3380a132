"""Requests that the SDK builds once: the next is the same but for its body, and what changed between two is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pipelex_core import errors
from tests.plugins.test_google import asks, run
from tests.servers.base import Received, Reply
from tests.servers.google import KEY, GoogleServer, error

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelex_backend_google._backend import GoogleBackend


def _plain(request: Received) -> dict[str, Any]:
    """A request without what is its own."""
    headers = {name: value for name, value in request.headers.items() if name != "content-length"}
    return {"method": request.method, "path": request.path, "query": request.query, "headers": headers}


def test_the_second_request_is_as_the_first() -> None:
    """A request that was kept has the URL and the headers that the SDK builds, and a body and a length of its own."""

    async def use(server: GoogleServer, backend: GoogleBackend) -> None:
        answers = [
            await backend.generate_text(asks(text, temperature=0.5)) for text in ("one", "a longer one: ü", "three")
        ]
        assert [answer.text for answer in answers] == ["You said: one", "You said: a longer one: ü", "You said: three"]
        assert len(backend._requests._kept) == 1  # type: ignore[union-attr]
        first, *others = server.received
        for other, text in zip(others, ("a longer one: ü", "three"), strict=True):
            assert _plain(other) == _plain(first)
            assert other.json == {**first.json, "contents": [{"role": "user", "parts": [{"text": text}]}]}
        assert KEY not in repr(backend._requests._kept)  # type: ignore[union-attr]

    run(use)


_CHANGES: dict[str, tuple[Callable[[Any, Any], object], Callable[[Received], bool]]] = {
    "header": (
        lambda api, _: api._http_options.headers.update({"X-New": "new"}),
        lambda request: request.headers["x-new"] == "new",
    ),
    "version": (
        lambda api, _: setattr(api._http_options, "api_version", "v1beta"),
        lambda request: request.path.startswith("/v1beta/"),
    ),
    "cookie": (
        lambda _, pool: pool.cookies.set("session", "new"),
        lambda request: request.headers["cookie"] == "session=new",
    ),
}


@pytest.mark.parametrize("change, is_sent", _CHANGES.values(), ids=list(_CHANGES))
def test_what_changed_is_sent(change: Callable[[Any, Any], object], is_sent: Callable[[Received], bool]) -> None:
    """A header, a version or a cookie that changes between two calls is that of the second one."""

    async def use(server: GoogleServer, backend: GoogleBackend) -> None:
        requests: Any = backend._requests
        await backend.generate_text(asks("one"))
        await backend.generate_text(asks("two"))
        change(requests._client._api_client, requests._pool)
        await backend.generate_text(asks("three"))
        assert is_sent(server.received[-1])

    run(use)


def test_a_key_that_rotates_is_sent() -> None:
    """The SDK keeps its key in the headers of its options; with another one there, that one is sent."""

    async def use(server: GoogleServer, backend: GoogleBackend) -> None:
        requests: Any = backend._requests
        await backend.generate_text(asks("one"))
        requests._client._api_client._http_options.headers["x-goog-api-key"] = "another"
        with pytest.raises(errors.CallError):
            await backend.generate_text(asks("two"))
        assert [request.headers["x-goog-api-key"] for request in server.received] == [KEY, "another"]

    run(use)


def test_where_tokens_are_fetched_nothing_is_kept() -> None:
    """Whatever Vertex AI sends with a request, the SDK puts there each time."""

    async def use(server: GoogleServer, backend: GoogleBackend) -> None:
        requests: Any = backend._requests
        requests._client._api_client.api_key = None
        await backend.generate_text(asks("one"))
        assert not requests._kept

    run(use)


def test_a_kept_request_fails_as_the_first() -> None:
    """Errors are the SDK's of the same answer, whether it built the request or not."""

    async def use(server: GoogleServer, backend: GoogleBackend) -> None:
        caught = []
        replies = [error(429, "RESOURCE_EXHAUSTED", "later"), Reply.text("<p>no</p>", status=502), Reply(fault="drop")]
        for is_kept in (False, True):
            for reply in replies:
                if is_kept:
                    await backend.generate_text(asks("one"))
                server.queue(reply)
                with pytest.raises(errors.CallError) as failure:
                    await backend.generate_text(asks("two"))
                caught.append((type(failure.value), failure.value.message, failure.value.status))
        assert caught[:3] == caught[3:]
        assert caught[0][0] is errors.RateLimitError

    run(use)
