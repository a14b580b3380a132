"""Budgets: what calls may cost together, whatever happens to them."""

from __future__ import annotations

import asyncio
import math
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve
from hypothesis import example, given
from hypothesis import strategies as st

from pipelex_core import AsyncClient, Client
from pipelex_core.capabilities.text import TEXT
from pipelex_core.errors import (
    BudgetExceededError,
    InvalidAnswerError,
    ProviderConnectionError,
    ServerError,
    UnsupportedInputError,
)
from pipelex_core.execution.attempts import Attempting
from pipelex_core.parts import Message, TextPart
from pipelex_core.policies import CooldownPolicy, RetryPolicy
from pipelex_core.requests import TextRequest
from pipelex_core.results import TextAnswer, Usage
from pipelex_core.specs import Costs, Limits
from pipelex_limits.budgets import Budget, Budgeted
from tests.support.properties import PROPERTY
from tests.support.scripted import OCR, PAINTER, PNG, USAGE, Script, deck_of, plugins_for, spec

ZERO = Decimal(0)
ANSWER = TextAnswer(text="Rhine", finish_reason="stop", usage=USAGE)


def client_of(script: Script, *specs: Any, retries: int = 0, aliases: Any = (), **given: Any) -> AsyncClient:
    deck = deck_of(*(specs or (spec("m"),)), aliases=dict(aliases))
    quick = RetryPolicy(retries=retries, initial_wait=0.001)
    configs = {
        name: evolve(config, retry=quick, cooldown=CooldownPolicy(failures=0), limits=given.pop("limits", None))
        for name, config in deck.backends.items()
    }
    return AsyncClient(evolve(deck, backends=configs), plugins_for({"scripted": script}), **given)


def most(text: str = "?", max_tokens: int = 100) -> Decimal:
    """The most that a request of one short message may cost, as `expectations.py` has it."""
    return (8 + math.ceil(len(text) * 0.7)) * Decimal("0.000002") + max_tokens * Decimal("0.000008")


def test_a_call_is_counted_at_its_true_cost() -> None:
    """It reserves the most it may cost while it runs, and then what it cost is spent."""

    async def main() -> None:
        script = Script([0.2, "Rhine"])
        async with client_of(script) as client:
            with client.budget(usd="0.01") as budget:
                call = asyncio.create_task(client.generate_text("?", model="m", max_tokens=100))
                await asyncio.sleep(0.05)
                assert (budget.spent, budget.reserved) == (ZERO, most())
                assert budget.remaining == Decimal("0.01") - most()
                result = await call
        assert result.cost is not None
        assert budget.spent == result.cost.amount
        assert (budget.reserved, budget.estimated, budget.unpriced) == (ZERO, ZERO, 0)
        assert budget.limit == Decimal("0.01")

    asyncio.run(main())


def test_a_request_that_may_cost_more_than_is_left_is_not_sent() -> None:
    """The error says how much it may cost and how much is left; the ledger has no cost."""

    async def main() -> None:
        script = Script()
        async with client_of(script) as client:
            with client.budget(usd="0.0005") as budget:
                with pytest.raises(
                    BudgetExceededError, match=r"may cost 0\.000818 US\$.* 0\.0005 US\$ are left"
                ) as caught:
                    await client.generate_text("?", model="m", max_tokens=100)
                assert script.requests == []
                assert (caught.value.attempts[0].is_free, caught.value.model) == (True, "m")
                await client.generate_text("?", model="m", max_tokens=20)
            assert 0 < budget.spent < Decimal("0.0005")
            await client.generate_text("?", model="m", max_tokens=100)  # outside, nothing holds it
        assert len(script.requests) == 2

    asyncio.run(main())


def test_calls_at_the_same_time_do_not_overdraw() -> None:
    """Each holds what it may cost: of ten, only as many are sent as fit."""

    async def main() -> None:
        script = Script([0.1, "x"] * 10)
        async with client_of(script) as client:
            with client.budget(usd=most() * 3) as budget:
                results = await asyncio.gather(
                    *(client.generate_text("?", model="m", max_tokens=100) for _ in range(10)), return_exceptions=True
                )
        refused = [result for result in results if isinstance(result, BudgetExceededError)]
        assert (len(refused), len(script.requests)) == (7, 3)
        assert budget.spent <= budget.limit

    asyncio.run(main())


