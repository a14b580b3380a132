"""Which of the installed plugins are asked for: all, or those that a program or `PIPELEX_PLUGINS` names."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from attrs import frozen

from pipelex_core.near import nearest
from pipelex_core.plugins.records import Candidate, PluginRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pipelex_core.plugins.finding import Found

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
                near = nearest(name, known)
                hint = f"; did you mean '{near}'?" if near else ""
                record = PluginRecord(name=name, distribution=None, version=None)
                reason = f"{self.by} asks for it, and no installed plugin or distribution has this name{hint}"
                yield Candidate(record=record).out_of_use("missing", reason)


def selected(only: Iterable[str] | None, *, installed: bool) -> Selection:
    """What a program asks for, else for the installed plugins what the environment does."""
    if only is not None:
        return Selection(tuple(only))
    names = [name.strip() for name in os.environ.get(PLUGINS_VARIABLE, "").split(",")] if installed else []
    chosen = tuple(name for name in names if name)
    return Selection(chosen, PLUGINS_VARIABLE) if chosen else Selection()
