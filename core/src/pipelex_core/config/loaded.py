"""What a load gives."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pipelex_core.config.catalogue import Catalogue
    from pipelex_core.config.context import Context
    from pipelex_core.config.names import Unknown
    from pipelex_core.config.problems import Faults
    from pipelex_core.deck import ModelDeck
    from pipelex_core.errors import Problem
    from pipelex_core.routing import RoutingProfile
    from pipelex_core.specs import Source


@frozen(kw_only=True)
class DisabledBackend:
    """A backend whose models cannot be used.

    Attributes:
        name: Its name.
        display_name: For people.
        reason: Why, as it follows the name in a sentence: `is disabled in backends.toml`.
        help: What would turn it on, or None.
        explicit: Whether backends.toml has a table for it; else a plugin brings it along.
        models: The names of the models it knows.
        source: Where it was written.
        missing: The variables it needs that have no value.
    """

    name: str
    display_name: str
    reason: str
    help: str | None
    explicit: bool
    models: tuple[str, ...]
    source: Source
    missing: tuple[str, ...] = ()


@frozen(kw_only=True)
class LoadedConfig:
    """A configuration without errors.

    Attributes:
        deck: Every handle, resolved.
        folder: The `inference/` folder.
        profiles: Every routing profile by name; `deck.profile` is the active one.
        disabled: The backends that are off, by name, those of backends.toml first.
        choices: Where each default was written.
        env_file: The `.env` that was read, or None.
    """

    deck: ModelDeck
    folder: Path
    profiles: Mapping[str, RoutingProfile] = field(factory=dict)
    disabled: Mapping[str, DisabledBackend] = field(factory=dict)
    choices: Mapping[str, Source] = field(factory=dict)
    env_file: Path | None = None
    _find_warnings: Callable[[], tuple[Problem, ...]] = field(default=tuple, repr=False, eq=False)

    @cached_property
    def warnings(self) -> tuple[Problem, ...]:
        """What does not stop a load; lines are looked up when this is first asked for."""
        return self._find_warnings()


@frozen(kw_only=True)
class ReadConfig:
    """A configuration as far as it could be read, with or without faults: what `validate` goes on from.

    Attributes:
        loaded: What a load gives; of use to callers only where nothing stops it.
        catalogue: Every backend, on or off, with all its models.
        unknown: What could not be read, and is therefore not checked further.
        context: The load.
    """

    loaded: LoadedConfig
    catalogue: Catalogue
    unknown: Unknown
    context: Context

    @property
    def lacks_keys_only(self) -> bool:
        """Whether nothing stops a load but variables of some backends of backends.toml, while another has its key."""
        backends, file = self.catalogue.backends, str(self.loaded.folder / "backends.toml")
        stops = [(fault.code, fault.source) for fault in self.faults.errors]
        lacking = {source.key[0] for code, source in stops if code == "missing-variable" and source and source.key}
        by_backends = all(code == "missing-variable" and source and source.file == file for code, source in stops)
        has_key = any(read.config and read.config.api_key and read.draft.explicit for read in backends.values())
        return bool(stops) and by_backends and has_key and lacking <= backends.keys()

    @property
    def faults(self) -> Faults:
        """Where to report."""
        return self.context.faults
