"""Loading a plugin: its light module is imported, or it is said why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from pipelex_core.plugins.core_range import why_outside
from pipelex_core.plugins.records import Candidate, PluginRecord, described

if TYPE_CHECKING:
    from pipelex_core.plugins.choosing import Selection
    from pipelex_core.plugins.finding import Found
    from pipelex_core.plugins.lock import Lock


def load(found: Found, core: str | None, selection: Selection, lock: Lock | None) -> Candidate:
    """A plugin with its module; not imported where it was not asked for, is not locked, or is for another core.

    Args:
        found: Where it is.
        core: The version of core that is installed; None where that is not known, and any will do.
        selection: Which plugins were asked for.
        lock: Which may be loaded, and as what; None for all.
    """
    point = found.point
    record = PluginRecord(name=point.name, distribution=found.distribution, version=found.version)
    candidate = Candidate(record=record)
    off = selection.why_off(found)
    if off:
        return candidate.out_of_use("off", off)
    objection = lock.objection(found) if lock is not None else None
    if objection:
        return candidate.quarantined(objection)
    mismatch = found.fault or (why_outside(found.requires, core) if core is not None else None)
    if mismatch:
        return candidate.quarantined(mismatch)
    try:
        return evolve(candidate, module=point.load())
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 -- whatever a plugin's import raises, exits too, stays in its record
        return candidate.quarantined(f"import of '{point.value}' failed: {described(error)}")


def as_given(plugin: object) -> Candidate:
    """A plugin that was passed as an object."""
    name = getattr(plugin, "__name__", type(plugin).__name__)
    return Candidate(record=PluginRecord(name=name, distribution=None, version=None), module=plugin)
