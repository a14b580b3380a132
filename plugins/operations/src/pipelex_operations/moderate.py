"""The capability `moderate`: texts in, what is harmful in them out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_core.estimates import Expectation, Guess, tokens_of
from pipelex_core.judging import ModerationAnswer, ModerationRequest, ModerationResult
from pipelex_operations.rerank import texts_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_core.specs import ModelSpec

ANSWER, RESULT = ModerationAnswer, ModerationResult


def read(inputs: object) -> tuple[str, ...]:
    """What a caller gives, checked."""
    return texts_of(inputs, "input")


def build(
    inputs: tuple[str, ...], spec: ModelSpec, settings: Mapping[str, Any], timeout: float | None
) -> ModerationRequest:
    """The request for a model."""
    return ModerationRequest(spec=spec, inputs=inputs, timeout=timeout, **settings)


def expect(request: ModerationRequest) -> Expectation:
    """What a request will use."""
    return Expectation(input_tokens=tokens_of("".join(request.inputs)), output_tokens=Guess())


def sample(_spec: ModelSpec | None) -> tuple[str, ...]:
    """The input of a call on trial."""
    return ("Three rivers meet here.",)
