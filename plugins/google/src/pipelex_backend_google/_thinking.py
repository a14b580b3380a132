"""How a request's reasoning settings are sent to Gemini.

Levels: https://ai.google.dev/gemini-api/docs/thinking; the budgets that stand for efforts are those of Google's own
OpenAI-compatible endpoint: https://ai.google.dev/gemini-api/docs/openai#thinking.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelex_core.requests import TextRequest
    from pipelex_core.specs import ModelSpec

_LEVELS = ("minimal", "low", "medium", "high")
_BUDGETS = {"none": 0, "minimal": 1024, "low": 1024, "medium": 8192}
_HIGHEST_BUDGET = 24576
_BEFORE_LEVELS = re.compile(r"(?:.*/)?gemini-[12](?!\d)")


def thinking_config(request: TextRequest) -> dict[str, Any] | None:
    """`generationConfig.thinkingConfig`, or None where the request leaves thinking to the model.

    Thoughts are asked for whenever the model is asked to think: they cost nothing more.
    """
    budget, effort = request.reasoning_budget, request.reasoning_effort
    if budget is None and effort is not None and _takes_budgets(request.spec):
        smallest = request.spec.options.get("min_thinking_budget", 0)
        budget = max(smallest, _BUDGETS.get(effort, _HIGHEST_BUDGET))
        return {"thinkingBudget": budget, "includeThoughts": effort != "none"}
    if budget is not None:
        return {"thinkingBudget": budget, "includeThoughts": budget != 0}
    if effort is not None:
        return {"thinkingLevel": _level(effort, request.spec).upper(), "includeThoughts": effort != "none"}
    return None


def _takes_budgets(spec: ModelSpec) -> bool:
    """Whether a model takes budgets in place of levels: as its spec says, else whether it came before Gemini 3."""
    way = spec.options.get("thinking")
    return way == "budget" if way else _BEFORE_LEVELS.match(spec.model_id) is not None


def _level(effort: str, spec: ModelSpec) -> str:
    """The lowest level the model has that is not below the effort; its highest where there is none."""
    known = [level for level in _LEVELS if level in spec.options.get("thinking_levels", _LEVELS)] or list(_LEVELS)
    wanted = 0 if effort == "none" else _LEVELS.index(effort) if effort in _LEVELS else len(_LEVELS)
    return next((level for level in known if _LEVELS.index(level) >= wanted), known[-1])
