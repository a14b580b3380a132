"""Typed objects: the answer is validated here, and an invalid one gets one repair request that shows the fault.

Where the one that answered cannot repair it, the chain moves on as after any other error.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Protocol

from attrs import evolve

from pipelex_core.errors import CallError, ContentFilterError, InvalidAnswerError
from pipelex_core.objects import InvalidObjectError, ObjectType
from pipelex_core.parts import Message, TextPart
from pipelex_core.requests import ObjectRequest
from pipelex_core.results import ObjectResult, Result, TextAnswer
from pipelex_core.streams import PartialObject, StreamEvent, StreamRestarted
from pipelex_dialects.objects.object_types import read_object
from pipelex_dialects.objects.partial_json import NOTHING, PartialJson

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Mapping

    from pipelex_core.deck import ChainMember
    from pipelex_core.execution.attempts import Ledger
    from pipelex_core.execution.plan import Plan
    from pipelex_core.specs import ModelSpec

_REPAIR = (
    "That answer does not fit the JSON schema: {fault}.\n"
    "Answer again with the corrected JSON document alone, without any other text."
)


class Chained(Protocol):
    """What walks a chain: `execution.walk.Walk`."""

    def run(self, plan: Plan, ledger: Ledger) -> Awaitable[tuple[ChainMember, Any]]:
        """The first answer a member gives, and that member."""

    def events(self, plan: Plan, ledger: Ledger) -> AsyncGenerator[Any, None]:
        """The deltas of the first member that answers, and last that member and its answer."""

    def finish(self, plan: Plan, ledger: Ledger, ended: Result | Exception | None) -> None:
        """Tell those who listen how the call ended."""

    def moves_on(self, plan: Plan, member: ChainMember, error: CallError) -> bool:
        """Whether the chain goes on to its next member after this error."""

    def closed(self, error: CallError, member: ChainMember, ledger: Ledger) -> CallError:
        """The error that the call ends with."""

    def common(self, member: ChainMember, answer: Any, ledger: Ledger) -> dict[str, Any]:
        """The fields that every result has."""


async def generate_object(
    execution: Chained, kind: ObjectType[Any], offers_tools: bool, plan: Plan, ledger: Ledger
) -> ObjectResult[Any]:
    """An object of the type asked for, or calls of the tools that were offered.

    Raises:
        InvalidAnswerError: Neither the answer nor its one repair fits the type, or it was cut short; `raw` keeps the text.
        ContentFilterError: The provider withheld the answer.
        CallError: As for any call.
    """
    turns = _Turns(execution, kind, offers_tools, plan, ledger)
    while True:
        member, answer = await execution.run(turns.current, ledger)
        made = turns.take(member, answer)
        if made is not None:
            return made


async def stream_object(
    execution: Chained, kind: ObjectType[Any], offers_tools: bool, plan: Plan, ledger: Ledger
) -> AsyncGenerator[StreamEvent, None]:
    """Partial objects, the whole one, and last the result; errors as in `generate_object`."""
    turns = _Turns(execution, kind, offers_tools, plan, ledger)
    ended: ObjectResult[Any] | Exception | None = None
    try:
        while True:
            partial, whole = PartialJson(), None
            async with aclosing(execution.events(turns.current, ledger)) as events:
                async for event in events:
                    if isinstance(event, str):
                        value = partial.feed(event)
                        if kind.wrapped and value is not NOTHING:
                            value = value.get(kind.wrapped, NOTHING)
                        if value is not NOTHING:
                            yield PartialObject(value)
                    elif isinstance(event, StreamRestarted):
                        partial = PartialJson()
                    else:
                        whole = event
            assert whole is not None  # noqa: S101 -- a stream ends with an answer, or an error
            made = turns.take(*whole)
            if made is not None:
                ended = made
                if not made.tool_calls:
                    yield PartialObject(made.value)
                yield made
                return
    except Exception as error:
        ended = error
        raise
    finally:
        execution.finish(plan, ledger, ended)


class _Turns:
    """Whom to ask next: the chain, then who answered for a repair, then the rest of the chain.

    Attributes:
        asked: What to ask now.
    """

    def __init__(
        self, execution: Chained, kind: ObjectType[Any], offers_tools: bool, plan: Plan, ledger: Ledger
    ) -> None:
        self.current = plan
        self._offers_tools = offers_tools
        self._execution, self._kind, self._plan, self._ledger = execution, kind, plan, ledger
        self._repairs: ChainMember | None = None

    def take(self, member: ChainMember, answer: TextAnswer) -> ObjectResult[Any] | None:
        """The object of an answer, or None where somebody has to be asked again.

        Raises:
            InvalidAnswerError: Nobody is left to ask.
            ContentFilterError: The provider withheld the answer.
        """
        made = self._made(member, answer)
        if isinstance(made, ObjectResult):
            return made
        plan = self._plan
        rest = plan.members[plan.members.index(member) :]
        error = _not_whole(answer)
        if error is None and member is not self._repairs:
            self.current, self._repairs = (
                evolve(plan, members=rest, build=_repairing(plan, member, answer, made)),
                member,
            )
            return None
        if error is None:
            message = f"the answer does not fit {self._kind.name}, nor did its repair: {made}"
            error = InvalidAnswerError(message, raw=answer.text)
        if len(rest) == 1 or not self._execution.moves_on(plan, member, error):
            error.request_id = answer.request_id
            raise self._execution.closed(error, member, self._ledger)
        self.current = evolve(plan, members=rest[1:])
        return None

    def _made(self, member: ChainMember, answer: TextAnswer) -> ObjectResult[Any] | InvalidObjectError:
        """The object, or what is wrong with it: not raised, so that no error that follows carries the answer along."""
        value, text = None, answer.text
        calls = answer.tool_calls if self._offers_tools else ()
        if not calls:
            try:
                value, text = read_object(self._kind, answer.text)
            except InvalidObjectError as fault:
                return fault
        parts = (*answer.provider_parts, *((TextPart(answer.text),) if answer.text else ()), *calls)
        return ObjectResult(
            **self._execution.common(member, answer, self._ledger),
            value=value,
            text=text,
            finish_reason=answer.finish_reason,
            tool_calls=calls,
            message=Message(role="assistant", parts=parts),
        )


def fits(kind: ObjectType[Any], offers_tools: bool, answer: Any) -> bool:
    """Whether an object can be made of an answer, or it asks for tools that were offered."""
    if offers_tools and answer.tool_calls:
        return True
    try:
        read_object(kind, answer.text)
    except InvalidObjectError:
        return False
    return True


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
        current = Message(role="user", parts=(TextPart(_REPAIR.format(fault=fault)),))
        return evolve(request, messages=(*request.messages, reply, current))

    return build
