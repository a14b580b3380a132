"""What single Claude models refuse: sampling, thinking, effort, forced tools, prefilled answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_rules.families.claude import claude
from pipelex_rules.rule import rule
from pipelex_rules.sources import Source, client
from pipelex_rules.values import amount, dig, record, sequence

if TYPE_CHECKING:
    from pipelex_rules.rule import Findings, Request

ERRORS = Source("https://platform.claude.com/docs/en/api/errors#common-validation-errors", "2026-11-30")
THINKING = Source("https://platform.claude.com/docs/en/build-with-claude/extended-thinking", "2026-08")
EFFORT = Source("https://platform.claude.com/docs/en/build-with-claude/effort", "2026-08")
PROFILES = client("github:pydantic/pydantic-ai@4fda3898 profiles/anthropic.py", "2026-08-23")


def thinks(request: Request) -> bool:
    """Tell whether a request switches thinking on."""
    return dig(request.get("thinking"), "type") in ("enabled", "adaptive")


@rule(ERRORS)
def sampling_of_new_models(request: Request) -> Findings:
    """From Opus 4.7 and version 5 on temperature, top_p and top_k are refused."""
    if claude(request.model).refuses_sampling:
        for name in ("temperature", "top_p", "top_k"):
            if request.has(name):
                yield name, f"`{name}` is not supported by this model"


@rule(ERRORS)
def both_samplings(request: Request) -> Findings:
    """From Opus 4.1 and version 4.5 on temperature and top_p exclude each other."""
    if claude(request.model).refuses_both_samplings and request.has("temperature") and request.has("top_p"):
        yield "temperature", "`temperature` and `top_p` cannot both be specified for this model. Please use only one"


@rule(Source("https://platform.claude.com/docs/en/about-claude/models/overview", "2026-08"))
def more_tokens_than_the_model_has(request: Request) -> Findings:
    """max_tokens is not above the model's own maximum."""
    most, wanted = claude(request.model).most_output, amount(request.get("max_tokens"))
    if most is not None and wanted is not None and wanted > most:
        yield (
            "max_tokens",
            f"{wanted:g} > {most}, which is the maximum allowed number of output tokens for {request.model[:60]}",
        )


@rule(THINKING)
def temperature_with_thinking(request: Request) -> Findings:
    """With thinking on temperature is 1 or absent."""
    if thinks(request) and request.has("temperature") and request.get("temperature") != 1:
        yield "temperature", "`temperature` may only be set to 1 when thinking is enabled or in adaptive mode"


@rule(THINKING)
def top_k_with_thinking(request: Request) -> Findings:
    """With thinking on top_k is absent."""
    if thinks(request) and request.has("top_k"):
        yield "top_k", "`top_k` must be unset when thinking is enabled"


@rule(THINKING)
def top_p_with_thinking(request: Request) -> Findings:
    """With thinking on top_p is at least 0.95."""
    value = amount(request.get("top_p"))
    if thinks(request) and value is not None and value < 0.95:
        yield "top_p", "`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled"


@rule(THINKING)
def forced_tools_with_thinking(request: Request) -> Findings:
    """With thinking on tool_choice is auto or none."""
    if thinks(request) and dig(request.get("tool_choice"), "type") in ("any", "tool"):
        yield "tool_choice", "Thinking may not be enabled when tool_choice forces tool use"


@rule(PROFILES.at("anthropic_supports_forced_tool_choice"))
def forced_tools_of_always_thinking_models(request: Request) -> Findings:
    """Models that always think refuse a forced tool_choice."""
    if claude(request.model).always_thinks and dig(request.get("tool_choice"), "type") in ("any", "tool"):
        yield "tool_choice", "this model does not support a forced tool_choice"


@rule(THINKING)
def budget_below_max_tokens(request: Request) -> Findings:
    """thinking.budget_tokens is below max_tokens."""
    budget, most = amount(dig(request.get("thinking"), "budget_tokens")), amount(request.get("max_tokens"))
    if budget is not None and most is not None and budget >= most:
        yield "max_tokens", "`max_tokens` must be greater than `thinking.budget_tokens`"


