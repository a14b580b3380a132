"""Loading a plugin that is for the installed core: its light module is imported, or its record has the reason why not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import evolve

from pipelex_core.plugins.records import Candidate, PluginRecord, described

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipelex_core.plugins.finding import Found, Selection
    from pipelex_core.plugins.records import Lock


CORE_DISTRIBUTION = "pipelex-core"

_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)\s*(?:\[[^]]*\])?\s*(.*)\Z", re.DOTALL)
_PLAIN_CLAUSE = re.compile(r"\s*(>=|<)\s*(\d+(?:\.\d+)*)\s*\Z")


def installed_core() -> str | None:
    """The version of core that is installed; None where it runs from its sources."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(CORE_DISTRIBUTION)
    except PackageNotFoundError:
        return None


def why_outside(requires: Iterable[str], installed: str) -> str | None:
    """Why the installed core is outside the range that a plugin's requirements declare, or None."""
    for line in requires:
        named = _REQUIREMENT.match(line)
        if named is None or re.sub(r"[-_.]+", "-", named[1]).lower() != CORE_DISTRIBUTION:
            continue
        mismatch = None if _is_plainly_inside(named[2], installed) else _outside(line, installed)
        if mismatch:
            return mismatch
    return None


def _is_plainly_inside(ranges: str, installed: str) -> bool:
    """Whether a version is inside a range such as `>=0.1,<0.2`; False says nothing, and `packaging` is to decide."""
    if not re.fullmatch(r"\d+(\.\d+)*", installed):
        return False
    clauses = [_PLAIN_CLAUSE.match(clause) for clause in ranges.split(",")]
    return all(each and (_numbers(installed) >= _numbers(each[2])) == (each[1] == ">=") for each in clauses)


def _numbers(release: str) -> tuple[int, ...]:
    """A release as numbers, without the zeros at its end: 1.0 is 1."""
    numbers = [int(number) for number in release.split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def _outside(line: str, installed: str) -> str | None:
    """Why a version is outside the range of a requirement, or None; `packaging` is slow to import."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        requirement = Requirement(line)
    except InvalidRequirement as error:
        return f"its metadata cannot be read: {error}"
    if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
        return None
    if requirement.specifier.contains(installed, prereleases=True):
        return None
    return f"it needs {CORE_DISTRIBUTION}{requirement.specifier}, and {installed} is installed"


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


def as_candidate(plugin: object) -> Candidate:
    """A plugin that was passed as an object."""
    name = getattr(plugin, "__name__", type(plugin).__name__)
    return Candidate(record=PluginRecord(name=name, distribution=None, version=None), module=plugin)
