"""What is logged of a call: a line at INFO when it has ended, its attempts at DEBUG, and members that cannot answer at WARNING.

Names and numbers alone: never a prompt, an answer, the words of an error, or what a provider calls its requests.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelex_core.calls import Call, FinishedCall
    from pipelex_core.results import Attempt, Cost, Usage
    from pipelex_core.specs import ModelSpec

logging.getLogger("pipelex_core").addHandler(logging.NullHandler())  # a program that wants to see it says so

calls_log = logging.getLogger("pipelex_core.calls")


def log_attempt(call: Call) -> None:
    """At DEBUG: who is about to be asked."""
    spec = call.request.spec
    calls_log.debug(
        "call %d: attempt %d asks model %r of backend %r", call.call_id, call.attempt, spec.name, spec.backend
    )


def log_finished(call: FinishedCall) -> None:
    """At INFO: how a call ended; at DEBUG, how each of its attempts did."""
    for number, attempt in enumerate(call.attempts, 1):
        calls_log.debug("call %d: attempt %d %s", call.call_id, number, _attempt(attempt))
    calls_log.info("call %d: %s %r %s", call.call_id, call.operation, call.handle, _outcome(call))


def log_fallback(call: FinishedCall) -> None:
    """At WARNING: an answer came from another model than the first that was to answer."""
    first, result = call.attempts[0], call.result
    if result is not None and (first.model, first.backend) != (result.model, result.backend):
        calls_log.warning(
            "call %d: %s %r was answered by model %r of backend %r, and not by model %r of backend %r (%s)",
            call.call_id,
            call.operation,
            call.handle,
            result.model,
            result.backend,
            first.model,
            first.backend,
            first.outcome if first.error is None else _error(first.error, first.status),
        )


def log_passed_over(spec: ModelSpec, error: Exception) -> None:
    """At WARNING: a member of a chain that will not answer until somebody mends it; the next one is asked."""
    what = _error(type(error).__name__, getattr(error, "status", None))
    hint = getattr(error, "hint", "")
    calls_log.warning(
        "model %r of backend %r cannot answer: %s; its chain goes on with the next model. %s",
        spec.name,
        spec.backend,
        what,
        hint,
    )


def _attempt(attempt: Attempt) -> str:
    ended = attempt.outcome if attempt.error is None else _error(attempt.error, attempt.status)
    parts = [f"of model {attempt.model!r} of backend {attempt.backend!r}: {ended} after {attempt.seconds:.3f} s"]
    if attempt.wait_s:
        parts.append(f"{attempt.wait_s:.3f} s waited ({attempt.wait_reason})")
    if attempt.cache is not None:
        parts.append(f"cache {attempt.cache}")
    return ", ".join([*parts, *_spent(attempt.usage, attempt.cost)])


def _outcome(call: FinishedCall) -> str:
    count = len(call.attempts)
    took = f"{count} attempt{'' if count == 1 else 's'}, {call.seconds:.3f} s"
    if call.error is not None:
        return f"failed with {_error(type(call.error).__name__, getattr(call.error, 'status', None))}: {took}"
    if call.result is None:
        return f"was given up: {took}"
    who = f"was answered by model {call.result.model!r} of backend {call.result.backend!r}"
    return ", ".join([f"{who}: {took}", *_spent(call.result.usage, call.result.cost)])


def _error(name: str, status: int | None) -> str:
    return name if status is None else f"{name} ({status})"


def _spent(usage: Usage | None, cost: Cost | None) -> list[str]:
    parts = []
    if usage is not None and usage.input_tokens is not None:
        parts.append(f"{usage.input_tokens} tokens in")
    if usage is not None and usage.output_tokens is not None:
        parts.append(f"{usage.output_tokens} tokens out")
    if cost is not None:
        parts.append(f"{cost.amount:f} {cost.currency}")
    return parts
