"""Whatever the pattern of failures: the outcome of a call, and its ledger, are those of a simple oracle."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelex_core import (
    AllAttemptsFailedError,
    AsyncClient,
    AuthenticationError,
    BadRequestError,
    CallError,
    ContentFilterError,
    CooldownPolicy,
    InvalidAnswerError,
    NotFoundError,
    OverloadedError,
    PluginError,
    ProviderConnectionError,
    RateLimitError,
    RetryPolicy,
    ServerError,
    StreamRestarted,
    UnsupportedInputError,
    Usage,
)
from pipelex_core.results import TextAnswer
from tests.support.scripted import USAGE, Script, ScriptedBackend, deck_of, plugins_for, spec

NAMES = "abcd"
ERRORS: dict[str, Any] = {
    "500": lambda: ServerError("down", status=500, request_id="r500"),
    "503": lambda: OverloadedError("full", status=503, retry_after=0.0),
    "429": lambda: RateLimitError("slow", status=429),
    "none": lambda: ProviderConnectionError("gone"),
    "open": lambda: ServerError("down", status=502, unsettled=True),
    "400": lambda: BadRequestError("no", status=400),
    "filter": lambda: ContentFilterError("no", status=400),
    "401": lambda: AuthenticationError("who", status=401),
    "404": lambda: NotFoundError("what", status=404),
    "html": lambda: InvalidAnswerError("html", usage=Usage(input_tokens=1, output_tokens=2)),
    "image": lambda: UnsupportedInputError("no images"),
    "bug": lambda: ValueError("boom"),
}
AGAIN = {"500", "503", "429", "none"}
MOVES_ON = {
    "unavailable": {"image", "401", "404", "html"},
    "provider": {"image", "open", "401", "404", "html", "bug"},
    "any": {"image", "open", "401", "404", "html", "bug", "400", "filter"},
}
kinds = st.sampled_from(["ok", *ERRORS])
chains = st.lists(st.lists(kinds, min_size=4, max_size=4), min_size=1, max_size=4)
policies = st.sampled_from(["unavailable", "provider", "any"])


def class_of(kind: str) -> str:
    """The name of the error's class that callers see."""
    return "PluginError" if kind == "bug" else type(ERRORS[kind]()).__name__


def oracle(chain: list[list[str]], retries: int, fallback_on: str) -> tuple[str, list[tuple[str, str]]]:
    """Round after round along the chain, until one answers, one ends the call, or nobody is left."""
    ledger: list[tuple[str, str]] = []
    last: dict[str, str] = {}
    remaining = dict.fromkeys(NAMES[: len(chain)])
    for round_ in range(retries + 1):
        for name in list(remaining):
            kind = chain[NAMES.index(name)][round_]
            ledger.append((name, kind))
            if kind == "ok":
                return f"{name} answered", ledger
            last[name] = kind
            if kind in AGAIN:
                continue
            if kind not in MOVES_ON[fallback_on]:
                return class_of(kind), ledger
            del remaining[name]
    return (class_of(next(iter(last.values()))) if len(last) == 1 else "AllAttemptsFailedError"), ledger


class Kinds(ScriptedBackend):
    """Answers by kind, each member from a script of its own."""

    async def generate_text(self, request: Any) -> Any:
        kind = await self.script.play()
        if kind == "ok":
            return TextAnswer(text=request.spec.name, finish_reason="stop", usage=USAGE, request_id="rok")
        error: Exception = ERRORS[kind]()
        raise error

    async def stream_text(self, request: Any) -> Any:
        kind = await self.script.play()
        before, _, after = kind.rpartition("+")
        for piece in before:
            yield piece
        if after != "ok":
            error: Exception = ERRORS[after]()
            raise error
        yield request.spec.name
        yield TextAnswer(text=request.spec.name, finish_reason="stop", usage=USAGE)


def client_of(chain: list[list[str]], retry: RetryPolicy, cooldown: CooldownPolicy) -> AsyncClient:
    """A client whose alias `all` is the chain."""
    scripts = {name: Script(answers=[*kinds, "never"]) for name, kinds in zip(NAMES, chain, strict=False)}
    deck = deck_of(*(spec(name, sdk=name) for name in scripts), aliases={"all": list(scripts)})
    backends = {name: evolve(config, retry=retry, cooldown=cooldown) for name, config in deck.backends.items()}
    return AsyncClient(evolve(deck, backends=backends), plugins_for(scripts, kind=Kinds))


NO_WAIT = RetryPolicy(initial_wait=0)
NO_REST = CooldownPolicy(failures=0)


