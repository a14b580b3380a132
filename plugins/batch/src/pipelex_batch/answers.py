"""What a provider's batch answered, made into the outcome of a row: read, validated, priced at batch prices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from pipelex_batch.outcomes import error_line, line_of
from pipelex_core.costs import FREE, cost_of
from pipelex_core.errors import CallError, ContentFilterError, InvalidAnswerError
from pipelex_core.execution.attempts import Ledger
from pipelex_core.execution.results import common_fields, result_of
from pipelex_core.objects import InvalidObjectError, read_object
from pipelex_core.results import Attempt, EmbeddingResult, ObjectResult, TextAnswer

if TYPE_CHECKING:
    from decimal import Decimal
    from pathlib import Path

    from pipelex_batch.jobs import RowJob
    from pipelex_core.batches import BatchRunner
    from pipelex_core.deck import ChainMember
    from pipelex_core.execution.plan import Plan
    from pipelex_core.objects import ObjectType
    from pipelex_core.results import EmbeddingAnswer, Usage
    from pipelex_core.specs import ModelSpec


@frozen
class RowRequest:
    """A row as a request of a model.

    Attributes:
        plan: What its call is to do.
        member: The member of its chain that is asked.
        spec: That model.
        request: What is sent.
        runner: Its backend.
        kind: The type of its object, or None.
    """

    plan: Plan
    member: ChainMember
    spec: ModelSpec
    request: Any
    runner: BatchRunner
    kind: ObjectType[Any] | None


def outcome_line(
    job: RowJob, requested: RowRequest, data: Any, files: Path, before: Decimal | None, *, batch: str | None
) -> bytes:
    """The line of what came of a row in a batch."""
    try:
        answer = requested.runner.read_batch(requested.request, data)
        answer = evolve(answer, usage=evolve(answer.usage, service_tier="batch"))
        return line_of(job, _result(requested, answer), files, before, batch)
    except CallError as error:
        if not error.attempts:
            used = None if error.usage is None else evolve(error.usage, service_tier="batch")
            error.attempts = (_attempt(requested.spec, used, error),)
        error.model, error.backend = requested.spec.name, requested.spec.backend
        return error_line(job.number, job.id, error, before, batch)


def _result(requested: RowRequest, answer: TextAnswer | EmbeddingAnswer) -> Any:
    ledger = Ledger()
    ledger.attempts.append(_attempt(requested.spec, answer.usage))
    if not isinstance(answer, TextAnswer):
        fields = common_fields(requested.member, answer, ledger)
        normalised, purpose = answer.vectors.is_normalised, requested.request.purpose
        return EmbeddingResult(**fields, vectors=answer.vectors, normalised=normalised, purpose=purpose)
    if requested.kind is None:
        return result_of(requested.plan, requested.member, answer, ledger)
    try:
        value, text = read_object(requested.kind, answer.text)
    except InvalidObjectError as fault:
        raise _unfit(answer, fault, ledger) from None
    fields = common_fields(requested.member, answer, ledger)
    return ObjectResult(**fields, value=value, text=text, finish_reason=answer.finish_reason)


def _unfit(answer: TextAnswer, fault: InvalidObjectError, ledger: Ledger) -> CallError:
    """The error over an answer that is not an object; it was paid."""
    error: CallError
    if answer.finish_reason == "content_filter":
        error = ContentFilterError("the provider withheld the object because of its content", raw=answer.text)
    elif answer.finish_reason == "length":
        error = InvalidAnswerError("the object was cut short by max_tokens: give it more", raw=answer.text)
    else:
        error = InvalidAnswerError(f"the answer does not fit the schema: {fault}", raw=answer.text)
    error.usage, error.attempts = answer.usage, tuple(ledger.attempts)
    return error


def _attempt(spec: ModelSpec, usage: Usage | None, error: CallError | None = None) -> Attempt:
    return Attempt(
        model=spec.name,
        backend=spec.backend,
        model_id=spec.model_id,
        outcome="ok" if error is None else "error",
        error=None if error is None else type(error).__name__,
        status=None if error is None else error.status,
        usage=usage,
        cost=FREE if usage is None else cost_of(spec.costs, usage),
    )
