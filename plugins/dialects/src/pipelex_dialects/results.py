"""The results of a conversation's calls, each beside the call that it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import evolve

from pipelex_core.errors import BadRequestError
from pipelex_core.parts import Message, Part, ProviderPart, TextPart, ToolCall, ToolResult
from pipelex_dialects.ids import legal_name, renamed

if TYPE_CHECKING:
    from pipelex_core.histories.form import HistoryForm

MODEL_ID = "model_id"
"""Key in a `ProviderPart`'s data: the only model that the part may go to, such as the one that signed a thought."""

UNANSWERED = "The call was not carried out."
"""The result of a call that the conversation leaves unanswered, which every provider refuses."""


def is_sent(part: Part, provider: str, model_id: str) -> bool:
    """Whether a part goes to a provider's model where it is; results follow their calls instead."""
    if isinstance(part, TextPart):
        return bool(part.text.strip())
    if isinstance(part, ProviderPart):
        return part.provider == provider and part.data.get(MODEL_ID, model_id) == model_id
    return not isinstance(part, ToolResult)


class Results:
    """The results of a conversation, by the calls that they answer."""

    def __init__(self, messages: Sequence[Message], form: HistoryForm, model_id: str) -> None:
        self._form = form
        self._calls: dict[str, list[int]] = {}
        self._waiting: dict[str, list[tuple[int, ToolResult | ProviderPart]]] = {}
        for place, message in enumerate(messages):
            for part in message.parts:
                if isinstance(part, ToolCall):
                    self._calls.setdefault(part.id, []).append(place)
        for place, message in enumerate(messages):
            for part in message.parts:
                if isinstance(part, ToolResult):
                    self._waiting.setdefault(part.call_id, []).append((place, part))
                elif isinstance(part, ProviderPart) and is_sent(part, form.provider, model_id):
                    answered = self._answered_by(part)
                    if answered in self._calls:
                        self._waiting.setdefault(answered, []).append((place, part))

    def holds(self, part: Part) -> bool:
        """Whether a part in the provider's own form answers a call of the conversation."""
        return isinstance(part, ProviderPart) and self._answered_by(part) in self._calls

    def take(self, call: ToolCall, place: int, new_id: str) -> ToolResult | ProviderPart:
        """The first result after a call, and before the next call with its id; an error where there is none."""
        waiting = self._waiting.get(call.id, [])
        before = min((other for other in self._calls[call.id] if other > place), default=float("inf"))
        found = next((each for each in waiting if place < each[0] < before), None)
        if found is None:
            name = legal_name(call.name, self._form) if self._form.result_names else None
            return ToolResult(call_id=new_id, content=UNANSWERED, name=name, is_error=True)
        waiting.remove(found)
        result = found[1]
        if isinstance(result, ProviderPart):
            return result if call.id == new_id else evolve(result, data=renamed(result.data, {call.id: new_id}))
        name = result.name or (call.name if self._form.result_names else None)
        name = None if name is None else legal_name(name, self._form)
        return evolve(result, call_id=new_id, name=name, content=result.content if result.content.strip() else "")

    def check_all_taken(self) -> None:
        """Refuse results that answer no call."""
        for call_id, waiting in self._waiting.items():
            if waiting:
                msg = f"the tool result for call '{call_id:.80}' answers no tool call before it: send the call too, or leave the result out"
                raise BadRequestError(msg)

    def _answered_by(self, part: ProviderPart) -> str | None:
        """The id in a result of the provider's own form; None where the part is nothing like it."""
        if not self._form.result_id or part.provider != self._form.provider:
            return None
        value: Any = part.data
        for key in self._form.result_id:
            value = value.get(key) if isinstance(value, Mapping) else None
        return value if isinstance(value, str) else None
