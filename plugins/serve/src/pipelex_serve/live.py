"""The calls of tools that were sent to a client in pieces, while the rest of the answer still comes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pipelex_core.deltas import ToolCallDelta
    from pipelex_core.parts import ToolCall


class LiveCalls:
    """Which call is open, and which ones were sent; what does not follow in order waits for the end of the answer.

    Attributes:
        open: The first piece of the call that is being sent, or None.
    """

    def __init__(self) -> None:
        self.open: ToolCallDelta | None = None
        self._written: list[str] = []
        self._sent: set[str] = set()
        self._held: set[int] = set()

    def takes(self, delta: ToolCallDelta) -> bool:
        """Whether a piece goes on with the open call, or begins a call whose turn it is; that one is then open."""
        if self.open is not None and self.open.number == delta.number:
            self._written.append(delta.arguments)
            return True
        if delta.id in self._sent or delta.number in self._held or not self._is_whole():
            self._held.add(delta.number)
            return False
        self.open, self._written = delta, [delta.arguments]
        self._sent.add(delta.id)
        return True

    def close(self) -> None:
        """The open call has ended."""
        self.open, self._written = None, []

    def rest(self, calls: Iterable[ToolCall]) -> Iterator[tuple[int, ToolCall]]:
        """The calls of the whole answer that were not sent, with their places."""
        return ((number, call) for number, call in enumerate(calls) if call.id not in self._sent)

    def _is_whole(self) -> bool:
        """Whether no call is open, or the open one has all of its arguments: providers may mix the pieces of several."""
        return self.open is None or is_json("".join(self._written))


def is_json(text: str) -> bool:
    """Whether a text is a whole JSON document."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
