"""Discovery: find → load → classify, one plugin after the other."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from attrs import evolve

from pipelex_core.first_party import LOCK, brought
from pipelex_core.plugins.classifying import classify, disputed
from pipelex_core.plugins.finding import installed_entry_points, look_up, selected
from pipelex_core.plugins.in_use import Plugins
from pipelex_core.plugins.loading import as_candidate, installed_core, load
from pipelex_core.plugins.watching import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from importlib.metadata import EntryPoint
    from pathlib import Path

    import pluggy

    from pipelex_core.plugins.records import Candidate, Lock, PluginRecord

_log = logging.getLogger("pipelex_core.plugins")

SLOW = 1.0
"""Seconds to load a plugin from which on there is a warning."""


def discover(
    *,
    entry_points: Iterable[EntryPoint] | None = None,
    extra: Iterable[object] = (),
    only: Iterable[str] | None = None,
    lock: Path | None = None,
) -> Plugins:
    """Find, load and classify every plugin.

    Args:
        entry_points: Where to look; None for those of the installed distributions.
        extra: Further plugins as objects (modules or instances whose methods are marked with `hookimpl`).
        only: Plugins or distributions to use, and no other, but for `extra`; None for what the environment variable
            `PIPELEX_PLUGINS` names (with commas between), and for all where it names none.
        lock: The plugin lock of a project, if there is such a file: what it does not know is not imported.
    """
    points, unreadable = installed_entry_points() if entry_points is None else (list(entry_points), [])
    selection = selected(only, installed=entry_points is None)
    locked = _read(lock)
    core = installed_core()
    found = sorted(map(look_up, dict.fromkeys(points)), key=lambda each: (each.point.name, each.distribution or ""))
    watch = Watch()
    loaded = [_timed(watch, load, one, core, selection, locked) for one in found]
    manager = _manager()
    every = [*loaded, *map(as_candidate, extra)]
    named = disputed(every, "the plugin name", lambda each: (each.record.name,) if each.module is not None else (), {})
    classified = [_timed(watch, classify, one, manager) for one in named]
    absent = [*selection.missing(found), *(locked.missing(found) if locked else ())]
    plugins = Plugins([*classified, *unreadable, *absent], manager, locked)
    _warn(plugins.records)
    return plugins


def _read(lock: Path | None) -> Lock | None:
    if lock is None or not lock.exists():
        return None
    read = brought("pipelex_core.plugin_lock", LOCK, f"what reads the plugin lock {lock} is not installed")
    locked: Lock | None = read(lock)
    return locked


def _warn(records: Iterable[PluginRecord]) -> None:
    """What everybody waits for."""
    for record in records:
        if record.seconds > SLOW:
            step = max(record.times, key=record.times.__getitem__, default="import")
            message = "the plugin %s took %.1f s to load, of which %.1f s are of %s"
            _log.warning(message, record.label, record.seconds, record.times.get(step, record.seconds), step)


def _manager() -> pluggy.PluginManager:
    """A manager that knows the hooks, and no plugin yet."""
    import pluggy

    from pipelex_core import hookspecs

    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    return manager


def _timed(watch: Watch, step: Callable[..., Candidate], *arguments: Any) -> Candidate:
    """What a step makes of a plugin, with the time it took and what it touched added to its record."""
    started = time.perf_counter()
    candidate = step(*arguments)
    seconds = time.perf_counter() - started
    record = candidate.record
    times = record.times if step is classify else {"import": seconds}
    touched = (*record.touched, *watch.touched())
    return evolve(candidate, record=evolve(record, seconds=record.seconds + seconds, times=times, touched=touched))
