"""Models of a newer catalogue, in the place of those that plugins ship: the files that `pipelex catalogue update` writes.

They are in `inference/catalogue/`, one a backend, in the form of the files of `inference/backends/`. Of a model that a plugin
ships too, the table counts whose facts are newer by their `as_of`: a plugin that is updated later wins again by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve

from pipelex_core.config.spec_files import SpecFile, read_spec_path
from pipelex_core.specs import Source

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pipelex_core.config.problems import Faults

FOLDER = "catalogue"


def with_newer(shipped: list[SpecFile], file: Path | None, faults: Faults) -> list[SpecFile]:
    """The files of a backend's models that plugins ship, under the newer models of a catalogue's file.

    A file with a fault is left out, with a warning: what the plugins ship is sound.
    """
    if file is None or not shipped:
        return shipped
    source = Source(file=str(file), plugin=FOLDER)
    catalogue = read_spec_path(file, source, faults.lenient())
    models = {} if catalogue is None else catalogue.models
    newer = {name: table for name, table in models.items() if catalogue and is_newer(name, catalogue, shipped)}
    if catalogue is None or not newer:
        return shipped
    return [evolve(catalogue, models=newer), *filter(None, (_without(newer, each) for each in shipped))]


def is_newer(name: str, catalogue: SpecFile, shipped: list[SpecFile]) -> bool:
    """Whether the catalogue's table of a model is newer than those that plugins ship, or they have none."""
    day = _day(catalogue, name)
    return all(day > _day(file, name) for file in shipped if name in file.models)


def _day(file: SpecFile, name: str) -> str:
    """The day on which a model's facts were true, as `2026-11-30`; empty where nothing says so."""
    return str(file.models[name].get("as_of") or file.defaults.get("as_of") or "")


def _without(names: Mapping[str, Any], file: SpecFile) -> SpecFile | None:
    """A file without some of its models; None where it has no other, so that its defaults speak for nothing."""
    models = {name: table for name, table in file.models.items() if name not in names}
    return evolve(file, models=models) if models or not file.models else None
