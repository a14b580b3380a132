"""What a result must be, whichever provider gave it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from pipelex_core.results import Result, TextResult
from tests.conformance.scenario import COST, TEXT, USAGE

if TYPE_CHECKING:
    from decimal import Decimal

    from pipelex_core.results import Usage
    from tests.conformance.provider import Provider

_OF_THE_PROVIDER = {"model", "backend", "model_id", "request_id", "attempts", "raw"}


def check_common(result: Result, provider: Provider, model: str, usage: Usage = USAGE, cost: Decimal = COST) -> None:
    """One attempt, the counts in our terms, and the cost that follows from them."""
    assert (result.model, result.backend) == (model, provider.backend)
    (attempt,) = result.attempts
    assert (attempt.outcome, attempt.error, attempt.usage, attempt.cost) == ("ok", None, result.usage, result.cost)
    assert result.cost is not None
    if provider.is_scripted:
        assert result.raw is not None
        assert result.request_id
        assert result.usage == usage
        assert result.cost.amount == cost
    else:
        assert result.cost.amount >= 0


def check_text(result: TextResult, provider: Provider, model: str, **common: Any) -> None:
    """Words that ended by themselves; from a real model, some words."""
    check_common(result, provider, model, **common)
    assert isinstance(result, TextResult)
    assert result.message.role == "assistant"
    assert result.message.text == result.text
    assert result.tool_calls == ()
    if provider.is_scripted:
        assert (result.text, result.finish_reason) == (TEXT, "stop")
        return
    assert result.text.strip()
    assert result.finish_reason in {"stop", "length"}
    assert (result.usage.input_tokens or 0) > 0
    assert (result.usage.output_tokens or 0) > 0


def shape(value: Any) -> Any:
    """What two providers' results of the same call must have in common: everything but names, ids and times."""
    if not isinstance(value, Result):
        return value
    reported = attrs.asdict(value, recurse=False)
    return type(value).__name__, {name: field for name, field in reported.items() if name not in _OF_THE_PROVIDER}
