"""Calls that survive: fallback, rests shared by a client, restarted streams, and a ledger that tells the truth."""

from __future__ import annotations

import asyncio
import threading
from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve

from pipelex_core import (
    AllAttemptsFailedError,
    AsyncClient,
    AsyncRestartingTextStream,
    AsyncTextStream,
    AuthenticationError,
    CallError,
    Client,
    ContentFilterError,
    CooldownPolicy,
    InvalidAnswerError,
    NotFoundError,
    PermissionDeniedError,
    PluginError,
    RateLimitError,
    RestartingTextStream,
    RetryPolicy,
    ServerError,
    StreamRestarted,
    TextStream,
    Usage,
)
from pipelex_core.results import TextAnswer
from tests.support.scripted import PAINTER, USAGE, Script, deck_of, plugins_for, spec

ANSWER = TextAnswer(text="Po", finish_reason="stop", usage=USAGE)


def down() -> ServerError:
    """A provider that cannot now."""
    return ServerError("down", status=500)


def chain_of(
    scripts: dict[str, Script],
    *,
    retry: RetryPolicy | None = None,
    cooldown: CooldownPolicy | None = None,
    **hooks: Any,
) -> tuple[Any, Any]:
    """A deck whose alias `all` leads along the scripts, and its plugins; retries do not wait by default."""
    deck = deck_of(*(spec(name, sdk=name) for name in scripts), PAINTER, aliases={"all": list(scripts)})
    backends = {
        name: evolve(config, retry=retry or RetryPolicy(initial_wait=0), cooldown=cooldown or CooldownPolicy())
        for name, config in deck.backends.items()
    }
    return evolve(deck, backends=backends), plugins_for(scripts, **hooks)


def test_a_failing_first_member_gets_one_request_and_then_rests() -> None:
    """Each of the first three calls asks it once; then it is passed over, which the ledger tells, until it is tried."""
    first, second = Script(answers=[down()]), Script()
    with Client(*chain_of({"a": first, "b": second}, cooldown=CooldownPolicy(failures=3, seconds=0.5))) as client:
        for number in range(1, 4):
            result = client.generate_text("x", model="all")
            assert len(first.requests) == number
            assert [(a.model, a.outcome) for a in result.attempts] == [("a", "error"), ("b", "ok")]
        for _ in range(3):
            result = client.generate_text("x", model="all")
            assert [(a.model, a.outcome, a.error) for a in result.attempts] == [
                ("a", "skipped", "ServerError"),
                ("b", "ok", None),
            ]
            assert result.total_cost == result.cost
        assert len(first.requests) == 3
        first.answers = ["I am back"]
        threading.Event().wait(0.6)
        assert client.generate_text("x", model="all").model == "a"
        assert [a.outcome for a in client.generate_text("x", model="all").attempts] == ["ok"]


def test_a_member_that_rests_is_asked_where_nobody_else_can_answer() -> None:
    """Alone, or when the others failed, or when all rest: then first the one that rests shortest."""
    first, second = Script(answers=[RateLimitError("slow", retry_after=90)]), Script(answers=[down()])
    with Client(*chain_of({"a": first, "b": second}, retry=RetryPolicy(retries=0))) as client:
        for _ in range(3):
            with pytest.raises(AllAttemptsFailedError):
                client.generate_text("x", model="all")
        requested = len(first.requests), len(second.requests)
        with pytest.raises(AllAttemptsFailedError) as caught:
            client.generate_text("x", model="all")
        assert [attempt.model for attempt in caught.value.attempts if attempt.outcome == "error"] == ["b", "a"]
        assert (len(first.requests), len(second.requests)) == (requested[0] + 1, requested[1] + 1)
        with pytest.raises(RateLimitError):
            client.generate_text("x", model="a")
        assert len(first.requests) == requested[0] + 2
        first.answers = ["back"]
        assert client.generate_text("x", model="all").model == "a"


