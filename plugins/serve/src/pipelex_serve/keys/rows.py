"""Keys and entries as the parameters of statements, and rows as keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from pipelex_serve.jsons import decode, encode
from pipelex_serve.keys.key import Key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_serve.keys.store import Entry


def of_key(key: Key) -> dict[str, Any]:
    """The columns of a key."""
    columns = attrs.asdict(key)
    return {**columns, "handles": encode(key.handles).decode("utf-8"), "is_admin": int(key.is_admin)}


def key_of(row: Mapping[str, Any]) -> Key:
    """The key of a row."""
    columns = dict(row)
    handles = tuple(decode(columns["handles"].encode("utf-8")))
    return Key(**{**columns, "handles": handles, "is_admin": bool(columns["is_admin"])})


def of_entry(entry: Entry) -> dict[str, Any]:
    """What lets a call in."""
    key = entry.key
    limits = {"day_budget": key.day_budget, "month_budget": key.month_budget, "rpm": key.rpm, "tpm": key.tpm}
    return {
        "id": key.id,
        "day": entry.day,
        "month": entry.month,
        "minute": entry.minute,
        "nano": entry.nano,
        "tokens": entry.tokens,
        **{name: -1 if limit is None else limit for name, limit in limits.items()},
    }


def of_settled(entry: Entry, nano: int, tokens: int) -> dict[str, Any]:
    """What a call that has ended adds to what it reserved."""
    return {
        "id": entry.key.id,
        "day": entry.day,
        "month": entry.month,
        "minute": entry.minute,
        "more": nano - entry.nano,
        "more_tokens": tokens - entry.tokens,
        "paid": nano,
    }
