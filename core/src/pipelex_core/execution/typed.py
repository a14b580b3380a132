"""Typed objects: the answer is validated here, and an invalid one gets one repair request that shows the fault.

Where the one that answered cannot repair it, the chain moves on as after any other error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from attrs import evolve

from pipelex_core.errors import CallError, ContentFilterError, InvalidAnswerError
from pipelex_core.execution.results import common_fields
from pipelex_core.objects import InvalidObjectError, ObjectType, read_object
from pipelex_core.parts import Message, TextPart
from pipelex_core.requests import ObjectRequest
from pipelex_core.results import ObjectResult, TextAnswer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from pipelex_core.deck import ChainMember
    from pipelex_core.execution.attempts import Ledger
    from pipelex_core.execution.plan import Plan
    from pipelex_core.specs import ModelSpec

_REPAIR = (
    "That answer does not fit the JSON schema: {fault}.\n"
    "Answer again with the corrected JSON document alone, without any other text."
)


class Chained(Protocol):
    """What walks a chain: `execution.walk.Execution`."""

    def run(self, plan: Plan, ledger: Ledger) -> Awaitable[tuple[ChainMember, Any]]:
        """The first answer a member gives, and that member."""

    def moves_on(self, plan: Plan, member: ChainMember, error: CallError) -> bool:
        """Whether the chain goes on to its next member after this error."""

    def closed(self, error: CallError, member: ChainMember, ledger: Ledger) -> CallError:
        """The error that the call ends with."""


async def generate_object(execution: Chained, kind: ObjectType[Any], plan: Plan, ledger: Ledger) -> ObjectResult[Any]:
    """An object of the type asked for.

    Raises:
        InvalidAnswerError: Neither the answer nor its one repair fits the type, or it was cut short; `raw` keeps the text.
        ContentFilterError: The provider withheld the answer.
        CallError: As for any call.
    """
    asked, repairs = plan, None
    while True:
        member, answer = await execution.run(asked, ledger)
        made = _result(member, answer, kind, ledger)
        if isinstance(made, ObjectResult):
            return made
        left = plan.members[plan.members.index(member) :]
        error = _not_whole(answer)
        if error is None and member is not repairs:
            asked, repairs = evolve(plan, members=left, build=_repairing(plan, member, answer, made)), member
            continue
        if error is None:
            message = f"the answer does not fit {kind.name}, nor did its repair: {made}"
            error = InvalidAnswerError(message, raw=answer.text)
        if len(left) == 1 or not execution.moves_on(plan, member, error):
            error.request_id = answer.request_id
            raise execution.closed(error, member, ledger)
        asked = evolve(plan, members=left[1:])


def fits(kind: ObjectType[Any], answer: Any) -> bool:
    """Whether an object can be made of an answer."""
    try:
        read_object(kind, answer.text)
    except InvalidObjectError:
        return False
    return True


def _result(
    member: ChainMember, answer: TextAnswer, kind: ObjectType[Any], ledger: Ledger
) -> ObjectResult[Any] | InvalidObjectError:
    """The object, or what is wrong with it: not raised, so that no error that follows carries the answer along."""
    try:
        value, text = read_object(kind, answer.text)
    except InvalidObjectError as fault:
        return fault
    return ObjectResult(
        **common_fields(member, answer, ledger), value=value, text=text, finish_reason=answer.finish_reason
    )


def _not_whole(answer: TextAnswer) -> CallError | None:
    """The error of an answer that was cut short or withheld; a repair would end the same way."""
    if answer.finish_reason == "length":
        message = "the object was cut short by max_tokens: give it more"
        return InvalidAnswerError(message, raw=answer.text, partial_text=answer.text)
    if answer.finish_reason == "content_filter":
        return ContentFilterError("the provider withheld the object because of its content", raw=answer.text)
    return None


def _repairing(plan: Plan, member: ChainMember, answer: TextAnswer, fault: InvalidObjectError) -> Any:
    """A request that carries the conversation on: the answer, and what is wrong with it; of another member, the first one."""

    def build(spec: ModelSpec, settings: Mapping[str, Any], timeout: float | None) -> ObjectRequest:
        request = plan.build(spec, settings, timeout)
        assert isinstance(request, ObjectRequest)  # noqa: S101 -- the plan is one for objects
        if spec is not member.spec:
            return request
        reply = Message(role="assistant", parts=(*answer.provider_parts, TextPart(answer.text or "{}")))
        asked = Message(role="user", parts=(TextPart(_REPAIR.format(fault=fault)),))
        return evolve(request, messages=(*request.messages, reply, asked))

    return build
