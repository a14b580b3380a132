"""How a request's reasoning settings are asked of a model, by the form its spec says it knows.

https://platform.claude.com/docs/en/build-with-claude/thinking and …/effort
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from pipelex_core.errors import UnsupportedInputError

if TYPE_CHECKING:
    from pipelex_core.requests import TextRequest

LEVELS = ("low", "medium", "high", "xhigh", "max")
"""The API's efforts, least first."""

SMALLEST_BUDGET = 1024
"""The API takes no smaller thinking budget."""

_BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16_384, "xhigh": 32_768, "max": 65_536}


@frozen(kw_only=True)
class Reasoning:
    """What a request says of reasoning, in the API's terms.

    Attributes:
        thinking: The body's `thinking`, or None to leave it out.
        effort: The body's `output_config.effort`, or None.
        budget: Thinking tokens wanted, or None where the model decides.
        is_fixed: Whether the budget is the caller's own, not made of an effort.
    """

    thinking: dict[str, Any] | None = None
    effort: str | None = None
    budget: int | None = None
    is_fixed: bool = False

    @property
    def is_on(self) -> bool:
        """Whether thinking was asked for, which bars sampling settings and demanded tools."""
        return self.budget is not None or (self.thinking or {}).get("type") == "adaptive"


def reasoning_of(request: TextRequest) -> Reasoning:
    """What a request says of reasoning.

    Raises:
        UnsupportedInputError: This model always reasons, or the budget is below the API's least.
    """
    options = request.spec.options
    effort, budget = request.reasoning_effort, request.reasoning_budget
    if effort == "none" or budget == 0:
        return Reasoning(thinking=_off(request))
    if budget is not None:
        if budget < SMALLEST_BUDGET:
            msg = f"reasoning_budget is {SMALLEST_BUDGET} at least (0 for none), not {budget}"
            raise UnsupportedInputError(msg)
        return Reasoning(budget=budget, is_fixed=True)
    if effort is None:
        return Reasoning()
    form = options.get("thinking", "adaptive")
    if form == "budget":
        return Reasoning(budget=_BUDGETS[effort])
    level = _known_level(effort, options.get("effort_levels", LEVELS))
    return Reasoning(thinking={"type": "adaptive"} if form == "adaptive" else None, effort=level)


def fit_budget(reasoning: Reasoning, max_tokens: int) -> dict[str, Any]:
    """The body's `thinking` for a budget, which must stay below `max_tokens`.

    Raises:
        UnsupportedInputError: There is no room for it.
    """
    assert reasoning.budget is not None  # noqa: S101 -- the caller looked
    budget = reasoning.budget
    if not reasoning.is_fixed:
        budget = min(budget, max_tokens - SMALLEST_BUDGET)
    if not SMALLEST_BUDGET <= budget < max_tokens:
        msg = f"max_tokens of {max_tokens} leaves no room to reason: thinking takes {SMALLEST_BUDGET} tokens at least"
        if reasoning.is_fixed:
            msg = f"reasoning_budget must be below max_tokens, which counts reasoning too: {budget} is not below {max_tokens}"
        raise UnsupportedInputError(msg)
    return {"type": "enabled", "budget_tokens": budget}


def _off(request: TextRequest) -> dict[str, Any] | None:
    kind = request.spec.options.get("thinking_off", "omit")
    if kind == "never":
        msg = f"model '{request.spec.name}' always reasons: the least is reasoning_effort = \"low\""
        raise UnsupportedInputError(msg)
    return None if kind == "omit" else {"type": kind}


def _known_level(effort: str, known: Any) -> str:
    """The effort, or the next lower one the model knows; its lowest where there is none."""
    wanted = LEVELS.index(effort) if effort in LEVELS else 0
    lower = [level for level in known if LEVELS.index(level) <= wanted]
    return str(lower[-1] if lower else known[0])
