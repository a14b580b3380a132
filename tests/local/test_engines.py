"""Engines of a process: loaded once, shared, and in one thread whose steps calls take in turns."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING

import pytest

from pipelex_core.errors import CallError
from pipelex_local.engines import Engine, Engines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY = ("a model", 1)


class Model:
    """What an engine loads; it counts what was computed with it."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.threads: set[int] = set()
        self.began = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()

    def count(self, who: str, most: int = 3) -> Iterator[str]:
        for number in range(most):
            self.threads.add(threading.get_ident())
            self.began.set()
            self.go_on.wait(10)
            self.steps.append(f"{who}{number}")
            yield self.steps[-1]


def engines_of(model: Model) -> tuple[Engines[Model], list[int]]:
    loads: list[int] = []

    def load(_stopped: Callable[[], bool]) -> Model:
        loads.append(1)
        return model

    engines: Engines[Model] = Engines()
    engines.acquire(KEY, load)
    return engines, loads


def test_calls_take_turns_in_one_thread() -> None:
    """The second does not wait for the end of the first; the model is loaded once."""
    model = Model()
    engines, loads = engines_of(model)
    engine = engines.acquire(KEY, lambda _: model)

    async def call(who: str) -> list[str]:
        return [step async for step in engine.run(lambda loaded: loaded.count(who))]

    async def main() -> None:
        assert list(await asyncio.gather(call("a"), call("b"))) == [["a0", "a1", "a2"], ["b0", "b1", "b2"]]

    asyncio.run(main())
    assert model.steps == ["a0", "b0", "a1", "b1", "a2", "b2"]
    assert (len(model.threads), loads) == (1, [1])
    assert threading.get_ident() not in model.threads


def test_a_call_that_is_given_up_takes_no_further_step() -> None:
    """It ends at once, in the middle of a step; the next call is answered."""
    model = Model()
    engines, _ = engines_of(model)
    engine = engines.acquire(KEY, lambda _: model)

    async def main() -> None:
        model.go_on.clear()
        waiting = asyncio.ensure_future(anext(engine.run(lambda loaded: loaded.count("a"))))
        await asyncio.to_thread(model.began.wait, 10)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        model.go_on.set()
        assert [step async for step in engine.run(lambda loaded: loaded.count("b", 1))] == ["b0"]

    asyncio.run(main())
    assert model.steps == ["a0", "b0"]


def test_a_load_that_is_given_up_hears_of_it() -> None:
    """What says so is true from then on: a download ends."""
    heard = threading.Event()
    began = threading.Event()

    def load(stopped: Callable[[], bool]) -> Model:
        began.set()
        while not stopped():
            threading.Event().wait(0.01)
        heard.set()
        return Model()

    engine: Engine[Model] = Engine(load)

    async def main() -> None:
        waiting = asyncio.ensure_future(anext(engine.run(lambda loaded: loaded.count("a"))))
        await asyncio.to_thread(began.wait, 10)
        waiting.cancel()
        await asyncio.wait([waiting])

    asyncio.run(main())
    assert heard.wait(10)
    engine.close()


def test_an_error_of_a_step_is_the_callers() -> None:
    """And the thread goes on."""
    engines, _ = engines_of(Model())
    engine = engines.acquire(KEY, lambda _: Model())

    def fails(_loaded: Model) -> Iterator[str]:
        yield "a"
        message = "it broke"
        raise ValueError(message)

    async def main() -> None:
        seen = []
        with pytest.raises(ValueError, match="it broke"):
            async for step in engine.run(fails):
                seen.append(step)
        assert seen == ["a"]
        assert [step async for step in engine.run(lambda loaded: loaded.count("b", 1))] == ["b0"]

    asyncio.run(main())


def test_the_last_who_lets_go_closes_it() -> None:
    """Until then it answers; afterwards it says that it is closed, and the next has an engine of its own."""
    model = Model()
    engines, loads = engines_of(model)
    engine = engines.acquire(KEY, lambda _: model)

    async def call() -> list[str]:
        return [step async for step in engine.run(lambda loaded: loaded.count("a", 1))]

    engines.release(engine)
    assert asyncio.run(call()) == ["a0"]
    engines.release(engine)
    with pytest.raises(CallError, match="the backend is closed"):
        asyncio.run(call())
    assert engines.acquire(KEY, lambda _: model) is not engine
    assert loads == [1]


def test_who_waits_for_its_turn_hears_that_the_backend_was_closed() -> None:
    """Its step is not begun any more; the one under way ends by itself."""
    model = Model()
    engines, _ = engines_of(model)
    engine = engines.acquire(KEY, lambda _: model)

    async def main() -> None:
        model.go_on.clear()
        first = asyncio.ensure_future(anext(engine.run(lambda loaded: loaded.count("a"))))
        await asyncio.to_thread(model.began.wait, 10)
        second = asyncio.ensure_future(anext(engine.run(lambda loaded: loaded.count("b"))))
        await asyncio.sleep(0.01)
        engine.close()
        with pytest.raises(CallError, match="the backend was closed"):
            await second
        model.go_on.set()
        assert await first == "a0"

    asyncio.run(main())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_process_has_engines_of_its_own() -> None:
    """One of the parent's is refused in words, and a new one loads."""
    engines, _ = engines_of(Model())
    engine = engines.acquire(KEY, lambda _: Model())

    async def call(one: Engine[Model]) -> list[str]:
        return [step async for step in one.run(lambda loaded: loaded.count("a", 1))]

    assert asyncio.run(call(engine)) == ["a0"]
    child = os.fork()
    if not child:  # pragma: no cover -- in the child
        code = 1
        try:
            asyncio.run(call(engine))
        except CallError as error:
            fresh = engines.acquire(KEY, lambda _: Model())
            code = 0 if "parent process" in error.message and asyncio.run(call(fresh)) == ["a0"] else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
