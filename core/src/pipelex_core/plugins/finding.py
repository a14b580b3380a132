"""Finding plugins: the entry points of the installed distributions, and which of them are asked for."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from attrs import frozen

from pipelex_core.hookspecs import ENTRY_POINT_GROUP
from pipelex_core.near import did_you_mean
from pipelex_core.plugins.records import Candidate, PluginRecord, described

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from importlib.metadata import Distribution, EntryPoint


@frozen(eq=False, repr=False)
class Found:
    """A plugin that was found.

    Attributes:
        point: Its entry point: a name, and the module to import.
        distribution: Name of its distribution, or None.
        version: Version of that distribution.
        requires: What that distribution requires, each as it is written there.
        fault: Why its distribution does not say what it is, or None.
    """

    point: EntryPoint
    distribution: str | None = None
    version: str | None = None
    requires: tuple[str, ...] = ()
    fault: str | None = None


def installed_entry_points() -> tuple[list[EntryPoint], list[Candidate]]:
    """The plugins' entry points of every distribution, and the distributions whose entry points cannot be read.

    Most distributions have entry points of other kinds only: their files are read, but not parsed.
    """
    from importlib.metadata import distributions

    points: list[EntryPoint] = []
    unreadable: list[Candidate] = []
    for distribution in distributions():
        try:
            if ENTRY_POINT_GROUP in (distribution.read_text("entry_points.txt") or ""):
                points += [point for point in distribution.entry_points if point.group == ENTRY_POINT_GROUP]
        except Exception as error:  # noqa: BLE001 -- the metadata of one distribution stops no other
            record = PluginRecord(
                name=_folder_name(distribution), distribution=_folder_name(distribution), version=None
            )
            reason = f"its entry_points.txt cannot be read: {described(error)}"
            unreadable.append(Candidate(record=record).quarantined(reason))
    return points, unreadable


def look_up(point: EntryPoint) -> Found:
    """An entry point with what its distribution says of itself, which is parsed once."""
    if point.dist is None:
        return Found(point)
    try:
        metadata = point.dist.metadata
        name = metadata["Name"] or _folder_name(point.dist)
        return Found(point, name, metadata["Version"], tuple(metadata.get_all("Requires-Dist") or ()))
    except Exception as error:  # noqa: BLE001 -- as above
        fault = f"the metadata of its distribution cannot be read: {described(error)}"
        return Found(point, _folder_name(point.dist), fault=fault)


def _folder_name(distribution: Distribution) -> str:
    """The name of a distribution as its folder has it, where its metadata do not say."""
    folder = str(getattr(distribution, "_path", "unknown")).replace("\\", "/").rpartition("/")[2]
    return folder.partition("-")[0]


PLUGINS_VARIABLE = "PIPELEX_PLUGINS"


def normal(name: str) -> str:
    """A name as it is compared: `Pipelex_Backend.Acme` is `pipelex-backend-acme`."""
    return re.sub(r"[-_.]+", "-", name).lower()


@frozen(eq=False, repr=False)
class Selection:
    """What was asked for.

    Attributes:
        names: Plugins or distributions; None for all of them.
        by: Who says so, as it begins a sentence.
    """

    names: tuple[str, ...] | None = None
    by: str = "the program"

    def why_off(self, found: Found) -> str | None:
        """Why a plugin is not to be loaded, or None."""
        if self.names is None:
            return None
        if not self.names:
            return f"{self.by} asks for no plugin"
        names = {normal(name) for name in self.names}
        if normal(found.point.name) in names or (found.distribution and normal(found.distribution) in names):
            return None
        return f"{self.by} asks for {', '.join(self.names)} only"

    def missing(self, found: Sequence[Found]) -> Iterator[Candidate]:
        """What is asked for and not installed."""
        known = [found_name for each in found for found_name in (each.point.name, each.distribution) if found_name]
        there = {normal(name) for name in known}
        for name in self.names or ():
            if normal(name) not in there:
                hint = did_you_mean(name, known)
                record = PluginRecord(name=name, distribution=None, version=None)
                reason = f"{self.by} asks for it, and no installed plugin or distribution has this name"
                reason += f"; {hint}" if hint else ""
                yield Candidate(record=record).out_of_use("missing", reason)


def selected(only: Iterable[str] | None, *, installed: bool) -> Selection:
    """What a program asks for, else for the installed plugins what the environment does."""
    if only is not None:
        return Selection(tuple(only))
    names = [name.strip() for name in os.environ.get(PLUGINS_VARIABLE, "").split(",")] if installed else []
    chosen = tuple(name for name in names if name)
    return Selection(chosen, PLUGINS_VARIABLE) if chosen else Selection()
