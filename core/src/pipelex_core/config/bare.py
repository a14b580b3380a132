"""A project without a `.pipelex` folder: what the installed plugins bring, each model where the first backend offers it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_core.config.deck_files import DeckTables, add_file
from pipelex_core.config.starter import starter_of
from pipelex_core.errors import ModelsManagerError
from pipelex_core.routing import ModelEntry, RoutingProfile
from pipelex_core.specs import NOWHERE, Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_core.capabilities import Capabilities
    from pipelex_core.config.catalogue import Catalogue
    from pipelex_core.config.problems import Faults

_NAME = "installed plugins"


def bare_profile(catalogue: Catalogue, faults: Faults, *, chosen: str | None) -> RoutingProfile:
    """The profile: the first backend that can be used, and whoever else offers a model."""
    if chosen is not None:
        message = f"there is no routing profile '{chosen}': there is no .pipelex folder"
        faults.error(ModelsManagerError, "unknown-profile", message, NOWHERE, suggestion="run: pipelex init")
    first = next((name for name, read in catalogue.backends.items() if read.draft.off is None), None)
    return RoutingProfile(name=_NAME, default=first)


def bare_deck(models: Mapping[str, ModelEntry], capabilities: Capabilities, faults: Faults) -> DeckTables:
    """The handles of a new project."""
    deck = DeckTables(capabilities)
    add_file(deck, starter_of(models), Source(plugin="pipelex-core"), faults)
    return deck
