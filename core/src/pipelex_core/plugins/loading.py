"""Loading a plugin: its light module is imported, or it is said why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from pipelex_core.plugins.core_range import why_outside
from pipelex_core.plugins.records import Candidate, PluginRecord

if TYPE_CHECKING:
    from pipelex_core.plugins.finding import Found


def load(found: Found, core: str | None) -> Candidate:
    """A plugin with its module; quarantined where it is for another core, or its import fails.

    Args:
        found: Where it is.
        core: The version of core that is installed; None where that is not known, and any will do.
    """
    point = found.point
    record = PluginRecord(name=point.name, distribution=found.distribution, version=found.version)
    candidate = Candidate(record=record)
    mismatch = why_outside(found.requires, core) if core is not None else None
    if mismatch:
        return candidate.quarantined(mismatch)
    try:
        return evolve(candidate, module=point.load())
    except (Exception, SystemExit) as error:  # noqa: BLE001 -- whatever a plugin's import raises stays in its record
        return candidate.quarantined(f"import of '{point.value}' failed: {type(error).__name__}: {error}")


def as_given(plugin: object) -> Candidate:
    """A plugin that was passed as an object."""
    name = getattr(plugin, "__name__", type(plugin).__name__)
    return Candidate(record=PluginRecord(name=name, distribution=None, version=None), module=plugin)
