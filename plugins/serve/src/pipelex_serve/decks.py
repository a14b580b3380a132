"""The deck in use: loaded, replaced while calls go on, and closed once the last call on it has ended."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pipelex_core.execution.execution import Execution

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipelex_core.deck import ModelDeck
    from pipelex_core.plugins import Plugins

_log = logging.getLogger("pipelex_serve")


class LoadedDeck:
    """A deck, and what carries its calls.

    Attributes:
        deck: The handles.
        execution: Carries calls to the plugins.
        in_flight: Calls under way on it.
        folder: The folder that it was read from, or None.
    """

    def __init__(self, deck: ModelDeck, plugins: Plugins, folder: Path | None = None) -> None:
        self.deck = deck
        self.execution = Execution(deck, plugins)
        self.in_flight = 0
        self.folder = folder
        self._is_old = False

    def begin(self) -> None:
        """A call begins on it."""
        self.in_flight += 1

    async def end(self) -> None:
        """A call on it has ended; the last one of a deck that was replaced closes it."""
        self.in_flight -= 1
        if self._is_old and not self.in_flight:
            await self.execution.close()

    async def retire(self) -> None:
        """No further call begins on it."""
        self._is_old = True
        if not self.in_flight:
            await self.execution.close()


class Decks:
    """The deck in use, and the way to read it anew.

    Attributes:
        current: What calls that begin now use.
        version: How often it was replaced.
        fault: Why the last reload failed, or None.
    """

    def __init__(self, load: Callable[[], LoadedDeck]) -> None:
        self._load = load
        self.current = load()
        self.version = 0
        self.fault: str | None = None

    async def reload(self) -> bool:
        """Read the deck anew, beside the event loop; a faulty one leaves the one in use in its place."""
        import asyncio

        from pipelex_core.errors import PipelexError

        try:
            fresh = await asyncio.to_thread(self._load)
        except (PipelexError, OSError) as error:
            self.fault = str(error)
            _log.error("the deck was not reloaded, and the one in use stays: %s", error)
            return False
        old, self.current = self.current, fresh
        self.version += 1
        self.fault = None
        _log.info("the deck was reloaded")
        await old.retire()
        return True

    async def close(self) -> None:
        """Close the one in use."""
        await self.current.retire()
