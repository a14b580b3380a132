"""`client.map`: bounded on both sides, in either order, errors as values, cancelled cleanly."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_core import AsyncClient, BudgetExceededError, Client, Job, ServerError, UnsupportedInputError
from pipelex_core.results import TextAnswer
from tests.support.scripted import OCR, PAINTER, PNG, USAGE, Script, ScriptedBackend, deck_of, plugins_for, spec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from pipelex_core.requests import TextRequest


class Echo(ScriptedBackend):
    """Answers with the prompt, after as many hundredths of a second as it says; and fails where it says `fail`."""

    running = 0
    peak = 0
    begun = 0
    cancelled = 0

    async def generate_text(self, request: TextRequest) -> TextAnswer:
        cls, text = Echo, request.messages[0].text
        cls.running += 1
        cls.begun += 1
        cls.peak = max(cls.peak, cls.running)
        try:
            if text == "for ever":
                await asyncio.Event().wait()
            await asyncio.sleep(int(text) / 100 if text.isdigit() else 0)
        except asyncio.CancelledError:
            cls.cancelled += 1
            raise
        finally:
            cls.running -= 1
        if text == "fail":
            raise ServerError("boom", status=500)
        if text.startswith("{"):
            return TextAnswer(text=text, finish_reason="stop", usage=USAGE)
        return TextAnswer(text=f"{text} {request.temperature}", finish_reason="stop", usage=USAGE)


@pytest.fixture(autouse=True)
def _fresh() -> None:
    Echo.running = Echo.peak = Echo.begun = Echo.cancelled = 0


DECK = deck_of(spec("smart", max_tokens=1000), spec("other", max_tokens=1000), OCR, PAINTER)


def async_client() -> AsyncClient:
    return AsyncClient(DECK, plugins_for({"scripted": Script()}, kind=Echo))


def client() -> Client:
    return Client(DECK, plugins_for({"scripted": Script()}, kind=Echo))


async def _outcomes_come() -> None:
    jobs = ["20", "0", "1"]
    async with async_client() as ours:
        ended = [done.index async for done in ours.map(jobs, model="smart", retries=0)]
        kept = [done async for done in ours.map(jobs, model="smart", ordered=True)]
    assert ended[-1] == 0
    assert sorted(ended) == [0, 1, 2]
    assert [(done.index, done.job, done.get().text) for done in kept] == [
        (0, "20", "20 None"),
        (1, "0", "0 None"),
        (2, "1", "1 None"),
    ]


def run(test: Any) -> Any:
    return asyncio.run(test())


def test_in_a_program_without_a_loop_it_is_the_same() -> None:
    """The synchronous client has the same method, with the same order and the same errors."""
    with client() as ours:
        kept = list(ours.map(["20", "0", "fail"], model="smart", ordered=True, retries=0))
        ended = [done.index for done in ours.map(["20", "0"], model="smart")]
    assert [done.index for done in kept] == [0, 1, 2]
    assert ended == [1, 0]
    assert isinstance(kept[2].error, ServerError)
    with pytest.raises(ServerError):
        kept[2].get()


def test_outcomes_come_as_calls_end_or_in_the_order_of_the_jobs() -> None:
    """`ordered` decides; each outcome has its job and its place."""
    run(_outcomes_come)


def test_no_more_calls_than_wanted_and_a_slow_reader_holds_them_back() -> None:
    """Neither the source of the jobs nor the calls run ahead of whoever reads the outcomes."""
    taken: list[int] = []

    def jobs() -> Iterator[str]:
        for number in range(1000):
            taken.append(number)
            yield "0"

    async def test() -> None:
        async with async_client() as ours, aclosing(ours.map(jobs(), model="smart", concurrency=4)) as outcomes:
            for _ in range(10):
                await anext(outcomes)
                await asyncio.sleep(0.01)
                assert len(taken) <= 10 + 4
                assert Echo.begun <= 10 + 4
        assert Echo.peak == 4

    run(test)
    with client() as ours:
        taken.clear()
        outcomes = ours.map(jobs(), model="smart", concurrency=3)
        for _ in range(5):
            next(outcomes)
        assert len(taken) <= 5 + 3
        outcomes.close()


def test_jobs_may_have_to_be_waited_for() -> None:
    """Of an asynchronous source, outcomes are handed out while the next job is not there yet."""

    async def test() -> None:
        gate = asyncio.Event()

        async def jobs() -> AsyncIterator[str]:
            yield "0"
            yield "fail"
            await gate.wait()
            yield "1"

        seen: list[Any] = []
        async with async_client() as ours:
            async for done in ours.map(jobs(), model="smart", retries=0):
                seen.append(done.index)
                if len(seen) == 2:
                    gate.set()
        assert sorted(seen[:2]) == [0, 1]
        assert seen[2:] == [2]

    run(test)


def test_a_job_has_arguments_of_its_own() -> None:
    """They win over those of `map`; `model` is one of them."""
    with client() as ours:
        jobs = ["0", Job("0", {"temperature": 0.5}), Job("0", {"model": "other"}), Job("0", {"model": "nowhere"})]
        done = list(ours.map(jobs, model="smart", temperature=0.1, ordered=True))
    assert [each.get().text for each in done[:3]] == ["0 0.1", "0 0.5", "0 0.1"]
    assert [each.get().model for each in done[:3]] == ["smart", "smart", "other"]
    assert "nowhere" in str(done[3].error)


def test_every_operation_that_answers_whole() -> None:
    """By the name of the operation, or of its capability; one that streams, or that nobody has, is refused at once."""
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    with client() as ours:
        (object_,) = ours.map(['{"a": 1}'], operation="generate_object", type=schema, model="smart")
        (untyped,) = ours.map(["x"], operation="generate_object", model="smart")
        (pages,) = ours.map([PNG], operation="extract", model="ocr")
        (image,) = ours.map(["A lighthouse"], operation="img_gen", model="painter", number=2)
        assert object_.get().value == {"a": 1}
        assert "needs a type" in str(untyped.error)
        assert len(pages.get().pages) == 2
        assert len(image.get().images) == 2
        for wrong in ("stream_text", "nothing"):
            with pytest.raises(UnsupportedInputError, match=r"generate_text, extract, .*generate_object"):
                ours.map(["x"], operation=wrong)
        for concurrency in (0, 1.5, True):
            with pytest.raises(UnsupportedInputError, match="concurrency"):
                ours.map(["x"], concurrency=concurrency)  # type: ignore[arg-type]


def test_left_early_nothing_runs_on() -> None:
    """Closing the iterator, and cancelling its reader, cancels every call under way, and waits for it."""

    async def test() -> None:
        async with async_client() as ours:
            async with aclosing(ours.map(["0", *["for ever"] * 5], model="smart", concurrency=6)) as outcomes:
                await anext(outcomes)
            assert (Echo.running, Echo.cancelled) == (0, 5)

            async def read() -> None:
                async with aclosing(ours.map(["for ever"] * 3, model="smart")) as outcomes:
                    async for _ in outcomes:
                        pass

            reading = asyncio.create_task(read())
            for _ in range(10):  # until the calls are under way
                await asyncio.sleep(0.001 if Echo.running < 3 else 0)
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
            assert (Echo.running, Echo.cancelled) == (0, 8)

    run(test)
    with client() as ours:
        outcomes = ours.map(["0", *["for ever"] * 5], model="smart", concurrency=3)
        next(outcomes)
        outcomes.close()
        assert Echo.running == 0


def test_what_breaks_in_the_source_of_the_jobs_reaches_the_reader() -> None:
    """The calls under way are cancelled."""

    def jobs() -> Iterator[str]:
        yield "for ever"
        raise OSError("the disk is gone")

    with client() as ours, pytest.raises(OSError, match="the disk is gone"):
        list(ours.map(jobs(), model="smart"))
    assert Echo.running == 0


def test_a_budget_around_it_counts_its_calls() -> None:
    """The calls belong to the `with` block in which the outcomes are read."""
    with client() as ours, ours.budget(usd=Decimal("0.0090")) as budget:
        done = list(ours.map(["0"] * 10, model="smart", concurrency=1, max_tokens=1000))
    assert budget.spent == sum(each.get().cost.amount for each in done if each.error is None)
    assert isinstance(done[-1].error, BudgetExceededError)
