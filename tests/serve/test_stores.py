"""The three stores of keys and spend, on real servers: one contract, which each of them holds."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from pipelex_core.errors import PipelexError
from pipelex_serve.keys.key import ANONYMOUS, Key, digest_of
from pipelex_serve.keys.opening import opened_store, store_of
from pipelex_serve.keys.store import Entry, Standing, Store, Use
from tests.servers.postgres import postgres_server
from tests.servers.redis import PASSWORD, redis_server

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY, MONTH, MINUTE = "2026-12-01", "2026-12", 29_000_000


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with postgres_server() as url:
        yield url


@pytest.fixture(scope="module")
def redis() -> Iterator[str]:
    with redis_server() as server:
        yield server.url


@pytest.fixture(params=["sqlite", "postgres", "redis"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a store, which the tests of a kind share: each makes keys of its own."""
    if request.param == "sqlite":
        return str(tmp_path_factory.getbasetemp() / "shared.sqlite3")
    url: str = request.getfixturevalue(request.param)
    return url


_made = iter(range(10_000))


def key(**fields: Any) -> Key:
    number = next(_made)
    return Key(
        **{
            "id": f"id-{number}",
            "name": f"key {number} ünï",
            "digest": digest_of(f"secret {number}"),
            "created": f"2026-12-01T00:00:{number:05}",
            **fields,
        }
    )


def entry(key: Key, nano: int = 0, tokens: int = 0, *, day: str = DAY, minute: int = MINUTE) -> Entry:
    return Entry(key=key, nano=nano, tokens=tokens, day=day, month=day[:7], minute=minute)


async def standing(store: Store, key: Key) -> Standing:
    return await store.standing(key.id, DAY, MONTH, MINUTE)


def test_a_key_is_found_by_its_digest_until_it_is_revoked(place: str) -> None:
    """A name may be used again once its key is revoked; what was kept comes back as it was."""
    made = key(handles=("smart_llm", "brief"), day_budget=5, rpm=3, is_admin=True)

    async def main() -> None:
        async with opened_store(place) as store:
            assert await store.add(made)
            assert not await store.add(evolve(made, id="other", digest="other"))
            assert await store.find(made.digest) == made
            assert await store.find("nothing") is None
            assert made in await store.keys()
            assert await store.revoke(made.name, "2026-12-02")
            assert not await store.revoke(made.name, "2026-12-02")
            assert await store.find(made.digest) is None
            assert evolve(made, revoked="2026-12-02") in await store.keys()
            assert await store.add(evolve(made, id=f"{made.id}-2", digest=f"{made.digest}2"))

    asyncio.run(main())


def test_a_budget_is_never_exceeded(place: str) -> None:
    """What is reserved counts; what a call did not cost is free again; what it cost beyond that is spent all the same."""
    made = key(day_budget=100, month_budget=150)

    async def main() -> None:
        async with opened_store(place) as store:
            await store.add(made)
            first = entry(made, 60)
            assert await store.enter(first)
            assert not await store.enter(entry(made, 41))
            assert (await standing(store, made)).day_nano == 60
            await store.settle(first, 10, 0)
            assert (await standing(store, made)).day_nano == 10
            second = entry(made, 90)
            assert await store.enter(second)
            await store.settle(second, 95, 7)
            now = await standing(store, made)
            assert (now.day_nano, now.month_nano, now.total_nano, now.calls) == (105, 105, 105, 2)
            assert not await store.enter(entry(made, 0)), "the day is over its budget"
            assert await store.enter(entry(made, 45, day="2026-12-02")), "the next day has a budget of its own"
            assert not await store.enter(entry(made, 1, day="2026-12-02")), "the month has not"
            assert await store.enter(entry(made, 100, day="2027-01-01"))

    asyncio.run(main())


def test_calls_and_tokens_of_a_minute(place: str) -> None:
    """A call with more tokens than a minute has is let in where it is the first."""
    made = key(rpm=2, tpm=50)

    async def main() -> None:
        async with opened_store(place) as store:
            await store.add(made)
            big = entry(made, tokens=80)
            assert await store.enter(big)
            assert not await store.enter(entry(made, tokens=1))
            await store.settle(big, 0, 10)
            assert await store.enter(entry(made, tokens=40))
            assert not await store.enter(entry(made, tokens=0)), "two calls are begun"
            assert await store.enter(entry(made, tokens=1, minute=MINUTE + 1))

    asyncio.run(main())


