"""A conversation, begun anywhere, in the order and with the parts that a wire takes.

Every wire wants the result of each call straight after the message with the call, and nothing blank; what else one wants
is declared in its `HistoryForm`.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from attrs import evolve

from pipelex_core.errors import BadRequestError, UnsupportedInputError
from pipelex_core.histories.ids import CallIds, renamed
from pipelex_core.parts import DocumentPart, Message, ProviderPart, TextPart, ToolCall, ToolResult

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pipelex_core.histories.form import HistoryForm
    from pipelex_core.parts import Part

MODEL_ID = "model_id"
"""Key in a `ProviderPart`'s data: the only model that the part may go to, such as the one that signed a thought."""

UNANSWERED = "The call was not carried out."
"""The result of a call that the conversation leaves unanswered, which every provider refuses."""

_BRIDGE = Message(role="assistant", parts=(TextPart("OK"),))
_OPENING = Message(role="user", parts=(TextPart("(The conversation goes on.)"),))
_DOCUMENT_WORDS = TextPart("The document is attached.")


def fit(messages: Sequence[Message], form: HistoryForm, model_id: str) -> tuple[Message, ...]:
    """The conversation as a wire takes it; a call and its result have the same id.

    Messages of role `tool` hold all results of the message before them, in the order of its calls.

    Raises:
        BadRequestError: A tool's result answers no call before it.
        UnsupportedInputError: There are messages, and none of them can be sent.
    """
    if len(messages) == 1 and all(type(part) is TextPart and part.text.strip() for part in messages[0].parts):
        return tuple(messages)  # most calls
    fitted: list[Message] = []
    follows_results = False  # whether tools answered since the assistant last spoke
    for message in _answered(messages, CallIds(form), model_id, form.provider):
        if not fitted and form.opens_with_user and message.role != "user":
            fitted.append(_OPENING)
        if message.role == "user":
            has_document = any(isinstance(part, DocumentPart) for part in message.parts)
            if form.document_words and has_document and not message.text.strip():
                message = evolve(message, parts=(*message.parts, _DOCUMENT_WORDS))  # noqa: PLW2901
            if follows_results and (form.bridge == "always" or (form.bridge == "document" and has_document)):
                fitted.append(_BRIDGE)
                follows_results = False
        else:
            follows_results = message.role == "tool"
        fitted.append(message)
    if messages and not fitted:
        msg = "nothing of the conversation can be sent: it is blank, or only another provider understands it"
        raise UnsupportedInputError(msg)
    return tuple(fitted)


def turns(messages: Iterable[Message]) -> Iterator[tuple[str, list[Message]]]:
    """Neighbours of one side together, for wires whose roles alternate: `assistant`, and `user` with the results of tools."""
    for is_assistant, group in groupby(messages, lambda message: message.role == "assistant"):
        yield "assistant" if is_assistant else "user", list(group)


def _answered(messages: Sequence[Message], ids: CallIds, model_id: str, provider: str) -> Iterator[Message]:
    """The messages without what is blank or another's, the results of each message's calls straight after it."""
    results = _Results(messages)
    for place, message in enumerate(messages):
        parts = tuple(part for part in message.parts if _is_sent(part, provider, model_id))
        calls = [part for part in parts if isinstance(part, ToolCall)]
        if not calls:
            if parts:
                yield message if len(parts) == len(message.parts) else evolve(message, parts=parts)
            continue
        made = [ids.new(call.id) for call in calls]
        names = {call.id: new for call, new in zip(calls, made, strict=True) if call.id != new}
        if names:
            new_ids = iter(made)
            parts = tuple(
                evolve(part, id=next(new_ids))
                if isinstance(part, ToolCall)
                else evolve(part, data=renamed(part.data, names))
                if isinstance(part, ProviderPart)
                else part
                for part in parts
            )
        yield evolve(message, parts=parts) if names or len(parts) != len(message.parts) else message
        answers = (results.take(call, place) for call in calls)
        yield Message(
            role="tool", parts=tuple(evolve(answer, call_id=new) for answer, new in zip(answers, made, strict=True))
        )
    results.check_all_taken()


def _is_sent(part: Part, provider: str, model_id: str) -> bool:
    if isinstance(part, TextPart):
        return bool(part.text.strip())
    if isinstance(part, ProviderPart):
        return part.provider == provider and part.data.get(MODEL_ID, model_id) == model_id
    return not isinstance(part, ToolResult)


class _Results:
    """The results of a conversation, by the calls that they answer."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self._waiting: dict[str, list[tuple[int, ToolResult]]] = {}
        self._calls: dict[str, list[int]] = {}
        for place, message in enumerate(messages):
            for part in message.parts:
                if isinstance(part, ToolResult):
                    self._waiting.setdefault(part.call_id, []).append((place, part))
                elif isinstance(part, ToolCall):
                    self._calls.setdefault(part.id, []).append(place)

    def take(self, call: ToolCall, place: int) -> ToolResult:
        """The first result after a call, and before the next call with its id; an error where there is none."""
        waiting = self._waiting.get(call.id, [])
        before = min((other for other in self._calls[call.id] if other > place), default=float("inf"))
        found = next((each for each in waiting if place < each[0] < before), None)
        if found is None:
            return ToolResult(call_id=call.id, content=UNANSWERED, name=call.name, is_error=True)
        waiting.remove(found)
        result = found[1]
        content = result.content if result.content.strip() else ""
        return evolve(result, name=result.name or call.name, content=content)

    def check_all_taken(self) -> None:
        """Refuse results that answer no call."""
        for call_id, waiting in self._waiting.items():
            if waiting:
                msg = f"the tool result for call '{call_id:.80}' answers no tool call before it: send the call too, or leave the result out"
                raise BadRequestError(msg)
