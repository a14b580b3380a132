"""Pace by what a provider says of its limits in the headers of its answers: a run slows down before it is refused.

OpenAI, Groq, xAI and others: `x-ratelimit-…` (https://platform.openai.com/docs/guides/rate-limits). Anthropic:
`anthropic-ratelimit-…` (https://platform.claude.com/docs/en/api/rate-limits). Both are buckets that fill up steadily: `reset` is
when a bucket is full again, so that what it lacks, by the time until then, is how fast it fills.
"""

from __future__ import annotations

import re
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from attrs import frozen

from pipelex_core.sending import answers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NEAR = 0.2
"""The share of a limit below which a run keeps to the pace at which it fills."""
_LONGEST = 60.0
"""Seconds between two calls at most: beyond, a refusal and its `retry-after` know better."""
_KINDS = ("requests", "tokens", "input-tokens", "output-tokens")
_SPAN = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:([\d.]+)s)?(?:([\d.]+)ms)?")


@frozen
class _Bucket:
    """A limit, as it was in an answer.

    Attributes:
        limit: What it holds when it is full.
        remaining: What it held.
        full_at: When it is full again; monotonic, in seconds.
        heard_at: When the answer came.
    """

    limit: float
    remaining: float
    full_at: float
    heard_at: float

    @property
    def seconds(self) -> float:
        """Seconds in which one of what it holds comes back."""
        lacking = max(self.limit - self.remaining, 1.0)
        return max(self.full_at - self.heard_at, 0.0) / lacking


class Pace:
    """How fast a run may begin calls.

    Args:
        concurrency: Calls under way at most: so many have begun that the provider has not counted yet.
        sharers: How many processes keep to the same limits, each of which has a pace of its own.
    """

    def __init__(self, concurrency: int, sharers: int = 1) -> None:
        self._concurrency = concurrency * sharers
        self._sharers = sharers
        self._buckets: dict[tuple[str, str], _Bucket] = {}
        self._tokens = self._calls = 0
        self._next = 0.0

    @contextmanager
    def hearing(self) -> Iterator[None]:
        """Hear the headers of the answers to the calls that are begun inside."""
        token = answers.set(self.hear)
        try:
            yield
        finally:
            answers.reset(token)

    def hear(self, host: str, headers: Mapping[str, str]) -> None:
        """Take the headers of an answer."""
        now = time.monotonic()
        for kind in _KINDS:
            for names, seconds_of in (
                (_openai_names(kind), seconds_of_span),
                (_anthropic_names(kind), seconds_until),
            ):
                limit, remaining, reset = (headers.get(name) for name in names)
                if limit is None or remaining is None or reset is None:
                    continue
                seconds = seconds_of(reset)
                try:
                    found = _Bucket(float(limit), float(remaining), now + (seconds or 0.0), now)
                except ValueError:
                    continue
                if seconds is not None and found.limit > 0:
                    self._buckets[host, kind] = found

    def used(self, tokens: int) -> None:
        """Take in what a call used: the limits of tokens are shared out by the mean."""
        self._tokens += tokens
        self._calls += 1

    def interval(self) -> float:
        """Seconds to leave between two calls; 0 where no limit is near."""
        now = time.monotonic()
        found = 0.0
        for (_, kind), bucket in self._buckets.items():
            unit = 1.0 if kind == "requests" else self._tokens / self._calls if self._calls else 0.0
            near = max(bucket.limit * _NEAR, 2 * self._concurrency * unit)
            if now < bucket.full_at and bucket.remaining < near:
                found = max(found, bucket.seconds * unit)
        return min(found * self._sharers, _LONGEST)

    def turn(self) -> float:
        """Take the next turn: seconds to wait for it."""
        now = time.monotonic()
        at = max(now, self._next)
        self._next = at + self.interval()
        return at - now


def _openai_names(kind: str) -> tuple[str, str, str]:
    return f"x-ratelimit-limit-{kind}", f"x-ratelimit-remaining-{kind}", f"x-ratelimit-reset-{kind}"


def _anthropic_names(kind: str) -> tuple[str, str, str]:
    start = f"anthropic-ratelimit-{kind}"
    return f"{start}-limit", f"{start}-remaining", f"{start}-reset"


def seconds_of_span(text: str) -> float | None:
    """Seconds of a span such as `1m6.5s`, `20ms` or `12`; None for anything else."""
    try:
        return float(text)
    except ValueError:
        pass
    found = _SPAN.fullmatch(text.strip())
    if not text.strip() or found is None:
        return None
    try:
        hours, minutes, seconds, milliseconds = (float(each or 0) for each in found.groups())
    except ValueError:
        return None
    return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000


def seconds_until(text: str) -> float | None:
    """Seconds until a time in RFC 3339; None for anything else."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return max(((at if at.tzinfo else at.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds(), 0.0)
