"""Discovery: find → load → classify, one plugin after the other."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from attrs import evolve

from pipelex_core.plugins.classifying import classify, offered_twice, without_disputed
from pipelex_core.plugins.core_range import installed_core
from pipelex_core.plugins.finding import installed_entry_points, look_up
from pipelex_core.plugins.in_use import Plugins
from pipelex_core.plugins.loading import as_given, load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from importlib.metadata import EntryPoint

    import pluggy

    from pipelex_core.plugins.records import Candidate


def discover(*, entry_points: Iterable[EntryPoint] | None = None, extra: Iterable[object] = ()) -> Plugins:
    """Find, load and classify every plugin.

    Args:
        entry_points: Where to look; None for those of the installed distributions.
        extra: Further plugins as objects (modules or instances whose methods are marked with `hookimpl`).
    """
    points = installed_entry_points() if entry_points is None else entry_points
    core = installed_core()
    found = [look_up(point) for point in sorted(dict.fromkeys(points), key=lambda point: point.name)]
    loaded = [_timed(load, one, core) for one in found]
    manager = _manager()
    named = _with_names_of_their_own([*loaded, *map(as_given, extra)])
    return Plugins(without_disputed([_timed(classify, one, manager) for one in named], manager), manager)


def _manager() -> pluggy.PluginManager:
    """A manager that knows the hooks, and no plugin yet."""
    import pluggy

    from pipelex_core import hookspecs

    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    return manager


def _with_names_of_their_own(candidates: list[Candidate]) -> list[Candidate]:
    """Quarantine every plugin whose name another one has too."""
    owners: dict[str, list[str]] = {}
    for candidate in candidates:
        if candidate.module is not None:
            owners.setdefault(candidate.record.name, []).append(candidate.record.label)
    return [
        candidate.quarantined(offered_twice("the plugin name", candidate.record.name, owners[candidate.record.name]))
        if candidate.module is not None and len(owners[candidate.record.name]) > 1
        else candidate
        for candidate in candidates
    ]


def _timed(step: Callable[..., Candidate], *arguments: Any) -> Candidate:
    """What a step makes of a plugin, with the time it took added to its record."""
    started = time.perf_counter()
    candidate = step(*arguments)
    seconds = candidate.record.seconds + time.perf_counter() - started
    return evolve(candidate, record=evolve(candidate.record, seconds=seconds))
