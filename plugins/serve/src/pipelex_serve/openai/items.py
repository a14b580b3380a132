"""The items of the last responses, for clients that send an item's id in place of the item.

Vercel's AI SDK does so in every turn after the first, unless it was made to send `store: false`: OpenAI's servers would have
stored the response. They are remembered for a while, by all workers, and nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_serve.jsons import decode, encode
from pipelex_serve.problems import refuse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pipelex_serve.memory import Memory


class Items:
    """Items by the key that they were sent to, and their id."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def keep(self, key_id: str, items: Iterable[Mapping[str, Any]]) -> None:
        """Remember the items of a response."""
        self._memory.put(key_id, {item["id"]: encode(item).decode("utf-8") for item in items})

    async def resolved(self, key_id: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """A request's body with the items in the places of their references.

        Raises:
            RefusedError: 400: an item is not known, or not any more.
        """
        provided = body.get("input")
        if not isinstance(provided, list):
            return body
        ids = {at: item.get("id") for at, item in enumerate(provided) if _is_reference(item)}
        if not ids:
            return body
        found = await self._memory.find(key_id, [each for each in ids.values() if isinstance(each, str)])
        known: dict[int, Any] = {}
        for at, identity in ids.items():
            if not isinstance(identity, str) or identity not in found:
                msg = (
                    f"the item_reference {identity!r:.100} is not known: this gateway remembers the items of its last "
                    "responses only, for an hour at most; send the item itself, as clients do with store: false"
                )
                raise refuse(400, msg, code="unsupported_value", param="input")
            known[at] = decode(found[identity].encode("utf-8"))
        return {**body, "input": [known.get(at, item) for at, item in enumerate(provided)]}


def _is_reference(item: object) -> bool:
    return isinstance(item, dict) and item.get("type") == "item_reference"
