"""A conversation, begun anywhere, in the order and with the parts that a wire takes: what a plugin asks for.

A single question is sent as it is; the work on any other conversation is done by a distribution of its own.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from pipelex_core.first_party import DIALECTS, brought
from pipelex_core.parts import Message, TextPart

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pipelex_core.histories.form import HistoryForm


def fit(messages: Sequence[Message], form: HistoryForm, model_id: str) -> tuple[Message, ...]:
    """The conversation as a wire takes it; a call and its result have the same id.

    Messages of role `tool` hold all results of the message before them, in the order of its calls.

    Raises:
        BadRequestError: A tool's result answers no call before it.
        UnsupportedInputError: There is sound, which the wire does not take; or there are messages, and none of them can be sent.
    """
    if (
        len(messages) == 1
        and messages[0].role == "user"
        and all(type(part) is TextPart and part.text.strip() for part in messages[0].parts)
    ):
        return tuple(messages)  # most calls
    lack = "the conversation has to be fitted to the provider, and what does that is not installed"
    made: tuple[Message, ...] = brought("pipelex_core.dialects", DIALECTS, lack).fitted(messages, form, model_id)
    return made


def turns(messages: Iterable[Message]) -> Iterator[tuple[str, list[Message]]]:
    """Neighbours of one side together, for wires whose roles alternate: `assistant`, and `user` with the results of tools."""
    for is_assistant, group in groupby(messages, lambda message: message.role == "assistant"):
        yield "assistant" if is_assistant else "user", list(group)
