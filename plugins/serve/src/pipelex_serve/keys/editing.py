"""`pipelex serve keys add`, `list` and `revoke`."""

from __future__ import annotations

import asyncio
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pipelex_core.errors import PipelexError
from pipelex_serve.keys.key import Key, digest_of, nano, new_secret, periods, usd
from pipelex_serve.keys.opening import opened_store

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipelex_core.command_line import Context
    from pipelex_serve.keys.store import Standing, Store

_USAGE = "write: pipelex serve keys add NAME, keys list, or keys revoke NAME"


def edit_keys(words: Sequence[str], place: str, limits: Mapping[str, Any], context: Context, *, as_json: bool) -> int:
    """Do what the words say.

    Raises:
        PipelexError: They say nothing that there is, or the name is taken or unknown.
    """

    async def edit() -> int:
        async with opened_store(place) as store:
            match words:
                case ("keys", "add", name):
                    await _add(store, name, limits, context, as_json=as_json)
                case ("keys", "list"):
                    await _list(store, context, as_json=as_json)
                case ("keys", "revoke", name):
                    await _revoke(store, name, context)
                case _:
                    msg = f"there is no `pipelex serve {' '.join(words)}`; {_USAGE}"
                    raise PipelexError(msg)
        return 0

    return asyncio.run(edit())


async def add_key(store: Store, name: str, limits: Mapping[str, Any]) -> tuple[Key, str]:
    """Make a key; it and its secret.

    Raises:
        PipelexError: The name is taken, or not one, or a limit is negative.
    """
    if not name.strip() or len(name) > 100 or not name.isprintable():
        msg = "the name of a key has 1 to 100 characters that can be printed"
        raise PipelexError(msg)
    for limit, value in limits.items():
        if isinstance(value, bool) or value is None or isinstance(value, str):
            continue
        if not value >= 0 or value > 1_000_000_000:
            msg = f"--{limit.replace('_', '-')} is from 0 to 1,000,000,000, not {value}"
            raise PipelexError(msg)
    secret = new_secret()
    handles = str(limits.get("handles") or "")
    day, month = limits.get("day_budget"), limits.get("month_budget")
    key = Key(
        id=secrets.token_hex(8),
        name=name,
        digest=digest_of(secret),
        handles=tuple(handle.strip() for handle in handles.split(",") if handle.strip()),
        day_budget=None if day is None else nano(day),
        month_budget=None if month is None else nano(month),
        rpm=limits.get("rpm"),
        tpm=limits.get("tpm"),
        is_admin=bool(limits.get("is_admin")),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    if not await store.add(key):
        msg = f"there is a key '{name}' already: revoke it first, or choose another name"
        raise PipelexError(msg)
    return key, secret


async def _add(store: Store, name: str, limits: Mapping[str, Any], context: Context, *, as_json: bool) -> None:
    key, secret = await add_key(store, name, limits)
    if as_json:
        context.print_json({"name": key.name, "key": secret})
        return
    import sys

    sys.stdout.write(f"{secret}\n")
    context.note(f"The key '{name}' is shown this once: only its digest is kept.")


async def _list(store: Store, context: Context, *, as_json: bool) -> None:
    day, month, minute = periods(datetime.now(UTC))
    rows = [(key, await store.standing(key.id, day, month, minute)) for key in await store.keys()]
    if as_json:
        context.print_json([shown(key, used) for key, used in rows])
        return
    import sys

    for key, used in rows:
        state = "revoked" if key.revoked else "in use"
        reported = f"{key.name}: {state}, {used.calls} calls, {_money(used.total_nano)} US$ in all"
        for word, budget, spent in (
            ("today", key.day_budget, used.day_nano),
            ("this month", key.month_budget, used.month_nano),
        ):
            if budget is not None:
                reported += f", {_money(spent)} of {_money(budget)} US$ {word}"
        if key.handles:
            reported += f", may call {', '.join(key.handles)}"
        sys.stdout.write(reported + "\n")
    if not rows:
        context.note("There are no keys: everybody on this machine may call. Make one: pipelex serve keys add NAME")


async def _revoke(store: Store, name: str, context: Context) -> None:
    if not await store.revoke(name, datetime.now(UTC).isoformat(timespec="seconds")):
        msg = f"there is no key '{name}' in use"
        raise PipelexError(msg)
    context.note(f"The key '{name}' is revoked; a gateway that runs knows it within seconds.")


def shown(key: Key, used: Standing) -> dict[str, Any]:
    """A key and what it used, as JSON has it: money as text, so that nothing is rounded."""

    def money(nanos: int | None) -> str | None:
        return None if nanos is None else _money(nanos)

    return {
        "name": key.name,
        "created": key.created,
        "revoked": key.revoked,
        "handles": list(key.handles),
        "is_admin": key.is_admin,
        "rpm": key.rpm,
        "tpm": key.tpm,
        "day_budget": money(key.day_budget),
        "day_spent": money(used.day_nano),
        "month_budget": money(key.month_budget),
        "month_spent": money(used.month_nano),
        "total_spent": money(used.total_nano),
        "calls": used.calls,
    }


def _money(nanos: int) -> str:
    text = f"{usd(nanos):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
