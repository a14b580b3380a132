"""The deck that `pipelex serve` answers with: the project's, or without a project a small one of local models."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipelex_core.command_line import Context
from pipelex_core.config import load
from pipelex_core.errors import ModelDeckNotFoundError
from pipelex_core.locate import locate
from pipelex_serve.decks import LoadedDeck

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelex_serve.settings import Settings

EMBEDDED = "llamacpp"
"""The backend that needs neither a key nor a server."""

_BACKENDS = f"[{EMBEDDED}]\nenabled = true\n"
_ROUTING = 'active = "local"\n\n[profiles.local]\ndefault = "llamacpp"\n'
_DECK = '[llm.choice_defaults]\nfor_text = "smollm2"\nfor_object = "smollm2"\n'


def loader(settings: Settings) -> Callable[[], LoadedDeck]:
    """What reads the deck that the settings name."""
    return partial(load_deck, settings)


def load_deck(settings: Settings) -> LoadedDeck:
    """Read the deck.

    Raises:
        ConfigError: It has faults.
    """
    context = Context(config=settings.config, env_file=settings.env_file, profile=settings.profile)
    plugins = context.plugins()
    try:
        loaded = load(**context.where(), plugins=plugins, strict=False)
    except ModelDeckNotFoundError:
        if settings.config is not None:
            raise
        return _embedded()
    return LoadedDeck(loaded.deck, plugins, locate(config=settings.config))


def _embedded() -> LoadedDeck:
    """The deck of a machine without a project."""
    from pipelex_core.plugins import discover

    plugins = discover()
    with tempfile.TemporaryDirectory(prefix="pipelex-serve-") as place:
        folder = Path(place) / "inference"
        (folder / "deck").mkdir(parents=True)
        (folder / "backends.toml").write_text(_BACKENDS, encoding="utf-8")
        (folder / "routing_profiles.toml").write_text(_ROUTING, encoding="utf-8")
        (folder / "deck" / "base_deck.toml").write_text(_DECK, encoding="utf-8")
        loaded = load(config=folder, plugins=plugins, strict=False)
    return LoadedDeck(loaded.deck, plugins)
