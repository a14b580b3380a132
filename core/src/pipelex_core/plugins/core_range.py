"""Which versions of core a plugin is for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

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
    return all(
        clause is not None
        and (
            _numbers(installed) >= _numbers(clause[2])
            if clause[1] == ">="
            else _numbers(installed) < _numbers(clause[2])
        )
        for clause in clauses
    )


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
