"""What a caller asks of a call besides its answer: how long it may take, and how hard to try."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NoReturn

from attrs import frozen

from pipelex_core.errors import UnsupportedInputError
from pipelex_core.policies import FALLBACK_ON, FallbackOn, OnInterrupted

if TYPE_CHECKING:
    from collections.abc import Mapping


_LONGEST = 1e9
"""Seconds above which a time is for ever: some thirty years."""

_MOST_RETRIES = 1000


@frozen(kw_only=True)
class Terms:
    """What holds for one call.

    Attributes:
        ends_at: When the caller's time is over (monotonic seconds), or None.
        idle_timeout: Seconds that a provider may be silent, or None.
        retries: How often a member is asked again; None for what its backend says.
        fallback_on: What lets the chain move on; None for what the member's backend says.
        restarts: Whether a stream that breaks begins again.
    """

    ends_at: float | None = None
    idle_timeout: float | None = None
    retries: int | None = None
    fallback_on: FallbackOn | None = None
    restarts: bool = False


NO_TERMS = Terms()

_NAMES = ("deadline", "idle_timeout", "retries", "fallback_on")


def split_terms(
    arguments: Mapping[str, Any], on_interrupted: OnInterrupted = "error"
) -> tuple[Terms, Mapping[str, Any]]:
    """The terms among the arguments of a call, checked, and the other arguments.

    Raises:
        UnsupportedInputError: One of the terms is not what it has to be.
    """
    found = {name: arguments[name] for name in _NAMES if name in arguments}
    others = {name: value for name, value in arguments.items() if name not in found} if found else arguments
    if on_interrupted == "error" and all(value is None for value in found.values()):
        return NO_TERMS, others
    deadline, idle_timeout, retries, fallback_on = map(found.get, _NAMES)
    seconds = _seconds(deadline, "a deadline")
    if retries is not None and (type(retries) is not int or not 0 <= retries <= _MOST_RETRIES):
        _refuse(f"retries is a whole number from 0 to {_MOST_RETRIES}", retries)
    if fallback_on is not None and fallback_on not in FALLBACK_ON:
        _refuse(f"fallback_on is one of {', '.join(FALLBACK_ON)}", fallback_on)
    if on_interrupted not in ("error", "restart"):
        _refuse("on_interrupted is error or restart", on_interrupted)
    terms = Terms(
        ends_at=None if seconds is None else time.monotonic() + seconds,
        idle_timeout=_seconds(idle_timeout, "an idle_timeout"),
        retries=retries,
        fallback_on=fallback_on,
        restarts=on_interrupted == "restart",
    )
    return terms, others


def _seconds(value: Any, what: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0:
        return value if value < _LONGEST else None
    return _refuse(f"{what} is a positive number of seconds", value)


def _refuse(rule: str, value: object) -> NoReturn:
    raise UnsupportedInputError(f"{rule}, not {value!r}")
