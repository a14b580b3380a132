"""Routes of the active profile that do nothing, and models that no route leads anywhere."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from pipelex_core.config.problems import listed
from pipelex_core.near import nearest
from pipelex_core.routing.patterns import PatternIndex

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pipelex_cli.validation.dead_ends import DeadEnd
    from pipelex_core.config import ReadConfig
    from pipelex_core.routing import ModelEntry, Route, RoutingProfile

_MOST_COMPARISONS = 2_000_000
_SAME = 0.8


def check_shadows(read: ReadConfig) -> None:
    """Warn of every route that an earlier one fully covers."""
    for profile in read.loaded.profiles.values():
        for route, earlier in shadowed(profile):
            message = f"route '{route.pattern}' is never used: '{earlier.pattern}', which comes first, covers it"
            mend = f"write '{route.pattern}' above '{earlier.pattern}'"
            read.faults.warning("route-shadowed", message, route.source, suggestion=mend)


def shadowed(profile: RoutingProfile) -> Iterator[tuple[Route, Route]]:
    """Every route that can never decide, with the earlier one that covers it.

    A pattern is covered by another that matches it when its own stars are read as a character no name has: whatever
    the stars stand for, the other pattern's stars take it in. Exact routes always come first, and an optional route
    covers nothing, because it may be absent.
    """
    steady = [route for route in profile.routes if not route.optional and not route.is_exact]
    index = PatternIndex([route.pattern for route in steady])
    for route in profile.routes:
        if not route.is_exact:
            earlier = next((steady[number] for number in index.find(route.pattern.replace("*", "\0"))), route)
            if earlier is not route:
                yield route, earlier


def check_routing(read: ReadConfig, dead_ends: Iterable[DeadEnd]) -> None:
    """Warn of routes without use, and of models of the project that are offered and lead nowhere.

    Args:
        read: The configuration.
        dead_ends: What is reported to lead nowhere already.
    """
    profile = read.loaded.deck.profile
    if profile is None or read.unknown.routes_missing:
        return
    _check_unused(profile, read)
    _check_similar(profile, read)
    reported = {name for end in dead_ends for name in end.models} | read.unknown.models
    specs = [read.catalogue.backends[name].models.specs for name in read.loaded.deck.backends]
    ours = {name for offered in specs for name, spec in offered.items() if spec.source.file is not None}
    lost: dict[str, list[ModelEntry]] = {}
    unrouted: list[ModelEntry] = []
    for entry in read.loaded.deck.models.values():
        if entry.spec is not None or entry.exact_fault or entry.name not in ours:
            continue
        if entry.route.rule == "pattern" and entry.route.backend in read.loaded.deck.backends:
            lost.setdefault(entry.route.pattern or "", []).append(entry)
        elif entry.route.rule == "none":
            unrouted.append(entry)
    for entries in lost.values():
        if reported.isdisjoint(entry.name for entry in entries):
            _report_lost(entries, read)
    if unrouted and reported.isdisjoint(entry.name for entry in unrouted):
        names = listed(entry.name for entry in unrouted)
        message = f"no route of profile '{profile.name}' matches {names}, and it has no default: nothing calls them"
        offering = _offering(unrouted)
        mend = f'write default = "{offering[0]}", or routes for them'
        read.faults.warning("unrouted-model", message, profile.source, suggestion=mend)


def _check_unused(profile: RoutingProfile, read: ReadConfig) -> None:
    models = read.loaded.deck.models
    used = {entry.route.pattern for entry in models.values()}
    off = read.loaded.disabled
    covered = {route.pattern for route, _ in shadowed(profile)}
    idle = [
        route
        for route in profile.routes
        if not route.is_exact
        and route.pattern not in used
        and route.pattern not in covered
        and not (route.optional and route.backend in off)
    ]
    comparable = len(idle) * len(models) <= _MOST_COMPARISONS
    for route in idle:
        if comparable and any(route.matches(name) for name in models):
            message = f"route '{route.pattern}' decides for no model: earlier routes decide for all that it fits"
            read.faults.warning("route-unused", message, route.source, suggestion="remove it, or write it further up")
        else:
            message = f"route '{route.pattern}' fits no model that any backend knows"
            read.faults.warning("route-unused", message, route.source, suggestion=_near(route, models))


def _check_similar(profile: RoutingProfile, read: ReadConfig) -> None:
    """Warn of routes in a table whose name is nearly that of the active profile: they are in no profile anybody uses."""
    for name, other in read.loaded.profiles.items():
        if name == profile.name or other.default is not None or other.description or not other.routes:
            continue
        if SequenceMatcher(None, name, profile.name).ratio() >= _SAME and not profile.routes:
            message = f"the routes of [profiles.{name}] are in no profile that is active, and '{profile.name}' has none"
            mend = f"did you mean [profiles.{profile.name}.routes]?"
            read.faults.warning("similar-name", message, other.source, suggestion=mend)


def _near(route: Route, models: Iterable[str]) -> str | None:
    """The model whose name is most like a pattern."""
    text = max(route.pattern.split("*"), key=len)
    if not text:
        return None
    lengths = (len(text) - 1, len(text), len(text) + 1)
    starts = {name[:length] for name in models for length in lengths if len(name) >= length > 0}
    found = nearest(text, starts)
    return f"did you mean '{route.pattern.replace(text, found)}'?" if found else None


def _report_lost(entries: list[ModelEntry], read: ReadConfig) -> None:
    route = entries[0].route
    names = listed(entry.name for entry in entries)
    message = (
        f"route '{route.pattern}' leads to '{route.backend}', which does not offer {names}; "
        f"nothing calls them, though {listed(_offering(entries))} would answer"
    )
    mend = f"""write '"{entries[0].name}" = "{entries[0].offered_by[0]}"' among the routes"""
    read.faults.warning("route-without-model", message, route.source, suggestion=mend)


def _offering(entries: Iterable[ModelEntry]) -> list[str]:
    return list(dict.fromkeys(backend for entry in entries for backend in entry.offered_by))
