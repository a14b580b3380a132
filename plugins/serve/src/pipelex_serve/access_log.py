"""One line of JSON a request, without its content and without a key."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING, Any, TextIO

from pipelex_serve.jsons import encode

if TYPE_CHECKING:
    from pipelex_serve.exchange import Exchange

_FLUSH_S = 0.2


class AccessLog:
    """The log; lines of one moment are written together."""

    def __init__(self, file: TextIO | None = None, *, is_on: bool = True) -> None:
        self._file = file or sys.stdout
        self._is_on = is_on
        self._lines: list[bytes] = []

    def write(self, line: dict[str, Any]) -> None:
        """Note a request that has ended."""
        if not self._is_on:
            return
        if not self._lines:
            asyncio.get_running_loop().call_later(_FLUSH_S, self.flush)
        self._lines.append(encode(line))

    def flush(self) -> None:
        """Write what waits."""
        lines, self._lines = self._lines, []
        if lines:
            self._file.write(b"\n".join([*lines, b""]).decode("utf-8"))
            self._file.flush()


def line_of(exchange: Exchange, route: str) -> dict[str, Any]:
    """What is noted of a request."""
    now = time.time()
    notes = exchange.notes
    line: dict[str, Any] = {
        "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03}Z",
        "id": exchange.id,
        "key": exchange.key.name if exchange.key else None,
        "method": exchange.scope["method"],
        "route": route,
        "status": exchange.status,
        "ms": round((time.monotonic() - exchange.started) * 1000, 1),
    }
    for name in ("handle", "model", "backend", "attempts", "input", "output", "cost", "error"):
        if notes.get(name) is not None:
            line[name] = notes[name]
    return line
