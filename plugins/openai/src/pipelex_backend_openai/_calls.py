"""Tool calls put together from the pieces of a stream, or taken whole."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from attrs import define, field

from pipelex_backend_openai._errors import MalformedError
from pipelex_core.deltas import ToolCallDelta
from pipelex_core.parts import ToolCall

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


@define(eq=False)
class PendingCall:
    """A tool call on its way.

    Attributes:
        index: Its place as the provider counts, where it does.
        id: Its name for the result, empty until it came.
        name: The tool, so far.
        arguments: Its arguments in JSON, so far.
        shown: How many characters of them have been passed on.
        extras: Further fields that the provider wants back.
    """

    index: int | None
    id: str = ""
    name: str = ""
    arguments: str = ""
    shown: int = 0
    extras: dict[str, Any] = field(factory=dict)

    @property
    def is_complete(self) -> bool:
        """Whether its arguments are whole."""
        return is_whole(self.arguments, is_last=True)


class PendingCalls:
    """The tool calls of one answer, in the order they began."""

    def __init__(self, kept_fields: tuple[str, ...] = ()) -> None:
        self.calls: list[PendingCall] = []
        self._kept_fields = kept_fields

    def add(self, piece: Mapping[str, Any], index: int | None = None) -> ToolCallDelta | None:
        """Take a call, or a piece of one: pieces belong together by their index, or else follow each other.

        Gives what can be passed on of a call whose name and id are known; one without an id has to wait for the end.

        Without an index or an id, a name begins a call. Some servers repeat the name with every piece.
        `index` is the call's position in an answer that was not streamed.
        """
        is_piece = index is None
        index = piece.get("index") if is_piece else index
        identity = piece.get("id")
        call = next((known for known in reversed(self.calls) if index is None or known.index == index), None)
        if call is None and identity and is_piece:  # LocalAI counts on within one call
            call = next((known for known in self.calls if known.id == identity and not known.is_complete), None)
        function = piece.get("function") or {}
        name = function.get("name") or ""
        if identity:
            is_new = call is not None and bool(call.id) and call.id != identity
        else:
            is_new = call is not None and index is None and bool(name and call.name)
        if call is None or is_new:
            call = PendingCall(index)
            self.calls.append(call)
        call.id = call.id or identity or ""
        if name != call.name:
            call.name += name
        arguments = function.get("arguments") or ""
        call.arguments += arguments if isinstance(arguments, str) else json.dumps(arguments)
        for kept in self._kept_fields:
            if kept in piece:
                call.extras[kept] = piece[kept]
        if not (is_piece and call.id and call.name and len(call.arguments) > call.shown):
            return None
        fresh, call.shown = call.arguments[call.shown :], len(call.arguments)
        return ToolCallDelta(number=self.calls.index(call), id=call.id, name=call.name, arguments=fresh)

    def take(self, name: str | None, others: Collection[str]) -> PendingCall | None:
        """The first call of the tool named, taken out; the only call there is, where a model misspelt its name and means none of the others."""
        if name is None:
            return None
        only = self.calls[0] if len(self.calls) == 1 and self.calls[0].name not in others else None
        taken = next((call for call in self.calls if call.name == name), only)
        if taken is not None:
            self.calls.remove(taken)
        return taken

    def finished(self, *, is_cut: bool = False) -> tuple[ToolCall, ...]:
        """The calls, with their arguments parsed; a provider without ids gets made-up ones.

        Of an answer that was cut short, a call that was cut with it is left out.
        """
        if is_cut:
            last = len(self.calls) - 1
            self.calls = [
                call for number, call in enumerate(self.calls) if is_whole(call.arguments, is_last=number == last)
            ]
        for number, call in enumerate(self.calls):
            call.id = call.id or f"call_{number}"
            identity: object = call.id  # whatever came
            if not (isinstance(identity, str) and call.name):
                msg = "a tool call has no name, or an invalid id"
                raise MalformedError(msg)
        return tuple(
            ToolCall(id=call.id, name=call.name, arguments=parsed_arguments(call.name, call.arguments))
            for call in self.calls
        )


def is_whole(arguments: str, *, is_last: bool) -> bool:
    """Whether a call of an answer that was cut short has all of its arguments; the last one has some, if it has."""
    if not arguments.strip():
        return not is_last
    try:
        return isinstance(json.loads(arguments), dict)
    except ValueError:
        return False


def parsed_arguments(name: str, arguments: str) -> Mapping[str, Any]:
    """The arguments of a call; none at all is an empty object."""
    try:
        parsed = json.loads(arguments) if arguments.strip() else {}
    except ValueError:
        msg = f"the arguments of the tool call '{name}' are not JSON"
        raise MalformedError(msg) from None
    if not isinstance(parsed, dict):
        if parsed is None:
            return {}
        msg = f"the arguments of the tool call '{name}' are not a JSON object"
        raise MalformedError(msg)
    return parsed
