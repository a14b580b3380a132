"""The handles a project begins with, for the models that are known: what `init` writes, and what holds without a folder."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

import tomli

from pipelex_core.config.deck_files import DeckTables, add_file
from pipelex_core.errors import ModelsManagerError
from pipelex_core.routing import ModelEntry, RoutingProfile
from pipelex_core.specs import NOWHERE, Source

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from pipelex_core.capabilities import Capabilities
    from pipelex_core.config.catalogue import Catalogue
    from pipelex_core.config.problems import Faults
    from pipelex_core.routing import ModelEntry


_NAME = "installed plugins"


def starter_tables(models: Collection[str], usable: Collection[str] | None = None) -> dict[str, Any]:
    """The tables of starter.toml; chains keep the models that are known, and what would lead nowhere is left out.

    Args:
        models: Every model that an installed plugin brings, also as `model@backend`.
        usable: Those of the backends that are switched on; where none of a default is among them, a model of this machine
            is the default. None for all.
    """
    template = _template()
    chains: dict[str, list[str]] = template.pop("aliases")
    aliases = {name: known for name, chain in chains.items() if (known := [one for one in chain if one in models])}
    found: dict[str, Any] = {"aliases": {name: names if names[1:] else names[0] for name, names in aliases.items()}}
    for capability, tables in template.items():
        presets = {
            name: preset
            for name, preset in tables["presets"].items()
            if preset["model"] in models or preset["model"] in aliases
        }
        if presets:
            leads = {name: {*aliases.get(preset["model"], (preset["model"],))} for name, preset in presets.items()}
            choices = _choices(tables, leads, models if usable is None else usable)
            found[capability] = {**choices, "presets": presets}
    return found


def starter_of(models: Mapping[str, ModelEntry]) -> dict[str, Any]:
    """The tables for models as a load has routed them, with the policy for settings that a model does not take."""
    offered = {f"{name}@{backend}" for name, entry in models.items() for backend in entry.offered_by}
    usable = offered.union(name for name, entry in models.items() if entry.available)
    return {"on_unsupported_setting": "drop", **starter_tables(usable.union(models), usable)}


def starter_chains() -> dict[str, frozenset[str]]:
    """`alias 'name'` -> every model that its chain may have."""
    return {f"alias '{name}'": frozenset(chain) for name, chain in _template()["aliases"].items()}


def _template() -> dict[str, Any]:
    return tomli.loads(files(__package__).joinpath("starter.toml").read_text(encoding="utf-8"))


def _choices(tables: Mapping[str, Any], leads: Mapping[str, set[str]], usable: Collection[str]) -> dict[str, Any]:
    """The defaults of a capability: of each, the first preset that leads to a usable model, else the first of all."""
    if "choice_defaults" not in tables:
        wanted = tables["choice_default"]
        names = [wanted] if isinstance(wanted, str) else wanted
        return {"choice_default": _first(names, leads, usable) or next(iter(leads))}
    choices = {choice: _first(names, leads, usable) for choice, names in tables["choice_defaults"].items()}
    return {"choice_defaults": {choice: name for choice, name in choices.items() if name is not None}}


def _first(names: Iterable[str], leads: Mapping[str, set[str]], usable: Collection[str]) -> str | None:
    """The first preset that leads to a usable model, else the first there is, else None."""
    known = [name for name in names if name in leads]
    return next((name for name in known if not leads[name].isdisjoint(usable)), next(iter(known), None))


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