@settings(max_examples=300, deadline=None)
@given(chains, st.integers(0, 3), policies, st.sampled_from([None, 60.0]))
def test_a_call_ends_as_the_oracle_says(
    chain: list[list[str]], retries: int, fallback_on: Any, deadline: float | None
) -> None:
    """Outcome and ledger; with a deadline, whose task is another way, too."""
    expected, ledger = oracle(chain, retries, fallback_on)

    async def main() -> Any:
        async with client_of(chain, evolve(NO_WAIT, retries=retries, fallback_on=fallback_on), NO_REST) as client:
            return await client.generate_text("x", model="all", deadline=deadline)

    outcome, attempts = "", ()
    try:
        result = asyncio.run(main())
    except (CallError, PluginError) as error:
        outcome, attempts = type(error).__name__, error.attempts
    else:
        outcome, attempts = f"{result.model} answered", result.attempts
    assert outcome == expected
    reported = [
        (attempt.model, attempt.outcome, attempt.error, attempt.status, attempt.request_id) for attempt in attempts
    ]
    assert reported == [
        (name, "ok", None, None, "rok")
        if kind == "ok"
        else (
            name,
            "error",
            class_of(kind),
            getattr(ERRORS[kind](), "status", None),
            getattr(ERRORS[kind](), "request_id", None),
        )
        for name, kind in ledger
    ]
    for attempt, (_, kind) in zip(attempts, ledger, strict=True):
        used = {"ok": USAGE, "html": Usage(input_tokens=1, output_tokens=2)}.get(kind)
        assert attempt.usage == used
        assert (attempt.cost is None) == (kind in {"open", "bug"})
        assert attempt.is_free == (kind not in {"ok", "html", "open", "bug"})


@settings(max_examples=100, deadline=None)
@given(chains, st.integers(0, 3), policies)
def test_what_a_call_says_wins_over_its_backends(chain: list[list[str]], retries: int, fallback_on: Any) -> None:
    """`retries` and `fallback_on` of a call do what the backend's would."""
    expected, ledger = oracle(chain, retries, fallback_on)

    async def main() -> tuple[str, int]:
        async with client_of(chain, evolve(NO_WAIT, retries=1, fallback_on="provider"), NO_REST) as client:
            try:
                result = await client.generate_text("x", model="all", retries=retries, fallback_on=fallback_on)
            except (CallError, PluginError) as error:
                return type(error).__name__, len(error.attempts)
            return f"{result.text} answered", len(result.attempts)

    assert asyncio.run(main()) == (expected, len(ledger))


events = st.tuples(st.sampled_from(["", "xy"]), kinds).map("+".join)
streams = st.lists(st.lists(events, min_size=4, max_size=4), min_size=1, max_size=3)


def stream_oracle(chain: list[list[str]], retries: int, *, restarts: bool) -> tuple[str, list[str]]:
    """As `oracle`, for streams with the policy `unavailable`: the outcome, and what a reader sees."""
    seen: list[str] = []
    requested: dict[str, str] = {}
    remaining = dict.fromkeys(NAMES[: len(chain)])
    pending = False
    for round_ in range(retries + 1):
        for name in list(remaining):
            text, kind = chain[NAMES.index(name)][round_].split("+")
            if pending:
                seen.append("restarted")
                pending = False
            seen += text
            if kind == "ok":
                return "ok", [*seen, name]
            requested[name] = kind
            if text and not restarts:
                return class_of(kind), seen
            if kind in AGAIN or (text and kind == "html"):
                pending = bool(text)
                continue
            if kind not in MOVES_ON["unavailable"]:
                return class_of(kind), seen
            pending = bool(text)
            del remaining[name]
    return (class_of(next(iter(requested.values()))) if len(requested) == 1 else "AllAttemptsFailedError"), seen


@settings(max_examples=300, deadline=None)
@given(streams, st.integers(0, 3), st.booleans(), st.sampled_from([None, 60.0]), st.sampled_from([None, 60.0]))
def test_a_stream_ends_as_the_oracle_says(
    chain: list[list[str]], retries: int, restarts: bool, deadline: float | None, idle_timeout: float | None
) -> None:
    """Every delta, every restart and the end; the clocks change nothing of it."""
    expected, expected_seen = stream_oracle(chain, retries, restarts=restarts)
    seen: list[str] = []

    async def main() -> str:
        async with client_of(chain, evolve(NO_WAIT, retries=retries), NO_REST) as client:
            stream = client.stream_text(
                "x",
                model="all",
                deadline=deadline,
                idle_timeout=idle_timeout,
                on_interrupted="restart" if restarts else "error",
            )
            try:
                async for event in stream:
                    if isinstance(event, StreamRestarted):
                        assert event.partial_text == "xy"
                        assert event.model in NAMES
                    seen.append(event if isinstance(event, str) else "restarted")
            except (CallError, PluginError) as error:
                return type(error).__name__
            assert stream.result.text == stream.result.model
            return "ok"

    assert asyncio.run(main()) == expected
    assert seen == expected_seen


def test_no_retry_waits_beyond_the_deadline() -> None:
    """Where the wait before a retry would outlast the call, the error is told at once."""

    async def main() -> Any:
        slow = RetryPolicy(initial_wait=1e6, longest_wait=1e6)
        async with client_of([["500", "ok"], ["429", "ok"]], slow, NO_REST) as client:
            with pytest.raises(AllAttemptsFailedError) as caught:
                await client.generate_text("x", model="all", deadline=60)
            return caught.value.attempts

    assert [attempt.model for attempt in asyncio.run(main())] == ["a", "b"]
