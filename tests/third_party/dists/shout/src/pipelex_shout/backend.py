"""The backend of sdk `loud`: it needs no provider."""

from __future__ import annotations

import asyncio

from pipelex_core.errors import OverloadedError
from pipelex_shout.capability import ShoutAnswer, Shouter, ShoutRequest, mock


class LoudBackend(Shouter):
    """Shouts by itself; the model `broken-megaphone` has no power, and "slowly" takes its time."""

    async def shout(self, request: ShoutRequest) -> ShoutAnswer:
        """The text in capitals."""
        if request.spec.name == "broken-megaphone":
            raise OverloadedError("it has no power", status=503)
        if request.text == "slowly":
            await asyncio.sleep(5)
        return mock(request)