def test_failed_attempts_that_were_paid_count() -> None:
    """An error that reports its usage is paid for; the retry reserves anew."""

    async def main() -> None:
        paid = ServerError("overloaded in the middle", status=500, usage=USAGE)
        script = Script([paid, "Rhine"])
        async with client_of(script, retries=1) as client:
            with client.budget(usd=1) as budget:
                result = await client.generate_text("?", model="m", max_tokens=100)
        assert len(result.attempts) == 2
        assert budget.spent == 2 * result.attempts[1].cost.amount  # type: ignore[union-attr]  # it has prices
        assert budget.estimated == 0

    asyncio.run(main())


def test_a_budget_holds_across_retries() -> None:
    """The one that does not fit any more is not sent, and the call ends."""

    async def main() -> None:
        paid = ServerError("no", status=500, usage=Usage(input_tokens=100, output_tokens=100))
        script = Script([paid])
        async with client_of(script, retries=5) as client:
            with client.budget(usd=most() * 2) as budget, pytest.raises(BudgetExceededError) as caught:
                await client.generate_text("?", model="m", max_tokens=100)
        assert [attempt.error for attempt in caught.value.attempts] == ["ServerError", "BudgetExceededError"]
        assert budget.spent == Decimal("0.001")

    asyncio.run(main())


@pytest.mark.parametrize(
    ("failure", "counts"),
    [
        (ServerError("no", status=500), False),
        (ProviderConnectionError("refused"), False),
        (ProviderConnectionError("gone in the middle", unsettled=True), True),
        (ProviderConnectionError("gone in the middle", usage=Usage()), True),
        (InvalidAnswerError("a web page", status=200), True),
    ],
)
def test_what_an_attempt_without_usage_counts(failure: Exception, counts: bool) -> None:
    """Nothing where the provider turned it away; the most it may have cost where that is open, and told as estimated."""

    async def main() -> None:
        async with client_of(Script([failure])) as client:
            with client.budget(usd=1) as budget, pytest.raises(type(failure)):
                await client.generate_text("?", model="m", max_tokens=100)
        assert budget.spent == budget.estimated == (most() if counts else 0)
        assert budget.reserved == 0

    asyncio.run(main())


def test_a_cancelled_call_counts_as_the_most_it_may_have_cost() -> None:
    """The provider may have done the work."""

    async def main() -> None:
        async with client_of(Script([60.0, "late"])) as client:
            with client.budget(usd=1) as budget:
                call = asyncio.create_task(client.generate_text("?", model="m", max_tokens=100))
                await asyncio.sleep(0.05)
                call.cancel()
                await asyncio.gather(call, return_exceptions=True)
        assert budget.spent == budget.estimated == most()

    asyncio.run(main())


def test_a_call_cancelled_while_it_waits_costs_nothing() -> None:
    """It was not sent: what it held is free again."""

    async def main() -> None:
        async with client_of(Script([60.0, "late"]), limits=Limits(max_concurrency=1)) as client:
            first = asyncio.create_task(client.generate_text("?", model="m"))
            await asyncio.sleep(0.05)
            with client.budget(usd=1) as budget:
                call = asyncio.create_task(client.generate_text("?", model="m", max_tokens=100))
                await asyncio.sleep(0.05)
                assert budget.reserved == most()
                call.cancel()
                await asyncio.gather(call, return_exceptions=True)
            first.cancel()
        assert (budget.spent, budget.reserved) == (ZERO, ZERO)

    asyncio.run(main())


def test_an_answer_that_was_paid_is_handed_out() -> None:
    """Also where it cost more than was reserved, and more than there was."""

    async def main() -> None:
        dear = TextAnswer(text="long", finish_reason="stop", usage=Usage(input_tokens=100, output_tokens=100_000))
        async with client_of(Script([dear])) as client:
            with client.budget(usd="0.01") as budget:
                assert (await client.generate_text("?", model="m", max_tokens=100)).text == "long"
                assert budget.spent > budget.limit
                assert budget.remaining == 0
                with pytest.raises(BudgetExceededError):
                    await client.generate_text("?", model="m", max_tokens=1)

    asyncio.run(main())


def test_an_unknown_price_is_refused_unless_allowed() -> None:
    """A budget that cannot hold a call says so; with `unknown="allow"` the call passes, and is told apart."""

    async def main() -> None:
        script = Script()
        async with client_of(script, spec("m", costs=None)) as client:
            with client.budget(usd=1), pytest.raises(BudgetExceededError, match="unknown"):
                await client.generate_text("?", model="m")
            with client.budget(usd=1, unknown="allow") as budget:
                await client.generate_text("?", model="m")
            assert (budget.spent, budget.unpriced) == (ZERO, 1)
            with client.budget(usd=0, unknown="allow"), pytest.raises(BudgetExceededError, match="nothing is left"):
                await client.generate_text("?", model="m")
        assert len(script.requests) == 1

    asyncio.run(main())