@rule(ERRORS)
def budgets_of_new_models(request: Request) -> Findings:
    """From 4.7 on thinking with a budget is refused; adaptive is wanted."""
    if claude(request.model).refuses_budgets and dig(request.get("thinking"), "type") == "enabled":
        yield (
            "thinking.type",
            '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and "output_config.effort"',
        )


@rule(ERRORS)
def adaptive_of_old_models(request: Request) -> Findings:
    """Before 4.6 thinking adaptive is refused."""
    family = claude(request.model)
    if family.known and not family.thinks_adaptively and dig(request.get("thinking"), "type") == "adaptive":
        yield "thinking.type", "adaptive thinking is not supported on this model"


@rule(THINKING)
def thinking_of_old_models(request: Request) -> Findings:
    """Before Sonnet 3.7 there is no thinking."""
    family = claude(request.model)
    if family.known and not family.can_think and thinks(request):
        yield "thinking", "this model does not support thinking"


@rule(ERRORS)
def thinking_cannot_be_disabled(request: Request) -> Findings:
    """Models that always think refuse thinking disabled."""
    if claude(request.model).always_thinks and dig(request.get("thinking"), "type") == "disabled":
        yield "thinking.type", "thinking cannot be disabled for this model"


@rule(EFFORT)
def effort_levels(request: Request) -> Findings:
    """A model takes its own levels of effort only."""
    family, wanted = claude(request.model), dig(request.get("output_config"), "effort")
    if (
        family.known
        and family.efforts
        and isinstance(wanted, str)
        and wanted in ("xhigh", "max")
        and wanted not in family.efforts
    ):
        yield (
            "output_config.effort",
            f"this model does not support effort level '{wanted}'. Supported levels: {', '.join(sorted(family.efforts))}",
        )


@rule(PROFILES.at("supports_effort"))
def effort_of_old_models(request: Request) -> Findings:
    """Effort is known from Opus 4.5 and Sonnet 4.6 on."""
    family = claude(request.model)
    if family.known and not family.efforts and dig(request.get("output_config"), "effort") is not None:
        yield "output_config.effort", "this model does not support the effort parameter"


@rule(PROFILES.at("(the same in vercel/ai)"))
def effort_without_thinking(request: Request) -> Findings:
    """Opus 5 with thinking disabled takes effort up to high."""
    family = claude(request.model)
    off = dig(request.get("thinking"), "type") == "disabled"
    if (
        family.tier == "opus"
        and family.version >= (5, 0)
        and off
        and dig(request.get("output_config"), "effort") in ("xhigh", "max")
    ):
        yield "output_config.effort", "with thinking disabled effort is at most 'high'"


@rule(ERRORS)
def prefilled_answers(request: Request) -> Findings:
    """From 4.6 on the conversation ends with the user: no prefilled answer."""
    last = record(next(iter(reversed(sequence(request.get("messages")))), None))
    if claude(request.model).refuses_prefill and last.get("role") == "assistant":
        yield (
            "messages",
            "This model does not support assistant message prefill. The conversation must end with a user message",
        )


@rule(ERRORS)
def prefill_with_thinking(request: Request) -> Findings:
    """With thinking on there is no prefilled answer."""
    last = record(next(iter(reversed(sequence(request.get("messages")))), None))
    if thinks(request) and last.get("role") == "assistant":
        yield "messages", "the conversation must end with a user message when thinking is enabled"


RULES = (
    more_tokens_than_the_model_has,
    sampling_of_new_models,
    both_samplings,
    temperature_with_thinking,
    top_k_with_thinking,
    top_p_with_thinking,
    forced_tools_with_thinking,
    forced_tools_of_always_thinking_models,
    budget_below_max_tokens,
    budgets_of_new_models,
    adaptive_of_old_models,
    thinking_of_old_models,
    thinking_cannot_be_disabled,
    effort_levels,
    effort_of_old_models,
    effort_without_thinking,
    prefilled_answers,
    prefill_with_thinking,
)
