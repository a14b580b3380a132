"""Ids and names of tool calls that a wire takes: short, legal, and unique in a conversation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelex_core.histories.form import HistoryForm


class CallIds:
    """The ids of one conversation on its way to a wire."""

    def __init__(self, form: HistoryForm) -> None:
        self._form = form
        self._taken: set[str] = set()

    def new(self, call_id: str) -> str:
        """The id of a call: its own where the wire takes it and no earlier call has it, else a made one.

        The made one depends on the call's own id and on how often that came before, so a conversation that goes on
        sends the same ids again, and a provider's cache of prompts still holds.
        """
        made, times = call_id, 0
        while made in self._taken or not re.fullmatch(self._form.call_id, made):
            made = _short(call_id, times, self._form.made_id)
            times += 1
        self._taken.add(made)
        return made


def _short(call_id: str, times: int, length: int) -> str:
    from hashlib import sha256

    seed = f"{call_id}\n{times}" if times else call_id
    return sha256(seed.encode("utf-8", "surrogatepass")).hexdigest()[:length]


def legal_name(name: str, form: HistoryForm) -> str:
    """The name of a call: its own where the wire takes it, else its legal characters and a digest of the name.

    The digest keeps two names apart, and apart from the tools of the request, whose names are legal as they are.
    """
    if form.call_name is None or re.fullmatch(form.call_name, name):
        return name
    stem = re.sub(r"[^A-Za-z0-9_-]+", "_", name)[:47].strip("_") or "tool"
    return f"{stem}_{_short(name, 0, 16)}"


def renamed(value: Any, names: Mapping[str, str]) -> Any:
    """Copy a provider's data, with the ids in it replaced, wherever they are a whole key or value."""
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, Mapping):
        return {names.get(key, key): renamed(item, names) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(renamed(item, names) for item in value)
    return value