def test_an_answer_without_a_bound_is_unknown_too() -> None:
    """Prices are known, but neither the call nor the model says how long an answer may be."""

    async def main() -> None:
        async with client_of(Script()) as client:
            with client.budget(usd=1), pytest.raises(BudgetExceededError, match="max_tokens"):
                await client.generate_text("?", model="m")
            with client.budget(usd=1, unknown="allow") as budget:
                await client.generate_text("?", model="m")
            assert budget.spent > 0  # what it cost is known afterwards

    asyncio.run(main())


def test_what_is_free_passes_an_empty_budget() -> None:
    """A model that costs nothing needs no money."""

    async def main() -> None:
        free = spec("m", costs=Costs(input=Decimal(0), output=Decimal(0)), max_tokens=1000)
        async with client_of(Script(), free) as client:
            with client.budget(usd=0) as budget:
                await client.generate_text("?", model="m")
        assert budget.spent == 0

    asyncio.run(main())


def test_nested_budgets() -> None:
    """A call counts in all of them, and needs room in all of them."""

    async def main() -> None:
        script = Script()
        async with client_of(script) as client:
            with client.budget(usd=1) as outer:
                await client.generate_text("?", model="m", max_tokens=100)
                with client.budget(usd="0.0001") as inner:
                    with pytest.raises(BudgetExceededError):
                        await client.generate_text("?", model="m", max_tokens=100)
                    await client.generate_text("?", model="m", max_tokens=5)
                assert outer.reserved == 0
        assert inner.spent > 0
        assert outer.spent == 2 * inner.spent

    asyncio.run(main())


def test_a_budget_of_the_client() -> None:
    """All its calls count in it, streams included; it is no other client's."""

    async def main() -> None:
        script = Script()
        async with client_of(script, budget_usd="0.01") as client, client_of(script) as other:
            total = client.total_budget
            assert total is not None
            await client.generate_text("?", model="m", max_tokens=100)
            once = total.spent
            with client.budget(usd=1) as budget:
                await other.generate_text("?", model="m")
                assert budget.spent == 0
            script.answers = ["Rhi", "ne", ANSWER]
            async with client.stream_text("?", model="m", max_tokens=100) as stream:
                assert [delta async for delta in stream] == ["Rhi", "ne"]
            assert total.spent == 2 * once
            assert other.total_budget is None

    asyncio.run(main())


def test_a_stream_counts_in_the_budget_it_was_begun_in() -> None:
    """Also where it is read after the block; one that is left early counts as the most it may have cost."""

    async def main() -> None:
        script = Script(["Rhi", "ne", ANSWER])
        async with client_of(script) as client:
            with client.budget(usd=1) as budget:
                stream = client.stream_text("?", model="m", max_tokens=100)
            async with stream:
                await anext(stream)
                assert budget.reserved == most()
            assert budget.estimated == most()

    asyncio.run(main())


def test_objects_images_and_pages() -> None:
    """Every kind of call counts, the repair of an object as well."""

    async def main() -> None:
        script = Script(["no object", '{"river": "Rhine"}'])
        async with client_of(script, spec("m"), OCR, PAINTER) as client:
            with client.budget(usd=1) as budget:
                schema = {"type": "object", "properties": {"river": {"type": "string"}}, "required": ["river"]}
                made = await client.generate_object("?", schema, model="m", max_tokens=100)
                assert budget.spent == made.cost.amount  # type: ignore[union-attr]  # it has prices
                script.answers = ["x"]
                before = budget.spent
                await client.generate_image("?", model="painter", number=2)
                assert budget.spent - before == Decimal("0.08")
                await client.extract(PNG, model="ocr")
                assert budget.spent - before == Decimal("0.082")

    asyncio.run(main())


def test_threads_of_a_synchronous_client() -> None:
    """A block counts the calls of its thread; another thread enters the same budget, or runs in a copy of the context."""
    script = Script()
    deck = deck_of(spec("m"))
    with Client(deck, plugins_for({"scripted": script})) as client, ThreadPoolExecutor(4) as threads:

        def ask() -> Decimal:
            return client.generate_text("?", model="m", max_tokens=100).cost.amount  # type: ignore[union-attr]

        def ask_inside(budget: Budget) -> Decimal:
            with budget:
                return ask()

        with client.budget(usd=1) as budget:
            one = ask()
            assert threads.submit(ask).result() == one
            assert budget.spent == one
            assert threads.submit(copy_context().run, ask).result() == one
            assert budget.spent == 2 * one
            list(threads.map(ask_inside, [budget] * 20))
            assert budget.spent == 22 * one
        ask()
        assert budget.spent == 22 * one


