"""What a gateway on a network must bear: slow, huge and malformed requests, wrong names, missing and guessed keys, and secrets."""

from __future__ import annotations

import gzip
import json
import logging
import random
import re
import socket
import time
import zlib
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from pipelex_serve.keys.key import digest_of
from pipelex_serve.routes import _ROUTES, Access
from tests.support.serving import PROVIDER_KEY, Served, raw, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

HELLO: Any = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    limits: Any = {"head_seconds": 0.5, "body_seconds": 0.5, "body_bytes": 200_000, "head_bytes": 8_000}
    with serving(tmp_path_factory.mktemp("attacks"), **limits) as served:
        yield served


def post(served: Served, content: bytes, path: str = "/v1/chat/completions", **headers: str) -> httpx2.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx2.post(served.url + path, content=content, headers=named, timeout=30)


def test_a_head_that_comes_slowly_is_given_up(served: Served) -> None:
    """Neither a silent connection nor a trickling one is kept, and others are answered meanwhile."""
    started = time.monotonic()
    assert raw(served.url, b"") == b""
    assert b" 408 " in raw(served.url, b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nx-")
    assert time.monotonic() - started < 20
    assert httpx2.get(f"{served.url}/health").status_code == 200


def test_a_head_that_trickles_has_no_more_time(served: Served) -> None:
    """A byte now and then does not start the clock anew."""
    host, port = served.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\n")
        for _ in range(200):
            try:
                connection.sendall(b"x: y\r\n")
            except OSError:
                break
            time.sleep(0.05)
        else:
            pytest.fail("the connection was kept for ten seconds")


def test_a_body_that_comes_slowly_is_given_up(served: Served) -> None:
    """With the protocol's own error."""
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 100\r\n\r\n{"
    got = raw(served.url, head, until=lambda got: b"request_timeout" in got)
    assert b" 408 " in got.partition(b"\r\n")[0]


@pytest.mark.parametrize("size", [9_000, 200_000, 2_000_000])
def test_headers_that_are_too_large(served: Served, size: int) -> None:
    """In one header, in many, and in the address."""
    for head in (
        b"GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\nx: " + b"a" * size + b"\r\n\r\n",
        b"GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\n" + b"x: y\r\n" * (size // 6) + b"\r\n",
    ):
        try:
            got = raw(served.url, head)
        except OSError:  # it was closed while we sent
            continue
        assert b" 431 " in got.partition(b"\r\n")[0]
    assert httpx2.get(f"{served.url}/health").status_code == 200


def test_a_body_that_is_too_large(served: Served) -> None:
    """By what it declares, and by what comes."""
    assert post(served, b"x" * 200_001).status_code == 413

    def pieces() -> Iterator[bytes]:
        for _ in range(30):
            yield b"x" * 10_000

    answer = httpx2.post(f"{served.url}/v1/messages", content=pieces(), timeout=30)
    assert answer.status_code == 413
    assert answer.json()["error"]["type"] == "request_too_large"


def test_a_body_that_inflates(served: Served) -> None:
    """A thousand times its size is not made, in either coding; a right one is read."""
    for packed, coding in ((gzip.compress(b" " * 50_000_000), "gzip"), (zlib.compress(b" " * 50_000_000), "deflate")):
        assert len(packed) < 100_000
        assert post(served, packed, content_encoding=coding).status_code == 413
    assert post(served, gzip.compress(json.dumps(HELLO).encode()), content_encoding="gzip").status_code == 200
    assert post(served, b"not gzip", content_encoding="gzip").status_code == 400
    assert post(served, gzip.compress(json.dumps(HELLO).encode())[:-9], content_encoding="gzip").status_code == 400
    assert post(served, b"{}", content_encoding="br").status_code == 415


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"\xff\xfe",
        b'{"model": NaN}',
        b"[" * 100_000,
        b'{"a":' * 20_000,
        b'{"model": "m", "messages": "hi"}',
        b'{"model": "m", "messages": [1]}',
        b'{"model": ["m"], "messages": []}',
        b'{"model": {"a": 1}, "messages": [{"role": "user", "content": "x"}]}',
    ],
)
@pytest.mark.parametrize(
    "path", ["/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1/embeddings", "/v1/images/generations"]
)
def test_malformed_json_gets_a_sentence(served: Served, path: str, body: bytes) -> None:
    """400, with what is wrong."""
    answer = post(served, body, path)
    assert answer.status_code == 400, answer.text
    assert len(answer.json()["error"]["message"]) > 10


def test_a_lone_surrogate_in_a_text(served: Served) -> None:
    """It is valid JSON, and no Unicode: refused where it would be sent, and no 500."""
    answer = post(served, b'{"model": "m", "messages": [{"role": "user", "content": "a\\ud83d"}]}')
    assert answer.status_code == 400
    assert "surrogate" in answer.json()["error"]["message"]


WHOLE: dict[str, Any] = {
    "/v1/chat/completions": {
        "model": "m",
        "messages": [
            {"role": "system", "content": "s"},
            {
                "role": "user",
                "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "data:,x"}}],
            },
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
                "reasoning_details": [{"data": "pplx1.x"}],
            },
            {"role": "tool", "tool_call_id": "1", "content": "x"},
        ],
        "tools": [
            {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}
        ],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
        "stream_options": {"include_usage": True},
        "max_tokens": 5,
        "temperature": 1,
        "stop": ["x"],
        "reasoning_effort": "low",
    },
    "/v1/messages": {
        "model": "m",
        "max_tokens": 5,
        "system": [{"type": "text", "text": "s"}],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "a"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "eA=="}},
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "t", "signature": "s"},
                    {"type": "tool_use", "id": "1", "name": "f", "input": {}},
                ],
            },
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "1", "content": [{"type": "text", "text": "x"}]}],
            },
        ],
        "tools": [{"name": "f", "description": "d", "input_schema": {"type": "object"}}],
        "tool_choice": {"type": "tool", "name": "f"},
        "thinking": {"type": "enabled", "budget_tokens": 2000},
        "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {"type": "object"}}},
    },
    "/v1/responses": {
        "model": "m",
        "instructions": "i",
        "input": [
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "a"}]},
            {"type": "reasoning", "summary": [], "encrypted_content": "pplx1.x"},
            {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "1", "output": "x"},
        ],
        "tools": [
            {"type": "function", "name": "f", "parameters": {"type": "object"}},
            {"type": "namespace", "name": "n", "tools": []},
        ],
        "tool_choice": {"type": "function", "name": "f"},
        "text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}},
        "reasoning": {"effort": "low"},
        "max_output_tokens": 5,
    },
    "/v1/embeddings": {"model": "vectors", "input": ["a"], "encoding_format": "float", "dimensions": 8},
    "/v1/images/generations": {"model": "painter", "prompt": "x", "n": 1, "size": "64x64", "quality": "low"},
    "/v1/moderations": {"model": "guard", "input": [{"type": "text", "text": "x"}]},
    "/v1/audio/speech": {"model": "voice", "input": "x", "voice": {"id": "a"}, "response_format": "mp3", "speed": 1.5},
    "/v1/rerank": {"model": "ranker", "query": "x", "documents": ["a", {"text": "b"}], "top_n": 1},
    "/v1/completions": {"model": "m", "prompt": "x", "stop": "y", "stream_options": {}},
}
STRANGE: list[Any] = [None, True, -1, 1.5, 10**30, "", "x", [], [None], [[]], {}, {"type": ["x"]}, {"a": {"b": []}}]


