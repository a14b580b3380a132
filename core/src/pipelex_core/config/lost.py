"""Backends and models that a project knew while a plugin was in use, and that nothing brings any more.

A lost plugin (uninstalled, quarantined, not in use, or kept out by the plugin lock) makes its own models unavailable, with
the reason, and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from pipelex_core.config.lack import Lack, lack_of
from pipelex_core.config.problems import listed
from pipelex_core.first_party import backend_of
from pipelex_core.near import did_you_mean, nearest
from pipelex_core.routing import ModelEntry, RoutingProfile, assign

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from pipelex_core.config.catalogue import Catalogue
    from pipelex_core.config.context import Context
    from pipelex_core.config.names import Use
    from pipelex_core.deck import ModelDeck
    from pipelex_core.plugins import Plugins
    from pipelex_core.specs import Source


_MOST_NAMED = 3


def lost_models(deck: ModelDeck, uses: Iterable[Use], catalogue: Catalogue, context: Context) -> dict[str, ModelEntry]:
    """Name -> entry, for the names in use that may be models of a lost plugin; one warning for each thing that is missing.

    Args:
        deck: The deck without them.
        uses: The names in it that mean nothing.
        catalogue: The backends.
        context: The load.
    """
    models, profile = deck.models, deck.profile or RoutingProfile(name="")
    found: dict[str, ModelEntry] = {}
    reports: dict[Lack, list[tuple[str, Source]]] = {}
    off = {name: read.draft.off for name, read in catalogue.backends.items() if read.draft.off is not None}
    routes = [(route.pattern, route.source) for route in profile.routes if route.is_exact]
    named = [*((use.name, use.source) for use in uses), *routes]
    for name, source in dict(reversed(named)).items():
        is_known = any(name in names for names in (models, deck.aliases, *deck.presets.values()))
        lack = None if is_known else _lack_of_model(name, models, catalogue, context.plugins)
        if lack is not None:
            entry = assign(name, profile, {}, why_off=off)
            routed = catalogue.lost.get(entry.route.backend or "") if entry.route.rule in {"exact", "pattern"} else None
            why, mend = (entry.reason, routed.help) if routed else (f"no backend knows it; {lack.why}", lack.help)
            found[name] = evolve(entry, reason=f"{why}; {mend}" if mend else why, exact_fault=False)
            reports.setdefault(lack, []).insert(0, (name, source))
    for name, entry in models.items() if catalogue.lost else ():
        own = backend_of(name) or ""
        if own in catalogue.lost and entry.reason is not None and entry.route.rule not in {"exact", "pattern"}:
            found[name] = evolve(entry, reason=f"{_sentence(own, catalogue.lost[own])}; {entry.reason}")
    for lack, named in reports.items():
        names = listed(name for name, _ in named)
        message = f"no backend knows {names}: {lack.why}"
        near = did_you_mean(named[0][0], models) if lack.help is None else None
        context.faults.warning("plugin-missing", message, named[0][1], suggestion=lack.help or near)
    return found


def _sentence(backend: str, lack: Lack) -> str:
    return f"backend '{backend}' {lack.why}{f'; {lack.help}' if lack.help else ''}"


def _lack_of_model(name: str, models: Collection[str], catalogue: Catalogue, plugins: Plugins) -> Lack | None:
    """What a name lacks that no backend knows: its plugin, or None where it is a slip."""
    if name.startswith(("@", "$")):
        return None
    own = backend_of(name)
    if own is not None and own in catalogue.lost:
        lack = catalogue.lost[own]
        return Lack(f"backend '{own}' {lack.why}", lack.help)
    if own is not None and own not in catalogue.backends:
        lack = lack_of(own, plugins, has_file=False) or Lack("", None)
        return Lack(f"backend '{own}' {lack.why}", lack.help)
    if not catalogue.lost or (own is not None and nearest(name, models)):
        return None
    lost = sorted(catalogue.lost, key=lambda backend: not catalogue.backends[backend].draft.table.enabled)
    whys = [f"backend '{backend}' {catalogue.lost[backend].why}" for backend in lost[:_MOST_NAMED]]
    more = f"; and {len(lost) - _MOST_NAMED} more backends have none" if len(lost) > _MOST_NAMED else ""
    helps = dict.fromkeys(catalogue.lost[backend].help for backend in lost)
    return Lack("; ".join(whys) + more, next(iter(helps)) if len(helps) == 1 else None)
