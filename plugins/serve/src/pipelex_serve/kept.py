"""What a provider wants back in the next turn, kept for it by clients that know nothing of it.

It goes out in an envelope: in `reasoning_details` of a chat message, in the `signature` of a thinking block, in the
`encrypted_content` of a reasoning item. A client that sends its messages back as they came sends it along, to whichever
replica. For those that keep only text and calls, the gateway remembers the envelope of each answer for a while, by what the
answer says.
"""

from __future__ import annotations

import binascii
import json
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from attrs import evolve

from pipelex_core.errors import PlainDataError
from pipelex_core.parts import Message, ProviderPart, TextPart, ToolCall
from pipelex_serve.problems import refuse

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pipelex_core.results import TextResult
    from pipelex_serve.memory import Memory

_MARK = "pplx1."
_MOST_INFLATED = 8 * 1024 * 1024


def envelope(parts: Iterable[ProviderPart]) -> str | None:
    """The parts as one text; None where there are none."""
    listed = [part.to_dict() for part in parts]
    if not listed:
        return None
    data = json.dumps(listed, separators=(",", ":")).encode("ascii")
    return _MARK + urlsafe_b64encode(zlib.compress(data, 1)).decode("ascii")


def is_envelope(text: object) -> bool:
    """Whether a text is an envelope of this gateway."""
    return isinstance(text, str) and text.startswith(_MARK)


def unpack(text: str) -> tuple[ProviderPart, ...]:
    """The parts in an envelope.

    Raises:
        RefusedError: 400: it was changed on its way.
    """
    msg = "a signature of this gateway came back changed: send reasoning back as it came, or leave it out"
    try:
        inflating = zlib.decompressobj()
        data = inflating.decompress(urlsafe_b64decode(text.removeprefix(_MARK)), _MOST_INFLATED)
        listed = json.loads(data) if inflating.eof else None
        if not isinstance(listed, list):
            raise refuse(400, msg, code="invalid_signature")
        return tuple(ProviderPart.from_dict(part) for part in listed)
    except (ValueError, zlib.error, binascii.Error, PlainDataError, RecursionError):
        raise refuse(400, msg, code="invalid_signature") from None


def parts_of(result: TextResult) -> tuple[ProviderPart, ...]:
    """What the provider of an answer wants back."""
    return tuple(part for part in result.message.parts if isinstance(part, ProviderPart))


class Kept:
    """The envelopes of the last answers, by who asked and what they say."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def keep(self, key_id: str, text: str, calls: Sequence[ToolCall], packed: str | None) -> None:
        """Remember the envelope of an answer."""
        if packed is not None:
            self._memory.put(key_id, {_place(text, calls): packed})

    async def restore(self, key_id: str, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        """The conversation, its assistant's messages with the parts that the client left out."""
        if self._memory.is_blank:
            return messages
        places = {number: _place_of(message) for number, message in enumerate(messages) if _is_bare(message)}
        if not places:
            return messages
        packed = await self._memory.find(key_id, [*places.values()])
        return tuple(
            evolve(message, parts=(*unpack(packed[places[number]]), *message.parts))
            if places.get(number) in packed
            else message
            for number, message in enumerate(messages)
        )


def _is_bare(message: Message) -> bool:
    """Whether a message is the model's, without what its provider wants back."""
    return message.role == "assistant" and not any(isinstance(part, ProviderPart) for part in message.parts)


def _place_of(message: Message) -> str:
    return _place(message.text, [part for part in message.parts if isinstance(part, ToolCall)])


def _place(text: str, calls: Sequence[ToolCall]) -> str:
    stated: list[Any] = [text.strip(), [[call.id, call.name, call.arguments] for call in calls]]
    return sha256(json.dumps(stated, sort_keys=True, default=str).encode("ascii")).hexdigest()


def assistant(texts: Iterable[str], calls: Iterable[ToolCall], kept: Iterable[ProviderPart]) -> Message:
    """An assistant's turn, in the order that the library has it."""
    stated = tuple(TextPart(text) for text in texts if text)
    return Message(role="assistant", parts=(*kept, *stated, *calls))
