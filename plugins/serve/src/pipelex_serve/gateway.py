"""What all requests of a worker share."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from pipelex_serve.kept import Kept
from pipelex_serve.memory import Memory, open_shelf
from pipelex_serve.openai.items import Items

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelex_core.deck import ModelDeck
    from pipelex_serve.accounts import Accounts
    from pipelex_serve.decks import Decks
    from pipelex_serve.metrics import Metrics
    from pipelex_serve.settings import Settings


_RECENT = 500


class Gateway:
    """The parts of a gateway, for as long as its worker runs.

    Attributes:
        settings: What it was started with.
        decks: The deck in use, and the way to read it anew.
        accounts: Keys and spend.
        metrics: What Prometheus asks for.
        memory: What its workers remember together.
        kept: What providers want back, for clients that drop it.
        items: The items of the last responses, for clients that refer to them.
        in_flight: Requests under way.
        recent: The last requests, for the page.
        is_draining: Whether new requests are refused, because it is about to end.
        admin_digest: Of the secret that opens the page.
    """

    def __init__(
        self, settings: Settings, decks: Decks, accounts: Accounts, metrics: Metrics, admin_digest: str = ""
    ) -> None:
        self.settings = settings
        self.decks = decks
        self.accounts = accounts
        self.metrics = metrics
        self.memory = Memory(open_shelf(accounts.store))
        self.kept = Kept(self.memory)
        self.items = Items(self.memory)
        self.in_flight = 0
        self.recent: deque[dict[str, Any]] = deque(maxlen=_RECENT)
        self.is_draining = False
        self.admin_digest = admin_digest

    @property
    def deck(self) -> ModelDeck:
        """The deck that calls which begin now use."""
        return self.decks.current.deck

    @staticmethod
    def notes_of(ignored: tuple[str, ...]) -> Iterator[tuple[bytes, bytes]]:
        """A header that names the parameters that were not used."""
        if ignored:
            names = ",".join(name for name in ignored if name.isascii() and name.isprintable())
            yield b"x-pipelex-ignored", names[:500].encode("ascii")
