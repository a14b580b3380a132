"""Moderation: `POST /v1/moderations`, https://docs.mistral.ai/capabilities/guardrailing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_backend_mistral._chat_answer import invalid
from pipelex_core.answers import count
from pipelex_core.judging import ModerationAnswer, Verdict
from pipelex_core.results import Usage

if TYPE_CHECKING:
    from pipelex_core.judging import ModerationRequest


def moderation_body(request: ModerationRequest) -> dict[str, Any]:
    """The body: what the SDK calls `inputs` is `input` on the wire."""
    return {"model": request.spec.model_id, "input": list(request.inputs)}


def verdicts_of(payload: Any, request: ModerationRequest, request_id: str | None) -> ModerationAnswer:
    """A verdict on each text; Mistral has none on the whole: it is flagged where any category holds.

    Raises:
        InvalidAnswerError: There is not one for each.
    """
    results = payload.get("results") if isinstance(payload, dict) else None
    if not isinstance(results, list) or len(results) != len(request.inputs):
        why = f"it has no verdict on each of {len(request.inputs)} texts"
        raise invalid(why, payload, request_id)
    try:
        verdicts = tuple(
            Verdict(
                flagged=any(each["categories"].values()),
                categories={name: bool(is_found) for name, is_found in each["categories"].items()},
                scores={name: float(score) for name, score in each["category_scores"].items()},
            )
            for each in results
        )
    except (KeyError, TypeError, AttributeError, ValueError):
        why = "a verdict has no categories, or no scores"
        raise invalid(why, payload, request_id) from None
    usage = payload.get("usage")
    tokens = count(usage.get("prompt_tokens")) if isinstance(usage, dict) else None
    reported = Usage(input_tokens=tokens, output_tokens=None if tokens is None else 0)
    return ModerationAnswer(verdicts=verdicts, usage=reported, request_id=request_id, raw=payload)
