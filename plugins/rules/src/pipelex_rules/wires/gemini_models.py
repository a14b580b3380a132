"""What single models of Gemini refuse: thinking by level and by budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_rules.families import gemini as family
from pipelex_rules.rule import rule
from pipelex_rules.sources import Source, client
from pipelex_rules.values import amount, dig, record, string

if TYPE_CHECKING:
    from pipelex_rules.rule import Findings, Request


@rule(
    client(
        "github:pydantic/pydantic-ai@4fda3898 profiles/google.py _MODELS_WITHOUT_MINIMAL_THINKING_LEVEL", "2026-08-23"
    )
)
def minimal_thinking(request: Request) -> Findings:
    """gemini-3-pro, gemini-3.1-pro and gemini-3.7-flash do not know the level MINIMAL."""
    level = string(dig(request.get("generationConfig"), "thinkingConfig", "thinkingLevel")).upper()
    if level == "MINIMAL" and not family.takes_minimal(request.model):
        yield "generationConfig.thinkingConfig.thinkingLevel", "Thinking level MINIMAL is not supported for this model"


@rule(Source("https://ai.google.dev/gemini-api/docs/thinking", "2026-08"))
def level_and_budget(request: Request) -> Findings:
    """ThinkingLevel and thinkingBudget exclude each other; levels are known from Gemini 3 on."""
    config = record(dig(request.get("generationConfig"), "thinkingConfig"))
    place = "generationConfig.thinkingConfig"
    if config.get("thinkingLevel") is not None and config.get("thinkingBudget") is not None:
        yield place, "You can only set only one of thinking budget and thinking level"
    if config.get("thinkingLevel") is not None and (0, 0) < family.version(request.model) < (3, 0):
        yield f"{place}.thinkingLevel", "Thinking level is not supported for this model"


@rule(Source("https://ai.google.dev/gemini-api/docs/thinking#set-budget", "2026-08"))
def budget_range(request: Request) -> Findings:
    """A budget of thinking is in the model's range, -1, or 0 where thinking can be switched off."""
    budget, known = (
        amount(dig(request.get("generationConfig"), "thinkingConfig", "thinkingBudget")),
        family.budgets(request.model),
    )
    if budget is None or known is None or budget == -1 or (budget == 0 and known[0] != "gemini-2.5-pro"):
        return
    _, low, high = known
    if not low <= budget <= high:
        yield (
            "generationConfig.thinkingConfig.thinkingBudget",
            f"The thinking budget {budget:g} is invalid. Please choose a value between {low} and {high}",
        )


@rule(Source("https://ai.google.dev/gemini-api/docs/thinking", "2026-08"))
def thinking_of_old_models(request: Request) -> Findings:
    """Before Gemini 2.5 there is no thinking."""
    wanted = record(dig(request.get("generationConfig"), "thinkingConfig"))
    if (0, 0) < family.version(request.model) < (2, 5) and (
        wanted.get("includeThoughts") or wanted.get("thinkingLevel") or (amount(wanted.get("thinkingBudget")) or 0) > 0
    ):
        yield (
            "generationConfig.thinkingConfig",
            "Unable to submit request because thinking is not supported by this model",
        )
