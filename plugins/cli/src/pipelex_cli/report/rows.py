"""What `pipelex show` lists: one row a backend, model, preset, alias or route, in the stable JSON shape.

New keys of a row stand at its end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from pipelex_cli.explained_json import costs_as_json, describe, route_as_json
from pipelex_cli.explaining.facts import price_date, shown_endpoint
from pipelex_cli.explaining.remedies import Remedies
from pipelex_cli.written import WrittenValues
from pipelex_core.deck.handles import ChainMember

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipelex_core.config import LoadedConfig
    from pipelex_core.deck.handles import Resolution
    from pipelex_core.plugins import Plugins
    from pipelex_core.routing import ModelEntry
    from pipelex_core.specs import ModelSpec, Source

Row = dict[str, Any]


@frozen(kw_only=True)
class Listed:
    """A row, and what filters ask about it.

    Attributes:
        row: The row.
        backend: The backend it is about, or leads to; None for none.
        capability: What it is for; None where that is not known.
        spec: The model it is, or leads to; None for none.
    """

    row: Row
    backend: str | None = None
    capability: str | None = None
    spec: ModelSpec | None = None


@define
class Lister:
    """Makes the rows of one configuration; the files are read once for all of them.

    Attributes:
        loaded: The configuration.
        plugins: The installed plugins.
        details: Whether rows have what a table on a terminal does not show: price lists, and what would make a model available.
    """

    loaded: LoadedConfig
    plugins: Plugins
    details: bool = True
    _written: WrittenValues = field(init=False)
    _places: dict[Source, str] = field(factory=dict, init=False)

    @_written.default
    def _read(self) -> WrittenValues:
        return WrittenValues(self.loaded.folder, self.plugins)

    def rows(self, what: str) -> list[Listed]:
        """All of one kind.

        Args:
            what: backends, models, presets, aliases or routes.
        """
        makers: dict[str, Callable[[], Iterator[Listed]]] = {
            "backends": self._backends,
            "models": self._models,
            "presets": self._presets,
            "aliases": self._aliases,
            "routes": self._routes,
        }
        return list(makers[what]())

    def _place(self, source: Source) -> str:
        known = self._places.get(source)
        if known is None:
            known = self._places[source] = describe(source)
        return known

    def _backends(self) -> Iterator[Listed]:
        deck = self.loaded.deck
        for name, config in deck.backends.items():
            specs = [entry.spec for entry in deck.models.values() if entry.spec and entry.spec.backend == name]
            found = [found for spec in specs if (found := self.plugins.find(name, spec.sdk))]
            row = {
                "backend": name,
                "display_name": config.display_name or name,
                "available": True,
                "reason": None,
                "endpoint": shown_endpoint(config),
                "api_key_variable": config.api_key_variable,
                "models": len(specs),
                "plugin": found[0][1].label if found else None,
                "source": self._place(config.source),
            }
            yield Listed(row=row, backend=name)
        for off in self.loaded.disabled.values():
            row = {
                "backend": off.name,
                "display_name": off.display_name,
                "available": False,
                "reason": off.reason if off.help is None else f"{off.reason}; {off.help}",
                "endpoint": None,
                "api_key_variable": None,
                "models": len(off.models),
                "plugin": None,
                "source": self._place(off.source),
            }
            yield Listed(row=row, backend=off.name)

    def every_model(self) -> list[Listed]:
        """Every model there is, those that only backends which are off know too."""
        return list(self._models(offered=False))

    def _models(self, *, offered: bool = True) -> Iterator[Listed]:
        """Every model of every enabled backend once."""
        for entry in self.loaded.deck.models.values():
            if entry.offered_by or not offered:
                spec = entry.spec
                capability = self._capability_of(spec) if spec else None
                yield Listed(
                    row=self._model(entry), backend=spec.backend if spec else None, capability=capability, spec=spec
                )

    def _model(self, entry: ModelEntry) -> Row:
        spec, route = entry.spec, entry.route
        costs = spec.costs if spec and self.details else None
        date = price_date(self._written.model(spec.backend, spec.name)) if spec and costs else None
        return {
            "model": entry.name,
            "backend": spec.backend if spec else None,
            "sdk": spec.sdk if spec else None,
            "model_id": spec.model_id if spec else None,
            "model_type": str(spec.model_type) if spec else None,
            "available": entry.available,
            "reason": entry.reason,
            "route": route_as_json(route, self._place(route.source) if route.source else None),
            "source": self._place(spec.source) if spec else None,
            "offered_by": list(entry.offered_by),
            "costs": costs_as_json(costs),
            "as_of": date.value if date else None,
            "inputs": sorted(spec.inputs) if spec else [],
            "outputs": sorted(spec.outputs) if spec else [],
            "max_tokens": spec.max_tokens if spec else None,
            "context_window": spec.context_window if spec else None,
            "remedies": list(self.remedies(entry)) if self.details else [],
            "deprecated_on": spec.deprecated_on if spec else None,
            "retired_on": spec.retired_on if spec else None,
            "successor": spec.successor if spec else None,
        }

    def _capability_of(self, spec: ModelSpec) -> str:
        return self.loaded.deck.capabilities.of_type(spec.model_type).name

    def remedies(self, entry: ModelEntry) -> tuple[str, ...]:
        """What would make a model available."""
        if entry.available:
            return ()
        capability = self._capability_of(entry.spec) if entry.spec else "llm"
        tell = Remedies(deck=self.loaded.deck, plugins=self.plugins, config=self.loaded, written=self._written)
        return tell.of(ChainMember(entry=entry), capability)

    def _presets(self) -> Iterator[Listed]:
        for capability, presets in self.loaded.deck.presets.items():
            for preset in presets.values():
                resolution = self.loaded.deck.resolve(f"${preset.name}", capability)
                row = {
                    "preset": preset.name,
                    "capability": capability,
                    "model": preset.model,
                    "settings": dict(preset.settings),
                    **_outcome(resolution),
                    "source": self._place(preset.source),
                    "description": preset.description,
                }
                yield _listed(row, resolution)

    def _aliases(self) -> Iterator[Listed]:
        deck = self.loaded.deck
        for alias in deck.aliases.values():
            resolution = deck.resolve(f"@{alias.name}", deck.capability_of(alias.name))
            row = {
                "alias": alias.name,
                "targets": list(alias.targets),
                "settings": dict(alias.settings),
                **_outcome(resolution),
                "source": self._place(alias.source),
                "capability": resolution.capability,
            }
            yield _listed(row, resolution)

    def _routes(self) -> Iterator[Listed]:
        for profile in self.loaded.profiles.values():
            active = self.loaded.deck.profile is not None and self.loaded.deck.profile.name == profile.name
            routes: list[tuple[str, str | None, str, bool, Source]] = [
                ("exact" if route.is_exact else "pattern", route.pattern, route.backend, route.optional, route.source)
                for route in profile.routes
            ]
            if profile.default is not None:
                routes.append(("default", None, profile.default, False, profile.place_of("default")))
            for rule, pattern, backend, optional, source in routes:
                row = {
                    "profile": profile.name,
                    "active": active,
                    "rule": rule,
                    "pattern": pattern,
                    "backend": backend,
                    "optional": optional,
                    "source": self._place(source),
                    "enabled": backend in self.loaded.deck.backends,
                }
                yield Listed(row=row, backend=backend)


def _outcome(resolution: Resolution) -> Row:
    chosen = resolution.chosen
    by_reason: dict[str | None, list[str]] = {}
    for member in resolution.chain:
        by_reason.setdefault(member.entry.reason, []).append(f"'{member.name}'")
    reasons = "; ".join(f"{', '.join(names)}: {reason}" for reason, names in by_reason.items())
    return {
        "leads_to": chosen.name if chosen else None,
        "backend": chosen.spec.backend if chosen and chosen.spec else None,
        "available": chosen is not None,
        "reason": None if chosen else reasons or "it leads to no model",
    }


def _listed(row: Row, resolution: Resolution) -> Listed:
    spec = resolution.chosen.spec if resolution.chosen else None
    return Listed(row=row, backend=spec.backend if spec else None, capability=resolution.capability, spec=spec)