def test_a_rest_is_shared_by_all_calls_of_a_client() -> None:
    """Over event loops and threads; another client knows nothing of it."""
    first = Script(answers=[RateLimitError("slow", retry_after=90)])
    parts = chain_of({"a": first, "b": Script()})
    client = AsyncClient(*parts)
    for _ in range(2):
        asyncio.run(client.generate_text("x", model="all"))
    assert len(first.requests) == 1
    threads = [threading.Thread(target=lambda: asyncio.run(client.generate_text("x", model="all"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(first.requests) == 1
    asyncio.run(AsyncClient(*parts).generate_text("x", model="all"))
    assert len(first.requests) == 2


def test_a_wrong_request_neither_rests_nor_moves_on() -> None:
    """It says nothing of the member's health."""
    first = Script(answers=[ContentFilterError("no", status=400)])
    with Client(*chain_of({"a": first, "b": Script()})) as client:
        for _ in range(5):
            with pytest.raises(ContentFilterError):
                client.generate_text("x", model="all")
        assert len(first.requests) == 5
        assert client.generate_text("x", model="all", fallback_on="any").model == "b"


CANNOT = {
    "refused key": AuthenticationError("stranger", status=401),
    "missing permission": PermissionDeniedError("barred", status=403),
    "unknown model": NotFoundError("unheard of", status=404),
    "a page instead of an answer": InvalidAnswerError("<html>"),
}


@pytest.mark.parametrize("error", CANNOT.values(), ids=list(CANNOT))
def test_a_chain_moves_on_where_a_provider_cannot(error: CallError, caplog: pytest.LogCaptureFixture) -> None:
    """The next member answers, one warning names who could not and never what it said; the member is not asked again and rests."""
    first = Script(answers=[error])
    with Client(*chain_of({"a": first, "b": Script()})) as client:
        result = client.generate_text("x", model="all")
        assert (result.model, [attempt.outcome for attempt in result.attempts]) == ("b", ["error", "ok"])
        (record,) = [
            each for each in caplog.records if each.levelname == "WARNING" and "cannot answer" in each.getMessage()
        ]
        assert "model 'a' of backend 'a'" in record.getMessage()
        assert error.message not in record.getMessage()
        for _ in range(4):
            client.generate_text("x", model="all")
        assert len(first.requests) == 3  # and then it rests


@pytest.mark.parametrize("error", CANNOT.values(), ids=list(CANNOT))
def test_what_a_provider_cannot_is_the_error_where_no_other_member_is(
    error: CallError, caplog: pytest.LogCaptureFixture
) -> None:
    """A model alone raises its own error after one request, without a warning; the last member of a chain is like it."""
    first = Script(answers=[error])
    with Client(*chain_of({"a": first, "b": Script(answers=[error])})) as client:
        with pytest.raises(type(error)) as caught:
            client.generate_text("x", model="a")
        assert (len(first.requests), len(caught.value.attempts)) == (1, 1)
        assert not [record for record in caplog.records if record.levelname == "WARNING"]
        with pytest.raises(AllAttemptsFailedError):
            client.generate_text("x", model="all")
        assert len([record for record in caplog.records if record.levelname == "WARNING"]) == 1


def test_a_last_resort_is_asked_after_a_member_that_cannot() -> None:
    """No retry is left of a member whose key is refused: the last resort has its turn at once."""
    deck, plugins = chain_of({"a": Script(answers=[CANNOT["refused key"]]), "toy": Script()})
    aliases = {"all": evolve(deck.aliases["all"], last_resort=frozenset({"toy"}))}
    with Client(evolve(deck, aliases=aliases), plugins) as client:
        assert client.generate_text("x", model="all").model == "toy"


def test_a_paid_job_whose_outcome_is_open_is_not_sent_again() -> None:
    """Not to the same member whatever the policy, and to the next one only where that is allowed."""
    first = Script(answers=[ServerError("gone", status=502, unsettled=True)])
    with Client(*chain_of({"a": first, "b": Script()})) as client:
        with pytest.raises(ServerError) as caught:
            client.generate_text("x", model="all", retries=5)
        assert caught.value.total_cost is None
        assert client.generate_text("x", model="all", retries=5, fallback_on="provider").model == "b"
        assert len(first.requests) == 2


def test_the_ledger_counts_what_failed() -> None:
    """Usage and cost of attempts that reported some are in the totals; what is not told makes them unknown."""
    used = Usage(input_tokens=1000, output_tokens=100)
    first = Script(answers=[InvalidAnswerError("cut", usage=used), InvalidAnswerError("cut")])
    with Client(*chain_of({"a": first, "b": Script()})) as client:
        result = client.generate_text("x", model="all", fallback_on="provider")
        assert [attempt.usage for attempt in result.attempts] == [used, USAGE]
        assert result.usage == USAGE
        assert result.total_usage == Usage(input_tokens=1100, output_tokens=110, cached_tokens=40, reasoning_tokens=2)
        assert result.total_cost is not None
        assert result.total_cost.amount == Decimal("0.0028") + Decimal("0.00022")
        result = client.generate_text("x", model="all", fallback_on="provider")
        assert (result.total_usage, result.total_cost) == (None, None)
        first.answers = [down()]
        result = client.generate_text("x", model="all", fallback_on="provider")
        assert result.total_usage == USAGE  # a refused request costs nothing


def test_a_repair_counts_in_the_ledger() -> None:
    """The answer that did not fit was paid, whether its repair fits or not."""
    script = Script(answers=["[]", "{}", "[]"])
    with Client(deck_of(spec("smart")), plugins_for({"scripted": script})) as client:
        result = client.generate_object("x", {"type": "object"}, model="smart")
        assert [attempt.outcome for attempt in result.attempts] == ["ok", "ok"]
        assert result.total_cost is not None
        assert result.total_cost.amount == 2 * Decimal("0.00022")
        with pytest.raises(InvalidAnswerError) as caught:
            client.generate_object("x", {"type": "object"}, model="smart")
        assert caught.value.total_cost == result.total_cost
        assert caught.value.total_usage == result.total_usage


def test_a_repair_that_a_provider_cannot_make_now_is_anothers_call() -> None:
    """The next model of the chain gets the request as it was, and the one that could not repair is asked once."""
    first, second = Script(answers=["[]", down()]), Script(answers=["{}"])
    with Client(*chain_of({"a": first, "b": second})) as client:
        result = client.generate_object("x", {"type": "object"}, model="all")
    assert (result.model, result.value) == ("b", {})
    assert [(attempt.model, attempt.error) for attempt in result.attempts] == [
        *(("a", None), ("a", "ServerError"), ("b", None))
    ]
    assert [len(request.messages) for request in (*first.requests, *second.requests)] == [1, 3, 1]


@pytest.mark.parametrize("answers", [["[]", "[]"], [TextAnswer(text='{"a"', finish_reason="length")]])
def test_an_object_that_one_model_does_not_get_right_is_anothers_where_the_policy_says_so(answers: list[Any]) -> None:
    """As any other answer that is none; the next one may have its answer repaired as well."""
    first, second = Script(answers=list(answers)), Script(answers=["[]", "{}"])
    with Client(*chain_of({"a": first, "b": second})) as client:
        with pytest.raises(InvalidAnswerError):
            client.generate_object("x", {"type": "object"}, model="all")
        assert not second.requests
        first.answers = list(answers)
        result = client.generate_object("x", {"type": "object"}, model="all", fallback_on="provider")
        assert [attempt.model for attempt in result.attempts] == ["a"] * len(answers) + ["b", "b"]
        second.answers = ["[]"]
        first.answers = list(answers)
        with pytest.raises(InvalidAnswerError) as caught:
            client.generate_object("x", {"type": "object"}, model="all", fallback_on="provider")
    assert (caught.value.model, len(caught.value.attempts)) == ("b", len(answers) + 2)


def test_every_kind_of_end_has_its_ledger() -> None:
    """An error that ends a call carries the attempts before it, a plugin's fault and a middleware's own error too."""
    heard: list[Any] = []
    scripts = {"a": Script(answers=[down()]), "b": Script(answers=[ValueError("boom")])}
    with Client(*chain_of(scripts, pipelex_call_finished=lambda call: heard.append(call))) as client:
        with pytest.raises(PluginError) as caught:
            client.generate_text("x", model="all")
        assert [(a.model, a.error) for a in caught.value.attempts] == [("a", "ServerError"), ("b", "PluginError")]

    async def odd(call: Any, proceed: Any) -> Any:
        await proceed(call)
        raise KeyError("odd")

    plugins = plugins_for(
        {"scripted": Script()}, pipelex_middleware=lambda: [odd], pipelex_call_finished=lambda call: heard.append(call)
    )
    with Client(deck_of(spec("smart")), plugins) as client, pytest.raises(KeyError):
        client.generate_text("x", model="smart")
    (attempt,) = heard[-1].attempts
    assert (attempt.outcome, attempt.error, attempt.usage) == ("error", "KeyError", USAGE)

    async def guard(call: Any, proceed: Any) -> Any:
        await proceed(call)
        msg = "not for you"
        raise ContentFilterError(msg)

    plugins = plugins_for({"scripted": Script()}, pipelex_middleware=lambda: [guard])
    with Client(deck_of(spec("smart")), plugins) as client, pytest.raises(ContentFilterError) as refused:
        client.generate_text("x", model="smart")
    assert refused.value.total_usage == USAGE  # it was paid


def test_a_wait_stands_in_the_ledger_and_not_in_the_duration() -> None:
    """With its reason."""
    script = Script(answers=[RateLimitError("slow", status=429, retry_after=0.3), "fine"])
    with Client(*chain_of({"a": script})) as client:
        first, second = client.generate_text("x", model="all").attempts
    assert (first.wait_s, first.wait_reason) == (0.0, None)
    assert second.wait_reason == "retry-after"
    assert 0 < second.wait_s <= 0.33
    assert second.seconds < 0.25


def test_a_stream_that_breaks_begins_again_where_the_call_asked_for_it() -> None:
    """The restart is an event among the deltas; the result is that of the second stream alone."""
    first, second = Script(answers=["Rhi", "ne", down()]), Script(answers=["P", "o", ANSWER])
    with Client(*chain_of({"a": first, "b": second})) as client:
        with client.stream_text("x", model="all", on_interrupted="restart") as stream:
            assert isinstance(stream, RestartingTextStream)
            events = list(stream)
        (restart,) = (event for event in events if isinstance(event, StreamRestarted))
        assert events == ["Rhi", "ne", restart, "P", "o"]
        assert (restart.partial_text, restart.model, restart.backend) == ("Rhine", "a", "a")
        assert isinstance(restart.error, ServerError)
        assert stream.result.text == "Po"
        assert [(a.model, a.outcome) for a in stream.result.attempts] == [("a", "error"), ("b", "ok")]
        assert stream.result.total_cost is None  # nobody knows what the broken half cost
        first.answers = [ANSWER]
        with client.stream_text("x", model="all") as plain:
            assert isinstance(plain, TextStream)


def test_a_stream_that_breaks_and_cannot_begin_again_is_an_error_with_its_text() -> None:
    """No event announces a restart that does not come."""
    script = Script(answers=["Rhi", down(), "Sei", down()])

    async def main() -> None:
        async with AsyncClient(*chain_of({"a": script})) as client:
            stream = client.stream_text("x", model="all", on_interrupted="restart", retries=1)
            assert isinstance(stream, AsyncRestartingTextStream)
            events: list[Any] = []
            with pytest.raises(ServerError) as caught:
                async for event in stream:
                    events.append(event)
            assert [event if isinstance(event, str) else event.partial_text for event in events] == [
                "Rhi",
                "Rhi",
                "Sei",
            ]
            assert caught.value.partial_text == "Sei"
            assert isinstance(client.stream_text("x", model="all"), AsyncTextStream)

    asyncio.run(main())


def test_an_image_chain_does_not_pay_twice() -> None:
    """The default for a submission that may have been taken."""
    script = Script(answers=[ServerError("gone", status=500, unsettled=True)])
    with Client(deck_of(PAINTER), plugins_for({"scripted": script})) as client:
        with pytest.raises(ServerError):
            client.generate_image("x", model="painter")
    assert len(script.requests) == 1


def test_nothing_grows_with_the_number_of_failing_calls() -> None:
    """What is remembered of failures is bounded by the models of the deck."""
    scripts = {"a": Script(answers=[down()]), "b": Script(answers=[RateLimitError("slow", retry_after=9)])}

    async def main() -> None:
        async with AsyncClient(*chain_of(scripts, retry=RetryPolicy(retries=0))) as client:
            for _ in range(200):
                with pytest.raises(AllAttemptsFailedError):
                    await client.generate_text("x", model="all")
            assert len(client._execution._cooldowns.failing) == 2

    asyncio.run(main())