def test_the_same_budget_twice_counts_once() -> None:
    """A block inside a block of the same budget."""

    async def main() -> None:
        async with client_of(Script()) as client:
            with client.budget(usd=1) as budget, budget:
                result = await client.generate_text("?", model="m", max_tokens=100)
            assert budget.spent == result.cost.amount  # type: ignore[union-attr]  # it has prices
            await client.generate_text("?", model="m", max_tokens=100)
            assert budget.spent == result.cost.amount  # type: ignore[union-attr]

    asyncio.run(main())


@pytest.mark.parametrize("usd", [-1, "ten", float("nan"), "Infinity", True, None, [1]])
def test_an_amount_that_is_none(usd: Any) -> None:
    """It is refused where the budget is made."""
    with pytest.raises(UnsupportedInputError, match="an amount of US"):
        Budget(usd)


def test_another_word_for_unknown() -> None:
    """There are two."""
    with pytest.raises(UnsupportedInputError, match="'refuse' or 'allow'"):
        Budget(1, unknown="maybe")  # type: ignore[arg-type]  # what this test is about


amounts = st.integers(0, 40)
steps = st.lists(st.tuples(st.sampled_from(["reserve", "settle", "fail", "lose"]), amounts, amounts), max_size=40)


@PROPERTY
@given(limit=st.integers(0, 60), inner=st.integers(0, 60), steps=steps)
@example(limit=0, inner=0, steps=[("reserve", 0, 0), ("settle", 1, 0), ("reserve", 0, 0)])  # overdrawn
def test_whatever_happens(limit: int, inner: int, steps: list[tuple[str, int, int]]) -> None:
    """What is spent and reserved never passes a limit by more than what attempts cost above their reservation.

    What costs nothing fits in any case, into a budget that was overdrawn too.
    """
    unit = Decimal("0.000001")
    budgets = (Budget(limit * unit), Budget(inner * unit))
    free = spec("m", costs=Costs(input=Decimal(0), output=Decimal(1)))
    held: list[tuple[Budgeted, Attempting, int]] = []
    above = 0
    for kind, first, second in steps:
        if kind == "reserve":
            request = TextRequest(spec=free, messages=(Message(role="user", parts=(TextPart("?"),)),), max_tokens=first)
            fits = first == 0 or all(
                budget.spent + budget.reserved + first * unit <= budget.limit for budget in budgets
            )
            attempting = Attempting(free, TEXT, budgets=budgets, request=request, sent=True)
            budgeted = Budgeted(attempting, None)
            try:
                budgeted.reserve()
            except BudgetExceededError:
                assert not fits
            else:
                assert fits
                held.append((budgeted, attempting, first))
        elif held:
            budgeted, attempting, reserved = held.pop(second % len(held))
            if kind == "settle":
                attempting.usage = Usage(input_tokens=1, output_tokens=first)
                above += max(0, first - reserved)
                budgeted.settle(None)
            elif kind == "fail":
                budgeted.settle(ServerError("no", status=500))
            else:
                budgeted.settle(asyncio.CancelledError())
        for budget in budgets:
            assert budget.spent + budget.reserved <= budget.limit + above * unit
            assert budget.reserved == sum(reserved for *_, reserved in held) * unit
    assert budgets[0].spent == budgets[1].spent


def test_many_threads_at_once() -> None:
    """Reserving in threads loses nothing, and never overdraws."""
    budget = Budget("0.001")
    model = spec("m", costs=Costs(input=Decimal(0), output=Decimal(1)))
    request = TextRequest(spec=model, messages=(), max_tokens=10)
    overdrawn = []

    def work() -> None:
        for _ in range(300):
            budgeted = Budgeted(Attempting(model, TEXT, budgets=(budget,), request=request), None)
            try:
                budgeted.reserve()
            except BudgetExceededError:
                continue
            if budget.spent + budget.reserved > budget.limit:
                overdrawn.append(1)
            budgeted.settle(None)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not overdrawn
    assert (budget.spent, budget.reserved) == (ZERO, ZERO)
