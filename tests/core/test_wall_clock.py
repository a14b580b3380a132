"""The clock on the wall may jump, both ways: no call, wait, rest or limit is decided by it."""

from __future__ import annotations

import ast
import asyncio
import itertools
import time
from pathlib import Path

import pytest
from attrs import evolve

import pipelex_core
from pipelex_core import AsyncClient, Client, CooldownPolicy, DeadlineExceededError, RateLimitError, RetryPolicy
from pipelex_core.results import TextAnswer
from pipelex_core.specs import Limits
from tests.support.scripted import USAGE, Script, deck_of, plugins_for, spec

READERS = {
    "costs.py": "prices that differ by the hour of the day",
    "headers.py": "a date to wait until, where the answer does not say its own",
    "specs.py": "whether a model is retired today",
}
"""Who may look at it, and why."""

ANSWER = TextAnswer(text="Po", finish_reason="stop", usage=USAGE)


def test_the_wall_clock_is_read_in_few_places() -> None:
    """Every other module of core has the monotonic clock."""
    root = Path(pipelex_core.__file__).parent
    found = {
        file.relative_to(root).as_posix()
        for file in root.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in WALL
    }
    assert found == set(READERS)


WALL = {
    "time.time",
    "time.time_ns",
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
    "time.localtime",
}


@pytest.fixture(params=["forwards", "backwards", "both ways"])
def jumps(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wall clock that is a month off each time it is read."""
    month = 30 * 24 * 3600.0
    steps = {"forwards": itertools.count(0, month), "backwards": itertools.count(0, -month)}.get(request.param)
    moves = steps or (sign * month for sign in itertools.cycle((1, -1)))
    began = time.time()
    monkeypatch.setattr("time.time", lambda: began + next(moves))
    monkeypatch.setattr("time.time_ns", lambda: int((began + next(moves)) * 1e9))


@pytest.mark.usefixtures("jumps")
def test_a_call_with_every_clock_is_answered_in_time() -> None:
    """A wait before a retry, a limit per minute with room, a member that rests, and a deadline that is far away."""
    busy = RateLimitError("busy", status=429, retry_after=0.05)
    scripts = {"one": Script(answers=[busy, ANSWER, ANSWER]), "two": Script(answers=[ANSWER, ANSWER])}
    deck = deck_of(*(spec(name, sdk=name) for name in scripts), aliases={"all": list(scripts)})
    backends = {
        name: evolve(
            config,
            retry=RetryPolicy(initial_wait=0.01),
            cooldown=CooldownPolicy(),
            limits=Limits(requests_per_minute=100, tokens_per_minute=1_000_000),
        )
        for name, config in deck.backends.items()
    }
    began = time.monotonic()
    with Client(evolve(deck, backends=backends), plugins_for(scripts)) as client:
        answers = [client.generate_text("Rivers?", model=model, deadline=30).text for model in ("one", "all", "two")]
    assert answers == ["Po"] * 3
    assert time.monotonic() - began < 20


@pytest.mark.usefixtures("jumps")
def test_a_deadline_is_kept() -> None:
    """Neither at once nor never."""

    async def main() -> float:
        slow = Script(answers=[60.0, ANSWER])
        async with AsyncClient(deck_of(spec("m")), plugins_for({"scripted": slow})) as client:
            began = time.monotonic()
            with pytest.raises(DeadlineExceededError):
                await client.generate_text("Rivers?", model="m", deadline=0.3)
            return time.monotonic() - began

    assert 0.29 <= asyncio.run(main()) < 20
