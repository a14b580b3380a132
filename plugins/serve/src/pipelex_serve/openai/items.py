"""The items of the last responses, for clients that send an item's id in place of the item.

Vercel's AI SDK does so in every turn after the first, unless it was made to send `store: false`: OpenAI's servers would have
stored the response. They are held in the worker's memory for a while, and nowhere else.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from pipelex_serve.jsons import decode, encode
from pipelex_serve.problems import refuse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_MOST_BYTES = 8 * 1024 * 1024


class Items:
    """Items by the key that they were sent to, and their id; the oldest go first."""

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most = most_bytes
        self._size = 0
        self._items: OrderedDict[tuple[str, str], bytes] = OrderedDict()

    def keep(self, key_id: str, items: Iterable[Mapping[str, Any]]) -> None:
        """Remember the items of a response."""
        for item in items:
            data = encode(item)
            if len(data) > self._most // 8:
                continue
            self._size += len(data)
            self._items[(key_id, item["id"])] = data
        while self._size > self._most:
            self._size -= len(self._items.popitem(last=False)[1])

    def resolved(self, key_id: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """A request's body with the items in the places of their references.

        Raises:
            RefusedError: 400: an item is not known, or not any more.
        """
        provided = body.get("input")
        if not isinstance(provided, list) or not any(_is_reference(item) for item in provided):
            return body
        return {**body, "input": [self._found(key_id, item) if _is_reference(item) else item for item in provided]}

    def _found(self, key_id: str, reference: Mapping[str, Any]) -> Any:
        identity = reference.get("id")
        data = self._items.get((key_id, identity)) if isinstance(identity, str) else None
        if data is None:
            msg = (
                f"the item_reference {identity!r:.100} is not known: a worker of this gateway remembers the items of its last "
                "responses only; send the item itself, as clients do with store: false"
            )
            raise refuse(400, msg, code="unsupported_value", param="input")
        return decode(data)


def _is_reference(item: object) -> bool:
    return isinstance(item, dict) and item.get("type") == "item_reference"
