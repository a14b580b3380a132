"""Reads the deck anew when one of its files changes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from pipelex_serve.decks import Decks

_EVERY_S = 1.0


async def watch(decks: Decks, every: float = _EVERY_S) -> None:
    """Look at the files again and again; what is being written is waited for."""
    seen = stamps(decks.current.folder)
    read = seen
    while True:
        await asyncio.sleep(every)
        now = stamps(decks.current.folder)
        if now == seen and now != read:  # it has changed, and has settled
            read = now
            await decks.reload()
        seen = now


def stamps(folder: Path | None) -> dict[str, tuple[int, int]]:
    """Each file of a configuration -> when it was changed, and its size; with the `.env` beside it."""
    if folder is None:
        return {}
    from pipelex_core.locate import env_file_of

    found: dict[str, tuple[int, int]] = {}
    for file in (*folder.rglob("*.toml"), env_file_of(folder)):
        try:
            status = file.stat()
        except OSError:
            continue
        found[str(file)] = (status.st_mtime_ns, status.st_size)
    return found
