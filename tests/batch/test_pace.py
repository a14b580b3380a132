"""A run slows down before it is refused, by what the provider says of its limits."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import attrs
import pytest

from pipelex_batch.engine import run
from pipelex_batch.pace import Pace, seconds_of_span, seconds_until
from pipelex_batch.settings import BatchSettings
from tests.batch.project import BillingServer, client_in, write_project, write_rows
from tests.servers.base import Received, Reply, in_thread
from tests.servers.openai_server import error

if TYPE_CHECKING:
    from pathlib import Path

LIMIT, A_SECOND = 30, 60.0
ROWS = 150


class LimitedServer(BillingServer):
    """A bucket of requests that fills up steadily, and refuses where it is empty."""

    def __init__(self, *, says: bool) -> None:
        super().__init__()
        self.says = says
        self.limited = 0
        self._held = float(LIMIT)
        self._at = time.monotonic()

    async def answer(self, request: Received) -> Reply:
        """Count, and say in the headers what remains."""
        now = time.monotonic()
        self._held = min(self._held + (now - self._at) * A_SECOND, LIMIT)
        self._at = now
        if self._held < 1:
            self.limited += 1
            return error(429, "slow down", code="rate_limit_exceeded")
        self._held -= 1
        reply = await super().answer(request)
        reset = f"{(LIMIT - self._held) / A_SECOND * 1000:.0f}ms"
        names = ("limit", str(LIMIT)), ("remaining", str(int(self._held))), ("reset", reset)
        headers = {f"x-ratelimit-{name}-requests": value for name, value in names}
        return attrs.evolve(reply, headers={**reply.headers, **headers}) if self.says else reply


@pytest.mark.parametrize("says", [True, False])
def test_nothing_is_refused_where_the_provider_says_what_remains(tmp_path: Path, says: bool) -> None:
    """And where it does not, rows are: the limit is one."""
    server = LimitedServer(says=says)
    with in_thread(server):
        write_project(tmp_path, server.url)
        write_rows(tmp_path / "q.jsonl", [{"prompt": f"question {n}"} for n in range(ROWS)])
        settings = BatchSettings(inputs=(str(tmp_path / "q.jsonl"),), output=str(tmp_path / "a.jsonl"), model="smart")
        report = run(settings, client_in(tmp_path), concurrency=8)
    assert report.done + report.failed == ROWS
    if says:
        assert (server.limited, report.failed) == (0, 0)


def bucket(remaining: int, reset: str, kind: str = "requests") -> dict[str, str]:
    return {
        f"x-ratelimit-limit-{kind}": "1000",
        f"x-ratelimit-remaining-{kind}": str(remaining),
        f"x-ratelimit-reset-{kind}": reset,
    }


def test_only_a_limit_that_is_near_slows_a_run_down() -> None:
    """Then calls begin as fast as it fills up again; tokens by what a call uses in the mean."""
    pace = Pace(4)
    assert pace.turn() == 0
    pace.hear("one.example", bucket(800, "10s"))
    assert pace.interval() == 0
    pace.hear("one.example", bucket(100, "9s"))
    assert pace.interval() == pytest.approx(0.01)
    assert pace.turn() == 0
    assert 0 < pace.turn() <= 0.01
    pace.used(50)
    pace.used(150)
    pace.hear("other.example", bucket(100, "9s", "tokens"))
    assert pace.interval() == pytest.approx(1.0)
    pace.hear("other.example", bucket(990, "9s", "tokens"))
    assert pace.interval() == pytest.approx(0.01)
    pace.hear("one.example", bucket(100, "0s"))
    assert pace.interval() == 0


def test_workers_share_a_pace() -> None:
    """Each goes as slowly as lets all of them keep to the limit together, and sooner: more has begun that is not counted."""
    pace = Pace(4, 3)
    pace.hear("one.example", bucket(100, "9s"))
    assert pace.interval() == pytest.approx(0.03)
    pace.hear("one.example", {**bucket(23, "1s"), "x-ratelimit-limit-requests": "100"})
    assert pace.interval() == pytest.approx(3 / 77)
    alone = Pace(4)
    alone.hear("one.example", {**bucket(23, "1s"), "x-ratelimit-limit-requests": "100"})
    assert alone.interval() == 0


def test_anthropics_headers_have_times() -> None:
    """Of each of its kinds."""
    pace = Pace(1)
    until = (datetime.now(UTC) + timedelta(seconds=90)).isoformat().replace("+00:00", "Z")
    names = {"limit": "100", "remaining": "10", "reset": until}
    pace.hear("anthropic.example", {f"anthropic-ratelimit-requests-{name}": value for name, value in names.items()})
    assert pace.interval() == pytest.approx(1.0, abs=0.05)


def test_headers_that_are_none_are_nothing() -> None:
    """A run goes on as if they were not there."""
    pace = Pace(1)
    pace.hear("x.example", bucket(1, "soon"))
    pace.hear("x.example", {**bucket(1, "9s"), "x-ratelimit-limit-requests": "many"})
    pace.hear("x.example", {**bucket(0, "9s"), "x-ratelimit-limit-requests": "0"})
    assert pace.interval() == 0


@pytest.mark.parametrize(
    "text,seconds",
    [
        ("6m0s", 360),
        ("1h2m3s", 3723),
        ("20ms", 0.02),
        ("7.66s", 7.66),
        ("12", 12),
        ("2m59.56s", 179.56),
        ("", None),
        ("1.2.3s", None),
    ],
)
def test_spans(text: str, seconds: float | None) -> None:
    """As OpenAI and Groq write them."""
    found = seconds_of_span(text)
    assert found is None if seconds is None else found == pytest.approx(seconds)


def test_a_time_that_is_over_is_now() -> None:
    """And one that is none is nothing."""
    assert seconds_until("2020-01-01T00:00:00Z") == 0
    assert seconds_until("tomorrow") is None
