"""Handles that lead to no model that can be called, and routes to backends that are off: one problem a cause, not one a handle."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import frozen

from pipelex_core.config.names import follow_all
from pipelex_core.config.problems import Faults, listed, listed_plainly
from pipelex_core.config.routed import reported_models
from pipelex_core.config.starter import starter_chains
from pipelex_core.specs import ModelType

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

    from pipelex_core.config import ReadConfig
    from pipelex_core.config.backends import BackendDraft
    from pipelex_core.config.finish import ReadBackend
    from pipelex_core.deck import ModelDeck
    from pipelex_core.routing import ModelEntry, Route
    from pipelex_core.specs import Source

_BACKENDS_OFF = "backends that are off"
_VARIABLE = re.compile(r"(?<!\$)\$\{(?:env:)?([A-Za-z_]\w*)\}")


@frozen(kw_only=True, eq=False, repr=False)
class DeadEnd:
    """A handle none of whose models leads to a backend.

    Attributes:
        who: What it is: `alias 'best'`.
        models: The models it leads to.
        source: Where it was written.
    """

    who: str
    models: tuple[str, ...]
    source: Source


def check_dead_ends(read: ReadConfig) -> list[DeadEnd]:
    """Warn of handles that lead nowhere; the handles that are not already explained by a route to a backend that is off."""
    if read.unknown.routes_missing:
        return []
    ends = _check_routes(read, list(_dead_ends(read)))
    _report(ends, read)
    return ends


def _dead_ends(read: ReadConfig) -> Iterator[DeadEnd]:
    """Aliases, presets and defaults none of whose models leads to a backend, where that follows from nothing reported."""
    deck, unknown = read.loaded.deck, read.unknown
    graph = follow_all(deck.aliases, deck.models)
    usable: set[str] = set()
    uses: list[tuple[str, list[str], Source]] = []
    for name in graph.order:
        alias = deck.aliases[name]
        direct = [target for target in alias.targets if target in deck.models]
        inner = {target.removeprefix("@") for target in alias.targets} - set(direct)
        if any(deck.models[target].available for target in direct) or not usable.isdisjoint(inner):
            usable.add(name)
        elif direct and name in graph.sound:
            uses.append((f"alias '{name}'", direct, alias.source))
    presets = [preset for named in deck.presets.values() for preset in named.values()]
    uses += [(f"preset '{preset.name}'", [preset.model], preset.source) for preset in presets]
    for choice, handle in deck.choices.items():
        capability, source = choice.partition(".")[0], read.loaded.choices[choice]
        named = deck.presets.get(capability, {}).keys() | unknown.presets.get(capability, set())
        if isinstance(handle, str) and handle not in named:
            uses.append((f"'{source.key[-1]}'", [handle], source))
    for who, models, source in uses:
        entries = [deck.models[name] for name in models if name in deck.models]
        if entries and all(entry.spec is None and entry.name not in unknown.models for entry in entries):
            yield DeadEnd(who=who, models=tuple(models), source=source)


def _check_routes(read: ReadConfig, dead_ends: list[DeadEnd]) -> list[DeadEnd]:
    """Warn of routes to backends that are off, and to what that leads; the other dead ends."""
    backends, models, profile = read.catalogue.backends, read.loaded.deck.models, read.loaded.deck.profile
    affected = _affected(models, reported_models(backends))
    astray: dict[str, list[Route]] = {}
    for route in profile.routes if profile else ():
        off = backends[route.backend].draft.off if route.backend in backends else None
        if off is not None and not route.optional and route.pattern in affected:
            astray.setdefault(route.backend, []).append(route)
    others = dead_ends
    for backend, routes in astray.items():
        names = dict.fromkeys(name for route in routes for name in affected[route.pattern])
        known = backends[backend].models.withheld
        ends = [end for end in others if any(name in names or _only_off(models[name], known) for name in end.models)]
        others = [end for end in others if end not in ends]
        if not backends[backend].draft.reported:
            _report_astray(routes, list(names), ends, backends[backend], read.faults)
    return others


def _affected(models: Mapping[str, ModelEntry], reported: set[str]) -> dict[str, list[str]]:
    """Pattern -> the models that its route makes unavailable."""
    affected: dict[str, list[str]] = {}
    for entry in models.values():
        if entry.route.rule in {"exact", "pattern"} and entry.spec is None and entry.name not in reported:
            affected.setdefault(entry.route.pattern or "", []).append(entry.name)
    return affected


def _only_off(entry: ModelEntry, known: Container[str]) -> bool:
    """Whether a model lacks nothing but a backend that is off, and this one knows it."""
    return _is_offered_by_none(entry) and entry.name in known


def _report_astray(
    routes: list[Route], names: list[str], ends: list[DeadEnd], backend: ReadBackend, faults: Faults
) -> None:
    """One warning for all routes to a backend that is off."""
    off = backend.draft.off
    patterns = listed(route.pattern for route in routes)
    which = f"route {patterns} leads" if len(routes) == 1 else f"the routes {patterns} lead"
    message = f"{which} to '{backend.draft.name}', which {off}; it is why {listed(names)} cannot be used"
    if ends:
        message += f", and why nothing is left of {listed_plainly((end.who for end in ends), most=20)}"
    faults.warning("route-to-disabled-backend", message, routes[0].source, suggestion=backend.draft.help)


def _report(dead_ends: Sequence[DeadEnd], read: ReadConfig) -> None:
    """One warning for all that backends which are off would mend, and one each for the others.

    Aliases as `init` writes them, which wait for the key of a further backend, are not a finding.
    """
    deck, backends, faults = read.loaded.deck, read.catalogue.backends, read.faults
    by_cause: dict[str | None, list[DeadEnd]] = {}
    starter = starter_chains() if dead_ends else {}
    if not any(_leads_to_text(chain, deck) for chain in starter.values()):
        starter = {}
    for end in dead_ends:
        cause = _cause(end, deck)
        if cause != _BACKENDS_OFF or not starter.get(end.who, frozenset()).issuperset(end.models):
            by_cause.setdefault(cause, []).append(end)
    for cause, ends in by_cause.items():
        drafts = _that_would_help(ends, backends) if cause == _BACKENDS_OFF else []
        if cause is None or len(ends) == 1:
            for end in ends:
                faults.warning("no-available-model", _reasons(end, deck), end.source, suggestion=_mend(drafts))
        elif cause == _BACKENDS_OFF:
            _report_backends_off(ends, drafts, deck, faults)
        else:
            _report_routes(ends, deck, faults)


def _leads_to_text(chain: Iterable[str], deck: ModelDeck) -> bool:
    """Whether a language model among some can be called."""
    entries = (deck.models.get(name) for name in chain)
    return any(entry and entry.available and entry.spec and entry.spec.model_type == ModelType.LLM for entry in entries)


def _cause(end: DeadEnd, deck: ModelDeck) -> str | None:
    """What a handle shares with others that lead nowhere for the same reason; None where it shares nothing."""
    entries = [deck.models[name] for name in end.models]
    if any(_is_offered_by_none(entry) for entry in entries):
        return _BACKENDS_OFF
    rules = {(entry.route.rule, entry.route.pattern) for entry in entries}
    rule, pattern = rules.pop()
    return f"{rule}:{pattern}" if not rules and rule in {"pattern", "none"} else None


def _report_routes(ends: Sequence[DeadEnd], deck: ModelDeck, faults: Faults) -> None:
    """All that one pattern, or the lack of a default, leaves without a model."""
    entry = deck.models[ends[0].models[0]]
    source = entry.route.source or (deck.profile.source if deck.profile else ends[0].source)
    names = listed_plainly((end.who for end in ends), most=20)
    message = f"{names} lead to no model that can be called: '{entry.name}': {entry.reason}"
    offered = dict.fromkeys(backend for end in ends for name in end.models for backend in deck.models[name].offered_by)
    mend = f"write routes for their models, which are offered by {listed(offered)}" if offered else None
    faults.warning("no-available-model", message, source, suggestion=mend)


def _reasons(end: DeadEnd, deck: ModelDeck) -> str:
    reasons = "; ".join(f"'{name}': {deck.models[name].reason}" for name in end.models[:3])
    more = f"; and {len(end.models) - 3} more" if len(end.models) > 3 else ""
    return f"{end.who} leads to no model that can be called: {reasons}{more}"


def _is_offered_by_none(entry: ModelEntry) -> bool:
    return entry.spec is None and not entry.offered_by and entry.route.rule not in {"exact", "pattern"}


def _report_backends_off(
    ends: Sequence[DeadEnd], drafts: Sequence[BackendDraft], deck: ModelDeck, faults: Faults
) -> None:
    has_key = any(config.api_key is not None for config in deck.backends.values())
    off = listed(draft.name for draft in drafts)
    why = f"the backends that have their models are off ({off})" if has_key else "no backend has a key"
    names = listed_plainly((end.who for end in ends), most=20)
    message = f"{why}: {names} lead to no model that can be called"
    written = next((draft for draft in drafts if draft.explicit), None)
    source = written.where("enabled") if written else ends[0].source
    faults.warning("no-available-model", message, source, suggestion=_mend(drafts))


def _that_would_help(ends: Sequence[DeadEnd], backends: Mapping[str, ReadBackend]) -> list[BackendDraft]:
    """The backends that are off and know the models, those that would mend most first."""
    helps: dict[str, int] = {}
    for name, read in backends.items():
        if read.draft.off is not None:
            known = read.models.withheld
            count = sum(any(model in known for model in end.models) for end in ends)
            if count:
                helps[name] = count
    return [backends[name].draft for name in sorted(helps, key=lambda name: -helps[name])]


def _mend(drafts: Iterable[BackendDraft]) -> str | None:
    """Which keys to set, and what to switch on."""
    keys: list[str] = []
    others: list[str] = []
    for draft in drafts:
        variables = _VARIABLE.findall(draft.table.api_key or "")
        if variables:
            keys += variables
        elif draft.help:
            others.append(draft.help)
    keys = list(dict.fromkeys(keys))
    if keys:
        which = keys[0] if len(keys) == 1 else f"one of {listed_plainly(keys)}"
        return f"set {which}, and enabled = true for its backend in backends.toml"
    return others[0] if others else None
