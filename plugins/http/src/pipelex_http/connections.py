"""Connections of the pool, kept between requests."""

from __future__ import annotations

import select
from typing import Any

import aiohttp


class Connections(aiohttp.TCPConnector):
    """aiohttp's connections, those left out that the server has closed while the loop could not hear of it.

    A request on one of these would get no answer, and nobody could tell whether it was taken.
    """

    async def _get(self, *args: Any) -> Any:
        while (found := await super()._get(*args)) is not None:
            transport = found.transport
            if transport is None or not _has_something_to_read(transport.get_extra_info("socket")):
                break
            found.close()
        return found


def _has_something_to_read(sock: Any) -> bool:
    """Whether bytes, or its end, have come on a connection on which nothing was asked."""
    if sock is None or sock.fileno() < 0:
        return sock is not None
    if not hasattr(select, "poll"):
        return bool(select.select([sock], [], [], 0)[0])
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))
