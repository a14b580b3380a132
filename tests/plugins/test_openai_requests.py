"""Requests that the SDK builds once: the next is the same but for its body, and what changed between two is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from openai import AsyncOpenAI, OpenAIError, RateLimitError

from pipelex_backend_openai._requests import KeepingOpenAI
from pipelex_core.specs import BackendConfig, Secret
from tests.plugins.openai_calls import KEY, config, spec, stated, text_request, with_backend
from tests.servers.base import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers.base import Received, Server

_TABLES: dict[str, tuple[Callable[[str], BackendConfig], str]] = {
    "plain": (config, "openai"),
    "no key": (lambda url: config(url, "ollama", api_key=None), "openai"),
    "all options": (
        lambda url: config(
            url,
            options={
                "organization": "org-1",
                "project": "proj-1",
                "headers": {"X-Stainless-Lang": "other", "X-Own": "a"},
                "query": {"tenant": "a b", "more": "ö"},
            },
        ),
        "openai",
    ),
    "a query in the endpoint": (lambda url: BackendConfig(name="openai", endpoint=f"{url}/v1?a=1"), "openai"),
    "azure": (lambda url: BackendConfig(name="azure_openai", endpoint=url, api_key=Secret(KEY)), "azure_openai"),
}


def _plain(request: Received) -> dict[str, Any]:
    """A request without what is its own."""
    headers = {name: value for name, value in request.headers.items() if name != "content-length"}
    return {"method": request.method, "path": request.path, "query": request.query, "headers": headers}


@pytest.mark.parametrize("make, sdk", _TABLES.values(), ids=list(_TABLES))
def test_the_second_request_is_as_the_first(make: Callable[[str], BackendConfig], sdk: str) -> None:
    """A request that was kept has the URL and the headers that the SDK builds, and a body and a length of its own."""

    async def use(backend: Any, server: Server) -> list[Received]:
        for text in ("one", "a longer one: ü", "three"):
            await backend.generate_text(text_request(spec=spec(sdk), messages=stated(text)))
        assert len(backend._endpoint._client._kept) == 1
        return server.received

    first, *others = with_backend(use, sdk=sdk, make=make)
    assert first.headers["user-agent"].startswith("AsyncOpenAI/Python ")
    for other, text in zip(others, ("a longer one: ü", "three"), strict=True):
        assert _plain(other) == _plain(first)
        assert other.json["messages"][0]["content"] == text


_CHANGES: dict[str, tuple[Callable[[Any], object], Callable[[Received], bool]]] = {
    "key": (
        lambda client: setattr(client, "api_key", "sk-new"),
        lambda request: request.headers["authorization"] == "Bearer sk-new",
    ),
    "organization": (
        lambda client: setattr(client, "organization", "org-new"),
        lambda request: request.headers["openai-organization"] == "org-new",
    ),
    "header": (
        lambda client: client._custom_headers.update({"X-New": "new"}),
        lambda request: request.headers["x-new"] == "new",
    ),
    "query": (lambda client: client._custom_query.update({"new": "1"}), lambda request: request.query == {"new": "1"}),
    "cookie": (
        lambda client: client._client.cookies.set("session", "new"),
        lambda request: request.headers["cookie"] == "session=new",
    ),
}


@pytest.mark.parametrize("change, is_sent", _CHANGES.values(), ids=list(_CHANGES))
def test_what_changed_is_sent(change: Callable[[Any], object], is_sent: Callable[[Received], bool]) -> None:
    """A token, a header, a query or a cookie that changes between two calls is that of the second one."""

    async def use(backend: Any, server: Server) -> Received:
        await backend.generate_text(text_request())
        await backend.generate_text(text_request())
        change(backend._endpoint._client)
        await backend.generate_text(text_request())
        return server.received[-1]

    assert is_sent(with_backend(use))


def test_tokens_are_not_kept() -> None:
    """With a token of Entra ID nothing of a request is kept, and one that rotates between two calls is sent."""

    def make(url: str) -> BackendConfig:
        return BackendConfig(name="azure_openai", endpoint=url, options={"azure_ad_token": Secret("token-1")})

    async def use(backend: Any, server: Server) -> list[str]:
        client = backend._endpoint._client
        assert not isinstance(client, KeepingOpenAI)
        await backend.generate_text(text_request(spec=spec("azure_openai")))
        client.api_key = "token-2"
        await backend.generate_text(text_request(spec=spec("azure_openai")))
        return [request.headers["authorization"] for request in server.received]

    assert with_backend(use, sdk="azure_openai", make=make) == ["Bearer token-1", "Bearer token-2"]


def test_a_key_that_a_function_gives_is_not_kept() -> None:
    """With a key that a function gives, as OAuth does, every request has the one of the moment."""

    async def use(_: Any, server: Server) -> list[str]:
        count = 0

        async def key() -> str:
            nonlocal count
            count += 1
            return f"token-{count}"

        body = {"model": "gpt-test", "messages": [{"role": "user", "content": "Which?"}]}
        async with httpx2.AsyncClient() as http:
            client = KeepingOpenAI(api_key=key, base_url=f"{server.url}/v1", http_client=http)
            for _number in range(2):
                await client.post("/chat/completions", cast_to=httpx2.Response, body=body)
            assert not client._kept
        return [request.headers["authorization"] for request in server.received]

    answer = Reply.json({"id": "1"})
    assert with_backend(use, answer, answer) == ["Bearer token-1", "Bearer token-2"]


def test_a_kept_request_shows_no_key() -> None:
    """What is kept of a request does not show the key."""

    async def use(backend: Any, _: Server) -> str:
        backend._endpoint._client._custom_headers["api-key"] = KEY
        await backend.generate_text(text_request())
        return repr(backend._endpoint._client._kept)

    shown = with_backend(use)
    assert "chat/completions" in shown
    assert KEY not in shown


@pytest.mark.parametrize("logs", [False, True])
def test_a_kept_request_fails_as_the_sdk_fails(logs: bool, caplog: pytest.LogCaptureFixture) -> None:
    """Errors are of the SDK's classes, built of the same answer, and so are those without an answer; a DEBUG log is the SDK's."""
    caplog.set_level("DEBUG" if logs else "WARNING", "openai")
    body = {"model": "gpt-test", "messages": [{"role": "user", "content": "Which?"}]}
    caught: list[tuple[type[Exception], str, object]] = []

    async def use(_: Any, server: Server) -> None:
        for made_by in (AsyncOpenAI, KeepingOpenAI):
            async with httpx2.AsyncClient() as http:
                url = f"{server.url}/v1"
                client = made_by(api_key=KEY, base_url=url, http_client=http, max_retries=0, timeout=None)
                await client.post("/chat/completions", cast_to=httpx2.Response, body=body)
                for _number in range(3):
                    with pytest.raises(OpenAIError) as error:
                        await client.post("/chat/completions", cast_to=httpx2.Response, body=body)
                    cause = type(error.value.__cause__)
                    caught.append((type(error.value), str(error.value), cause))
                if isinstance(client, KeepingOpenAI):
                    assert bool(client._kept) is not logs

    answers = [
        Reply.json({"id": "1"}),
        Reply.json({"error": {"message": "slow down", "code": "x"}}, status=429),
        Reply(status=302, headers={"location": "/elsewhere"}),
        Reply(fault="drop"),
    ]
    with_backend(use, *answers, *answers)
    assert caught[:3] == caught[3:]
    assert caught[0][0] is RateLimitError


def test_other_options_of_a_request_are_heeded() -> None:
    """Headers and parameters that one request has, and the next has not, are not kept."""

    async def use(backend: Any, server: Server) -> list[Received]:
        client = backend._endpoint._client
        body = {"model": "gpt-test", "messages": [{"role": "user", "content": "Which?"}]}
        options: dict[str, Any] = {"headers": {"X-Mine": "1"}, "params": {"mine": "1"}}
        for _ in range(2):
            await client.post("/chat/completions", cast_to=httpx2.Response, body=body, options=options)
        options["headers"]["X-Mine"] = "2"
        await client.post("/chat/completions", cast_to=httpx2.Response, body=body, options=options)
        await client.post("/chat/completions", cast_to=httpx2.Response, body=body)
        return server.received

    requests = with_backend(use)
    assert [request.headers.get("x-mine") for request in requests] == ["1", "1", "2", None]
    assert [request.query for request in requests] == [{"mine": "1"}] * 3 + [{}]
