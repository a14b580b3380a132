"""Finding plugins: the entry points of the installed distributions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from pipelex_core.hookspecs import ENTRY_POINT_GROUP

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


@frozen(eq=False, repr=False)
class Found:
    """A plugin that was found.

    Attributes:
        point: Its entry point: a name, and the module to import.
        distribution: Name of its distribution, or None.
        version: Version of that distribution.
        requires: What that distribution requires, each as it is written there.
    """

    point: EntryPoint
    distribution: str | None = None
    version: str | None = None
    requires: tuple[str, ...] = ()


def installed_entry_points() -> list[EntryPoint]:
    """The plugins' entry points of every distribution.

    Most distributions have entry points of other kinds only: their files are read, but not parsed.
    """
    from importlib.metadata import distributions

    return [
        point
        for distribution in distributions()
        if ENTRY_POINT_GROUP in (distribution.read_text("entry_points.txt") or "")
        for point in distribution.entry_points
        if point.group == ENTRY_POINT_GROUP
    ]


def look_up(point: EntryPoint) -> Found:
    """An entry point with what its distribution says of itself, which is parsed once."""
    if point.dist is None:
        return Found(point)
    metadata = point.dist.metadata
    return Found(point, metadata["Name"], metadata["Version"], tuple(metadata.get_all("Requires-Dist") or ()))
