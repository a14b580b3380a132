"""Typed objects: the answer is validated here, and an invalid one gets one repair request that shows the fault."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from pipelex_core.errors import CallError, ContentFilterError, InvalidAnswerError
from pipelex_core.execution.results import common_fields
from pipelex_core.objects import InvalidObjectError, bare_json
from pipelex_core.parts import Message, TextPart
from pipelex_core.requests import ObjectRequest
from pipelex_core.results import ObjectResult

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_core.deck import ChainMember
    from pipelex_core.execution.attempts import Ledger
    from pipelex_core.execution.plan import Plan
    from pipelex_core.execution.walk import Execution
    from pipelex_core.objects import ObjectType
    from pipelex_core.results import TextAnswer
    from pipelex_core.specs import ModelSpec

_REPAIR = (
    "That answer does not fit the JSON schema: {fault}.\n"
    "Answer again with the corrected JSON document alone, without any other text."
)


async def generate_object(execution: Execution, kind: ObjectType[Any], plan: Plan, ledger: Ledger) -> ObjectResult[Any]:
    """An object of the type asked for.

    Raises:
        InvalidAnswerError: Neither the answer nor its one repair fits the type, or it was cut short; `raw` keeps the text.
        ContentFilterError: The provider withheld the answer.
        CallError: As for any call.
    """
    member, answer = await execution.run(plan, ledger)
    try:
        return _result(member, answer, kind, ledger)
    except InvalidObjectError as fault:
        _check_whole(answer, member, ledger)
        repair = evolve(plan, members=(member,), build=_repairing(plan, answer, fault))
    member, answer = await execution.run(repair, ledger)
    try:
        return _result(member, answer, kind, ledger)
    except InvalidObjectError as fault:
        _check_whole(answer, member, ledger)
        message = f"the answer does not fit {kind.name}, nor did its repair: {fault}"
        raise _closed(
            InvalidAnswerError(message, raw=answer.text, request_id=answer.request_id), member, ledger
        ) from None


def _result(member: ChainMember, answer: TextAnswer, kind: ObjectType[Any], ledger: Ledger) -> ObjectResult[Any]:
    text = bare_json(answer.text)
    return ObjectResult(
        **common_fields(member, answer, ledger),
        value=kind.decode(text),
        text=text,
        finish_reason=answer.finish_reason,
    )


def _check_whole(answer: TextAnswer, member: ChainMember, ledger: Ledger) -> None:
    """An answer that was cut short or withheld is not worth a repair: it would end the same way."""
    if answer.finish_reason == "length":
        message = "the object was cut short by max_tokens: give it more"
        error: CallError = InvalidAnswerError(message, raw=answer.text, partial_text=answer.text)
    elif answer.finish_reason == "content_filter":
        error = ContentFilterError("the provider withheld the object because of its content", raw=answer.text)
    else:
        return
    error.request_id = answer.request_id
    raise _closed(error, member, ledger)


def _closed(error: CallError, member: ChainMember, ledger: Ledger) -> CallError:
    return ledger.close(error, member.spec)


def _repairing(plan: Plan, answer: TextAnswer, fault: InvalidObjectError) -> Any:
    """A request that carries the conversation on: the answer, and what is wrong with it."""

    def build(spec: ModelSpec, settings: Mapping[str, Any], timeout: float | None) -> ObjectRequest:
        request = plan.build(spec, settings, timeout)
        assert isinstance(request, ObjectRequest)  # noqa: S101 -- the plan is one for objects
        said = Message(role="assistant", parts=(*answer.provider_parts, TextPart(answer.text or "{}")))
        asked = Message(role="user", parts=(TextPart(_REPAIR.format(fault=fault)),))
        return evolve(request, messages=(*request.messages, said, asked))

    return build
