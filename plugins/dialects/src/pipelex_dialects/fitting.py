"""A conversation, begun anywhere, in the order and with the parts that a wire takes.

Every wire wants the result of each call straight after the message with the call, and nothing blank; what else one wants
is declared in its `HistoryForm`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import evolve

from pipelex_core.errors import UnsupportedInputError
from pipelex_core.parts import AudioPart, DocumentPart, Message, ProviderPart, TextPart, ToolCall
from pipelex_dialects.ids import CallIds, legal_name, renamed
from pipelex_dialects.results import Results, is_sent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipelex_core.histories.form import HistoryForm

_BRIDGE = Message(role="assistant", parts=(TextPart("OK"),))
_OPENING = Message(role="user", parts=(TextPart("(The conversation goes on.)"),))
_CLOSING = Message(role="user", parts=(TextPart("Go on."),))
_DOCUMENT_WORDS = TextPart("The document is attached.")


def fitted(messages: Sequence[Message], form: HistoryForm, model_id: str) -> tuple[Message, ...]:
    """As `pipelex_core.histories.fit`, of any conversation."""
    if not form.audio and any(isinstance(part, AudioPart) for message in messages for part in message.parts):
        raise UnsupportedInputError("this API takes no audio in a prompt: transcribe it, and send the text")
    made: list[Message] = []
    follows_results = False  # whether tools answered since the assistant last spoke
    for message in _answered(messages, form, model_id):
        if not made and form.opens_with_user and message.role != "user":
            made.append(_OPENING)
        if message.role == "user":
            has_document = any(isinstance(part, DocumentPart) for part in message.parts)
            if form.document_words and has_document and not message.text.strip():
                message = evolve(message, parts=(*message.parts, _DOCUMENT_WORDS))  # noqa: PLW2901
            if follows_results and (form.bridge == "always" or (form.bridge == "document" and has_document)):
                made.append(_BRIDGE)
                follows_results = False
        else:
            follows_results = message.role == "tool"
        made.append(message)
    if messages and not made:
        msg = "nothing of the conversation can be sent: it is blank, or only another provider understands it"
        raise UnsupportedInputError(msg)
    if form.closes_with_user and made and made[-1].role == "assistant":
        made.append(_CLOSING)
    return tuple(made)


def _answered(messages: Sequence[Message], form: HistoryForm, model_id: str) -> Iterator[Message]:
    """The messages without what is blank or another's, the results of each message's calls straight after it."""
    ids = CallIds(form)
    results = Results(messages, form, model_id)
    for place, message in enumerate(messages):
        parts = tuple(
            part for part in message.parts if is_sent(part, form.provider, model_id) and not results.holds(part)
        )
        calls = [part for part in parts if isinstance(part, ToolCall)]
        if not calls:
            if parts:
                yield message if len(parts) == len(message.parts) else evolve(message, parts=parts)
            continue
        made = [ids.new(call.id) for call in calls]
        names = {call.id: new for call, new in zip(calls, made, strict=True) if call.id != new}
        called = {call.name: new for call in calls if (new := legal_name(call.name, form)) != call.name}
        if names or called:
            new_ids = iter(made)
            parts = tuple(
                evolve(part, id=next(new_ids), name=called.get(part.name, part.name))
                if isinstance(part, ToolCall)
                else evolve(part, data=_called(renamed(part.data, names), called))
                if isinstance(part, ProviderPart)
                else part
                for part in parts
            )
        yield evolve(message, parts=parts) if names or called or len(parts) != len(message.parts) else message
        yield Message(
            role="tool", parts=tuple(results.take(call, place, new) for call, new in zip(calls, made, strict=True))
        )
    results.check_all_taken()


def _called(data: Any, called: Mapping[str, str]) -> Any:
    """Copy a provider's data, with the names in it replaced that its items of calls have at `name`."""
    if not called:
        return data
    if isinstance(data, Mapping):
        return {
            key: called.get(item, item) if key == "name" and isinstance(item, str) else _called(item, called)
            for key, item in data.items()
        }
    return type(data)(_called(item, called) for item in data) if isinstance(data, (list, tuple)) else data
