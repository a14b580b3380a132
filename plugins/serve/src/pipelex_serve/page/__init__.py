"""The page at `/`: a shell that anybody may have, and the figures, which need the admin key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import attrs

from pipelex_serve.keys.editing import shown
from pipelex_serve.keys.key import periods, usd
from pipelex_serve.problems import refuse

if TYPE_CHECKING:
    from pipelex_serve.exchange import Exchange
    from pipelex_serve.gateway import Gateway

_DAYS = 30
_TYPES = {
    "/": ("page.html", b"text/html; charset=utf-8"),
    "/page.js": ("page.js", b"text/javascript; charset=utf-8"),
    "/page.css": ("page.css", b"text/css; charset=utf-8"),
}
PATHS = tuple(_TYPES)

_GUARDS = [
    (
        b"content-security-policy",
        (
            b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
            b"frame-ancestors 'none'"
        ),
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
]
"""Nothing of elsewhere runs in it, and it runs nowhere else."""


async def page(gateway: Gateway, exchange: Exchange) -> None:
    """One of the page's files."""
    if not gateway.settings.page:
        msg = "this gateway has no page"
        raise refuse(404, msg, code="unknown_url")
    name, content_type = _TYPES[exchange.scope["path"]]
    exchange.add_headers(_GUARDS)
    await exchange.answer_bytes(_file(name), content_type)


@cache
def _file(name: str) -> bytes:
    return files("pipelex_serve.page").joinpath(name).read_bytes()


async def figures(gateway: Gateway, exchange: Exchange) -> None:
    """Who spent what, which handle went where, latencies, errors."""
    if not gateway.settings.page:
        msg = "this gateway has no page"
        raise refuse(404, msg, code="unknown_url")
    now = datetime.now(UTC)
    store = gateway.accounts.store
    await gateway.accounts.flush()
    keys = [shown(key, await store.standing(key.id, *periods(now))) for key in await store.keys()]
    uses = await store.uses((now - timedelta(days=_DAYS)).strftime("%Y-%m-%d"))
    exchange.add_headers(_GUARDS)
    await exchange.answer(
        {
            "in_flight": gateway.in_flight,
            "deck_version": gateway.decks.version,
            "deck_fault": gateway.decks.fault,
            "is_draining": gateway.is_draining,
            "days": _DAYS,
            "keys": keys,
            "uses": [_use(attrs.asdict(use)) for use in uses],
            "recent": list(gateway.recent),
        }
    )


def _use(use: dict[str, Any]) -> dict[str, Any]:
    return {**use, "usd": f"{usd(use.pop('nano')):f}"}
