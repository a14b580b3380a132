"""What a stream of text brings beside text: reasoning, and calls of tools, piece by piece.

Each is an empty delta, so that it is a sign of life, and no more, to whoever reads text alone.
"""

from __future__ import annotations

from typing import Self, final


class SideDelta(str):
    """A delta without text; a call whose plan does not ask for them never sees one."""

    __slots__ = ()


@final
class ReasoningDelta(SideDelta):
    """A piece of reasoning that is shown.

    Attributes:
        reasoning: The piece.
    """

    __slots__ = ("reasoning",)

    reasoning: str

    def __new__(cls, reasoning: str) -> Self:
        """Hold a piece."""
        made = super().__new__(cls)
        made.reasoning = reasoning
        return made


@final
class ToolCallDelta(SideDelta):
    """A piece of a tool call's arguments.

    Attributes:
        number: The call's place among the calls of the answer, from 0.
        id: Its id, the same in each piece, and in the answer.
        name: The tool, the same in each piece.
        arguments: The piece of JSON; empty in the first piece of a call whose arguments have not begun.
    """

    __slots__ = ("arguments", "id", "name", "number")

    number: int
    id: str
    name: str
    arguments: str

    def __new__(cls, *, number: int, id: str, name: str, arguments: str) -> Self:
        """Hold a piece."""
        made = super().__new__(cls)
        made.number, made.id, made.name, made.arguments = number, id, name, arguments
        return made
