"""How each family of models on Bedrock is asked to reason: a declared trait of the model, never guessed from its id.

Claude: https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-extended-thinking.html and
…/claude-messages-adaptive-thinking.html; Nova 2: https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html;
gpt-oss: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-openai.html.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from pipelex_core.efforts import nearest_effort
from pipelex_core.errors import UnsupportedInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipelex_core.requests import TextRequest

_LEAST_BUDGET = 1024
_BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 32000, "max": 63000}
_OPENAI_EFFORTS = ("low", "medium", "high")
_NOVA_EFFORTS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}


@frozen(kw_only=True)
class Reasoning:
    """What makes a model reason as asked.

    Attributes:
        fields: The model's own request fields.
        effort: Converse's own `outputConfig.effort`, or None.
        thinks: Whether a Claude thinks: it then refuses to be forced to call a tool.
    """

    fields: Mapping[str, Any] = {}
    effort: str | None = None
    thinks: bool = False


_NOTHING_ASKED = Reasoning()


def reasoning_of(request: TextRequest) -> Reasoning:
    """How to ask for the reasoning of a request.

    Raises:
        UnsupportedInputError: The model's spec does not say how it reasons, or it cannot be asked this way.
    """
    if request.reasoning_effort is None and request.reasoning_budget is None:
        return _NOTHING_ASKED
    spec = request.spec
    kind = spec.options.get("reasoning") or ("budget" if spec.sdk == "bedrock_anthropic" else None)
    if kind is None and request.reasoning_budget is not None:
        kind = "budget"  # a model whose spec says nothing: only Claude knows budgets, and this is how it is asked
    if kind == "budget":
        return _thinking_budget(request)
    if request.reasoning_effort is None:
        msg = f"model '{spec.name}' takes no reasoning_budget"
        raise UnsupportedInputError(msg)
    if kind is not None:
        return _BY_EFFORT[kind](request.reasoning_effort)
    if request.reasoning_effort == "none":
        return _NOTHING_ASKED
    msg = f"model '{spec.name}' does not say how it reasons: set reasoning in its spec, or leave reasoning_effort out"
    raise UnsupportedInputError(msg)


def _thinking_budget(request: TextRequest) -> Reasoning:
    budget, effort = request.reasoning_budget, request.reasoning_effort
    if budget is None and effort not in {None, "none"}:
        budget = _BUDGETS[str(effort)]
        if request.max_tokens is not None:  # which holds both the reasoning and the answer
            budget = min(budget, request.max_tokens // 2)
        if budget < _LEAST_BUDGET:
            msg = f"max_tokens of {request.max_tokens} leaves no room to reason: give {2 * _LEAST_BUDGET} or more"
            raise UnsupportedInputError(msg)
    if not budget:
        return _NOTHING_ASKED
    if budget < _LEAST_BUDGET:
        msg = f"reasoning_budget is {_LEAST_BUDGET} at least (0 for none), not {budget}"
        raise UnsupportedInputError(msg)
    if request.max_tokens is not None and budget >= request.max_tokens:
        msg = f"max_tokens holds the reasoning too: it must be above the reasoning_budget of {budget}, not {request.max_tokens}"
        raise UnsupportedInputError(msg)
    return Reasoning(fields={"thinking": {"type": "enabled", "budget_tokens": budget}}, thinks=True)


def _adaptive(effort: str) -> Reasoning:
    if effort == "none":
        return Reasoning(fields={"thinking": {"type": "disabled"}})
    adaptive = {"thinking": {"type": "adaptive"}}
    return Reasoning(fields=adaptive, effort="low" if effort == "minimal" else effort, thinks=True)


def _nova(effort: str) -> Reasoning:
    requested = {"maxReasoningEffort": _NOVA_EFFORTS[effort]} if effort != "none" else {}
    return Reasoning(fields={"reasoningConfig": {"type": "enabled" if requested else "disabled", **requested}})


def _effort(effort: str) -> Reasoning:
    if effort == "none":
        msg = "this model cannot stop reasoning: ask for a low reasoning_effort"
        raise UnsupportedInputError(msg)
    return Reasoning(effort="low" if effort == "minimal" else effort, thinks=True)


def _openai(effort: str) -> Reasoning:
    return Reasoning(fields={"reasoning_effort": nearest_effort(effort, _OPENAI_EFFORTS)})


_BY_EFFORT: dict[str, Callable[[str], Reasoning]] = {
    "adaptive": _adaptive,
    "effort": _effort,
    "nova": _nova,
    "openai": _openai,
}
