"""The capability `moderate`: texts in, what is harmful in them out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_core.backend import Moderator
from pipelex_core.capabilities.record import Capability, Operation
from pipelex_core.capabilities.rerank import texts_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_core.estimates.expectations import Expectation
    from pipelex_core.judging import ModerationRequest
    from pipelex_core.results import Result
    from pipelex_core.specs import ModelSpec


def _read(inputs: object) -> tuple[str, ...]:
    return texts_of(inputs, "input")


def _build(
    inputs: tuple[str, ...], spec: ModelSpec, settings: Mapping[str, Any], timeout: float | None
) -> ModerationRequest:
    from pipelex_core.judging import ModerationRequest

    return ModerationRequest(spec=spec, inputs=inputs, timeout=timeout, **settings)


def _expect(request: ModerationRequest) -> Expectation:
    from pipelex_core.estimates.expectations import Expectation, Guess, tokens_of

    return Expectation(input_tokens=tokens_of("".join(request.inputs)), output_tokens=Guess())


def _sample(_spec: ModelSpec | None) -> tuple[str, ...]:
    return ("Three rivers meet here.",)


def _answer() -> type:
    from pipelex_core.judging import ModerationAnswer

    return ModerationAnswer


def _result() -> type[Result]:
    from pipelex_core.judging import ModerationResult

    return ModerationResult


MODERATE = Capability(
    name="moderate",
    model_types=("moderator",),
    noun="moderation",
    outputs=frozenset({"scores"}),
    gives=frozenset({"scores"}),
    operations=(
        Operation(
            name="moderate",
            needs=Moderator,
            answer=_answer,
            result=_result,
        ),
    ),
    read=_read,
    build=_build,
    expect=_expect,
    sample=_sample,
)
"""What is harmful in texts."""
