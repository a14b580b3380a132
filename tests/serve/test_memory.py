"""What workers remember together: items of responses and what providers want back, on a file, on Redis and on PostgreSQL."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from pipelex_core.errors import PipelexError
from pipelex_serve.keys.opening import opened_store
from pipelex_serve.memory import FileShelf, Memory, Shelf, open_shelf
from pipelex_serve.metrics import MULTIPROCESS
from tests.serve.test_operation import running
from tests.servers.anthropic import AnthropicServer, message, replied, thinking, tool_use
from tests.servers.base import in_thread
from tests.servers.postgres import postgres_server
from tests.servers.redis import redis_server
from tests.support.serving import write_project

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path


SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}


@pytest.fixture(params=["file", "postgres", "redis"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a store whose workers share a shelf."""
    if request.param == "file":
        monkeypatch.setenv(MULTIPROCESS, str(tmp_path))
        yield str(tmp_path / "spend.sqlite3")
    elif request.param == "postgres":
        with postgres_server() as url:
            yield url
    else:
        with redis_server() as server:
            yield server.url


def test_one_worker_knows_what_another_keeps(place: str) -> None:
    """By owner and name; a text that is kept again takes the place of the first, and what is unknown is absent."""

    async def main() -> None:
        async with opened_store(place) as first, opened_store(place) as second:
            one, other = Memory(open_shelf(first)), Memory(open_shelf(second))
            one.put("alice", {"a": "1", "b": "ünï \U0001f600"})
            one.put("alice", {"a": "2"})
            one.put("bob", {"a": "3"})
            await one.close()
            assert await other.find("alice", ["a", "b", "c"]) == {"a": "2", "b": "ünï \U0001f600"}
            assert await other.find("bob", ["a", "b"]) == {"a": "3"}
            assert await other.find("carol", ["a"]) == {}
            await other.close()

    asyncio.run(main())


def test_a_worker_that_is_alone_shares_nothing(tmp_path: Path) -> None:
    """What it remembers is in its memory, and in no file."""

    async def main() -> None:
        async with opened_store(str(tmp_path / "spend.sqlite3")) as store:
            assert open_shelf(store) is None
            memory = Memory()
            assert memory.is_blank
            memory.put("alice", {"a": "secret words"})
            assert await memory.find("alice", ["a"]) == {"a": "secret words"}

    asyncio.run(main())
    assert not any(b"secret words" in file.read_bytes() for file in tmp_path.iterdir())


def test_the_oldest_goes_first() -> None:
    """So many characters are remembered, and none of a text that is larger than a sixteenth of them."""

    async def main() -> None:
        memory = Memory(most=3200)
        for number in range(100):
            memory.put("alice", {str(number): "x" * 100})
        memory.put("alice", {"large": "x" * 201})
        found = await memory.find("alice", [*map(str, range(100)), "large"])
        assert sorted(found) == [str(number) for number in range(68, 100)]

    asyncio.run(main())


def test_a_file_that_is_full_drops_its_older_half(tmp_path: Path) -> None:
    """It never grows beyond its bound, and keeps what came last."""

    async def main() -> None:
        shelf = FileShelf(tmp_path / "kept.sqlite3")
        shelf._connection.execute("PRAGMA max_page_count=64")
        for number in range(100):
            await shelf.put("alice", {str(number): "x" * 10_000})
        found = await shelf.find("alice", [str(number) for number in range(100)])
        assert "99" in found
        assert "0" not in found
        await shelf.close()

    asyncio.run(main())
    assert (tmp_path / "kept.sqlite3").stat().st_size <= 64 * 4096


def test_a_shelf_that_fails_is_no_error_of_the_request(caplog: pytest.LogCaptureFixture) -> None:
    """The worker goes on with what it knows itself; the log says why."""

    class Broken(Shelf):
        async def put(self, owner: str, texts: Mapping[str, str]) -> None:
            raise PipelexError("the server is away")

        async def find(self, owner: str, names: Any) -> dict[str, str]:
            raise PipelexError("the server is away")

        async def close(self) -> None:
            pass

    async def main() -> None:
        memory = Memory(Broken())
        memory.put("alice", {"a": "1"})
        assert await memory.find("alice", ["a", "b"]) == {"a": "1"}
        await memory.close()

    asyncio.run(main())
    assert len(caplog.records) == 2


def _through_both(url: str, ask: Callable[[httpx2.Client], httpx2.Response]) -> None:
    """Ask on new connections until both workers have answered; what a worker is called begins its requests' ids."""
    seen = set()
    for _ in range(300):
        with httpx2.Client(base_url=url, timeout=60) as http:
            answer = ask(http)
        assert answer.status_code == 200, answer.text
        seen.add(answer.headers["x-request-id"][:12])
        if len(seen) == 2:
            return
    raise AssertionError("one worker answered everything")


def test_an_item_of_one_worker_is_known_to_the_other(tmp_path: Path) -> None:
    """Vercel's AI SDK refers to the items of its last turn, whichever worker made them."""
    config = write_project(tmp_path, {})
    with running(tmp_path, "--workers", "2", config=config) as (url, _):
        body: dict[str, Any] = {"model": "m", "input": [{"role": "user", "content": "Hi"}]}
        made = httpx2.post(f"{url}/v1/responses", json=body, timeout=60).json()
        references = [{"type": "item_reference", "id": item["id"]} for item in made["output"]]
        assert references
        followed = {**body, "input": [*body["input"], *references, {"role": "user", "content": "And?"}]}
        _through_both(url, lambda http: http.post("/v1/responses", json=followed))


@pytest.mark.slow
def test_what_claude_wants_back_is_known_to_every_worker(tmp_path: Path) -> None:
    """A client that drops the thinking has it restored, whichever worker it comes to."""
    call = tool_use("toolu_1", "get_weather", {"city": "Paris"})
    with in_thread(AnthropicServer()) as provider:
        assert isinstance(provider, AnthropicServer)
        provider.queue(replied(message(thinking("Paris."), call, stop_reason="tool_use")))
        config = write_project(tmp_path, {"anthropic": provider.url})
        with running(tmp_path, "--workers", "2", config=config) as (url, _):
            tools = [{"type": "function", "function": {"name": "get_weather", "parameters": SCHEMA}}]
            first: Any = [{"role": "user", "content": "Weather?"}]
            body: dict[str, Any] = {"model": "claude", "messages": first, "tools": tools, "reasoning_effort": "low"}
            made = httpx2.post(f"{url}/v1/chat/completions", json=body, timeout=60).json()["choices"][0]["message"]
            kept = {"role": "assistant", "content": None, "tool_calls": made["tool_calls"]}
            result = {"role": "tool", "tool_call_id": "toolu_1", "content": "sunny"}
            followed = {**body, "messages": [*first, kept, result]}
            before = len(provider.bodies)
            _through_both(url, lambda http: http.post("/v1/chat/completions", json=followed))
            for sent in provider.bodies[before:]:
                assert [block["type"] for block in sent["messages"][1]["content"]] == ["thinking", "tool_use"]