def mutated(value: Any, chance: random.Random) -> Any:
    """The same value with something strange at one place."""
    if isinstance(value, dict) and value and chance.random() < 0.85:
        key = chance.choice(list(value))
        return {**value, key: mutated(value[key], chance)}
    if isinstance(value, list) and value and chance.random() < 0.85:
        place = chance.randrange(len(value))
        return [*value[:place], mutated(value[place], chance), *value[place + 1 :]]
    return chance.choice(STRANGE)


@pytest.mark.parametrize("path", WHOLE)
def test_strange_values_anywhere_are_never_a_fault_of_the_gateway(
    served: Served, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Each field with each strange value: an answer, or a 400 that says something."""
    chance = random.Random(path)
    with httpx2.Client(timeout=30) as client, caplog.at_level(logging.ERROR, "pipelex_serve"):
        for _ in range(250):
            body = mutated(WHOLE[path], chance)
            answer = client.post(served.url + path, json=body)
            assert answer.status_code in {200, 400, 404, 501}, f"{body}\n{answer.text}"
    assert [record for record in caplog.records if record.name == "pipelex_serve"] == []


def test_what_is_not_http(served: Served) -> None:
    """An answer or a closed connection, and the next client is answered."""
    for data in (b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"\x00" * 5000, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"):
        got = raw(served.url, data)
        assert got == b"" or b" 400 " in got or b" 408 " in got
    smuggled = (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n"
        b"0\r\n\r\nGET /metrics HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
    )
    assert b"pipelex_serve_" not in raw(served.url, smuggled, until=lambda got: b" 400 " in got)
    assert httpx2.get(f"{served.url}/health").status_code == 200


def test_a_wrong_name_is_not_answered(served: Served) -> None:
    """A web page that had its name lead here (DNS rebinding) gets nothing, whichever path."""
    for host in ("evil.example", "evil.example:8080", "127.0.0.1.evil.example", ""):
        for path in ("/v1/models", "/", "/health"):
            got = raw(served.url, f"GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n".encode())
            assert b" 421 " in got.partition(b"\r\n")[0], (host, path)
    for host in ("localhost", "LOCALHOST:1", "[::1]:8080", "127.0.0.1"):
        got = raw(served.url, f"GET /v1/models HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n".encode())
        assert b" 200 " in got.partition(b"\r\n")[0], host


def test_a_web_page_of_elsewhere_cannot_call(served: Served) -> None:
    """Without keys, a browser's simple request of another origin is refused, and no answer allows one."""
    body = json.dumps(HELLO).encode()
    refused = post(served, body, origin="https://evil.example", content_type="text/plain")
    assert refused.status_code == 403
    assert not any(name.startswith("access-control") for name in refused.headers)
    own = post(served, body, origin=served.url)
    assert own.status_code == 200
    preflight = httpx2.options(f"{served.url}/v1/chat/completions", headers={"origin": "https://evil.example"})
    assert (preflight.status_code, preflight.headers["allow"]) == (405, "POST")
    assert not any(name.startswith("access-control") for name in preflight.headers)


@pytest.fixture
def locked(tmp_path: Any) -> Iterator[tuple[Served, str]]:
    with serving(tmp_path) as served:
        yield served, served.key("alice", handles="m", rpm=1000)


def test_nothing_is_answered_without_a_key(locked: tuple[Served, str]) -> None:
    """Every route but those that say so; a key that is wrong by a letter is as wrong as any."""
    served, secret = locked
    wrong = secret[:-1] + ("A" if secret[-1] != "A" else "B")
    for path, methods in _ROUTES.items():
        for method, route in methods.items():
            for headers in (
                {},
                {"authorization": f"Bearer {wrong}"},
                {"x-api-key": ""},
                {"authorization": "Basic eDp5"},
            ):
                answer = httpx2.request(method, served.url + path, headers=headers, content=b"{}")
                expected = {200} if route.access is Access.OPEN else {401}
                assert answer.status_code in expected, (path, answer.text)
    assert httpx2.get(f"{served.url}/v1/models/m").status_code == 401


def test_a_key_opens_its_own_handles_alone(locked: tuple[Served, str]) -> None:
    """Neither another handle, nor the same under another name, nor the admin's routes."""
    served, secret = locked
    headers = {"authorization": f"Bearer {secret}"}
    url = f"{served.url}/v1/chat/completions"
    assert httpx2.post(url, json=HELLO, headers=headers).status_code == 200
    for handle in ("brief", "$brief", "@m", "caller", "nothing"):
        answer = httpx2.post(url, json={**HELLO, "model": handle}, headers=headers)
        assert answer.status_code == 403, handle
    assert [model["id"] for model in httpx2.get(f"{served.url}/v1/models", headers=headers).json()["data"]] == ["m"]
    assert httpx2.get(f"{served.url}/metrics", headers=headers).status_code == 401


def test_a_key_that_is_revoked_is_refused_soon(locked: tuple[Served, str]) -> None:
    """Within seconds, though the gateway knew it."""
    served, secret = locked
    served.key("another")
    headers = {"authorization": f"Bearer {secret}"}
    assert httpx2.get(f"{served.url}/v1/models", headers=headers).status_code == 200
    served.run(served.gateway.accounts.store.revoke("alice", "2026-12-01"))
    until = time.monotonic() + 20
    while httpx2.get(f"{served.url}/v1/models", headers=headers).status_code == 200:
        assert time.monotonic() < until
        time.sleep(0.1)


def test_a_budget_and_limits_of_a_minute_are_told_in_a_sentence(tmp_path: Any) -> None:
    """Each in OpenAI's form, with what is left to do."""
    with serving(tmp_path) as served:
        secret = served.key("poor", day_budget=__import__("decimal").Decimal("0.0001"), rpm=2)
        headers = {"authorization": f"Bearer {secret}"}
        url = f"{served.url}/v1/chat/completions"
        dear = httpx2.post(url, json={**HELLO, "max_tokens": 900}, headers=headers)
        assert (dear.status_code, dear.json()["error"]["code"]) == (429, "insufficient_quota")
        assert dear.headers["x-should-retry"] == "false"
        assert "0.0001 US$ a day" in dear.json()["error"]["message"]
        for _ in range(2):
            assert httpx2.post(url, json={**HELLO, "max_tokens": 9}, headers=headers).status_code == 200
        full = httpx2.post(url, json={**HELLO, "max_tokens": 9}, headers=headers)
        assert (full.status_code, full.json()["error"]["code"]) == (429, "rate_limit_exceeded")
        assert 1 <= int(full.headers["retry-after"]) <= 60


def test_no_secret_is_in_what_comes_out(
    locked: tuple[Served, str], tmp_path: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the client's key nor a provider's: not in errors, metrics, logs, the page, or the file of keys."""
    served, secret = locked
    headers = {"authorization": f"Bearer {secret}"}
    out = []
    with caplog.at_level(logging.DEBUG):
        for body in (HELLO, {**HELLO, "model": secret}, {**HELLO, "temperature": secret}, {"model": "m"}):
            out.append(httpx2.post(f"{served.url}/v1/chat/completions", json=body, headers=headers))
        out += [httpx2.get(served.url + path, headers=headers) for path in ("/", "/ready", "/metrics", f"/{secret}")]
    texts = [text for answer in out[:1] + out[3:-1] for text in (answer.text, str(answer.headers))]
    texts += [record.getMessage() for record in caplog.records if record.name.startswith("pipelex_serve")]
    served.gateway.admin_digest = digest_of("admin")
    texts.append(httpx2.get(f"{served.url}/metrics", headers={"authorization": "Bearer admin"}).text)
    for file in tmp_path.glob("spend.sqlite3*"):
        texts.append(file.read_bytes().decode("latin-1"))
    for text in texts:
        assert secret not in text
        assert PROVIDER_KEY not in text
    assert re.search(r'handle="m"', texts[-2] if "handle" in texts[-2] else "".join(texts))