def test_a_key_without_limits_is_counted(place: str) -> None:
    """Its calls are written down when they have ended."""
    made = key()

    async def main() -> None:
        async with opened_store(place) as store:
            await store.add(made)
            for _ in range(3):
                await store.settle(entry(made), 7, 5)
            assert await standing(store, made) == Standing(
                day_nano=21, month_nano=21, minute_calls=3, minute_tokens=15, total_nano=21, calls=3
            )
            before = (await standing(store, ANONYMOUS)).total_nano
            await store.settle(entry(ANONYMOUS), 9_000_000_000_000, 5)
            assert (await standing(store, ANONYMOUS)).total_nano == before + 9_000_000_000_000

    asyncio.run(main())


def test_two_hundred_at_once_from_two_sides(place: str) -> None:
    """Of 200 calls at once, from two connections, exactly as many are let in as the budget holds."""
    made = key(day_budget=50_000)

    async def main() -> None:
        async with opened_store(place) as one, opened_store(place) as other:
            await one.add(made)
            let_in = await asyncio.gather(*(store.enter(entry(made, 1000)) for store in [one, other] * 100))
            assert sum(let_in) == 50
            await asyncio.gather(*(store.settle(entry(made, 1000), 400, 1) for store in [one, other] * 25))
            assert (await standing(one, made)).day_nano == 50 * 400

    asyncio.run(main())


_PROCESS = """
import asyncio, sys
from attrs import evolve
from pipelex_serve.keys.key import Key
from pipelex_serve.keys.opening import open_store
from pipelex_serve.keys.store import Entry

async def main():
    store = await open_store(sys.argv[1])
    key = await store.find(sys.argv[2])
    entry = Entry(key=key, nano=1000, tokens=0, day="2026-12-01", month="2026-12", minute=29_000_000)
    let_in = 0
    for _ in range(200):
        if await store.enter(entry):
            let_in += 1
            await asyncio.sleep(0)
    print(let_in)
    await store.close()

asyncio.run(main())
"""


def test_processes_share_a_budget(place: str) -> None:
    """Three processes at once let in together exactly as many calls as the budget holds, and lose none."""
    made = key(day_budget=250_000)

    async def add() -> None:
        async with opened_store(place) as store:
            await store.add(made)

    asyncio.run(add())
    command = [sys.executable, "-c", _PROCESS, place, made.digest]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    counts = [int(process.communicate(timeout=60)[0]) for process in running]
    assert sum(counts) == 250


def test_who_used_what_is_summed(place: str) -> None:
    """One row a day, key, handle, model and backend, whoever adds to it."""
    use = Use(
        day="2031-01-01", key='k "1" ü', handle="h", model="m", backend="b", calls=1, input_tokens=5, nano=9, millis=3
    )

    async def main() -> None:
        async with opened_store(place) as store:
            await store.count([use, evolve(use, handle="other", errors=1)])
            await store.count([evolve(use, calls=2)])
            found = await store.uses("2031-01-01")
            assert found == [
                evolve(use, calls=3, input_tokens=10, nano=18, millis=6),
                evolve(use, handle="other", errors=1),
            ]
            assert await store.uses("2031-01-02") == []

    asyncio.run(main())


def test_a_secret_is_the_first_that_was_kept(place: str) -> None:
    """All processes share it."""

    async def main() -> None:
        async with opened_store(place) as store:
            kept = await store.secret("admin", "first")
            assert await store.secret("admin", "second") == kept

    asyncio.run(main())


@pytest.mark.parametrize("url", ["mysql://host/x", "http://host"])
def test_an_address_that_no_store_serves(url: str) -> None:
    """It says what there is."""
    with pytest.raises(PipelexError, match="postgresql:// or redis://"):
        store_of(url)


def test_no_password_is_in_an_error() -> None:
    """Nobody listens there, and the error does not show the address."""

    async def main(url: str) -> None:
        async with opened_store(url):
            pass

    for url in (f"redis://:{PASSWORD}@127.0.0.1:1/0", f"postgresql://u:{PASSWORD}@127.0.0.1:1/x"):
        with pytest.raises(PipelexError) as failed:
            asyncio.run(main(url))
        assert PASSWORD not in str(failed.value)


def test_a_cancelled_write_is_done_all_the_same(place: str) -> None:
    """A client that leaves while its spend is written loses nothing of it."""
    made = key()

    async def main() -> None:
        async with opened_store(place) as store:
            await store.add(made)
            tasks = [asyncio.create_task(store.settle(entry(made), 5, 1)) for _ in range(20)]
            await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            written = (await standing(store, made)).total_nano
            assert written == 5 * 20, ended

    asyncio.run(main())
