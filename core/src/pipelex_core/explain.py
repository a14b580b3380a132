"""The whole way of a handle, from the very object a call uses: what `pipelex explain` prints."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from attrs import asdict, field, frozen

from pipelex_core.errors import UnsupportedInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_core.config import LoadedConfig
    from pipelex_core.deck import ChainMember, ModelDeck, Resolution
    from pipelex_core.plugins import PluginRecord, Plugins
    from pipelex_core.routing import Route, RouteMatch
    from pipelex_core.specs import BackendConfig, Capability, Costs, Source

CAPABILITIES: tuple[Capability, ...] = ("llm", "extract", "img_gen")


@frozen(kw_only=True)
class Explanation:
    """What a handle means, and why.

    Attributes:
        resolution: What `deck.resolve` gave.
        plugin: The plugin that serves the chosen model, or None.
        backend: The backend of the chosen model, or None.
        beaten: Model -> the later routes that also match it.
        places: Source -> `file:line`, or plugin and version.
    """

    resolution: Resolution
    plugin: PluginRecord | None = None
    backend: BackendConfig | None = None
    beaten: Mapping[str, tuple[Route, ...]] = field(factory=dict)
    places: Mapping[Source, str] = field(factory=dict)

    def place(self, source: Source | None) -> str | None:
        """Where a value was written: `file:line`, or plugin and version; None where that is unknown."""
        return None if source is None else self.places.get(source)

    def as_json(self) -> dict[str, Any]:
        """The stable JSON shape of `pipelex explain --json`."""
        resolution = self.resolution
        chosen = resolution.chosen
        spec = chosen.spec if chosen else None
        return {
            "handle": resolution.handle,
            "kind": resolution.kind,
            "capability": resolution.capability,
            "setting": dict(resolution.settings),
            "origins": {name: self.place(source) for name, source in resolution.origins.items()},
            "steps": [
                {"kind": step.kind, "name": step.name, "targets": list(step.targets), "source": self.place(step.source)}
                for step in resolution.steps
            ],
            "chain": [self._member(member) for member in resolution.chain],
            "chosen": None
            if spec is None
            else {"model": spec.name, "backend": spec.backend, "sdk": spec.sdk, "model_id": spec.model_id},
            "plugin": None
            if self.plugin is None
            else {"distribution": self.plugin.distribution or self.plugin.name, "version": self.plugin.version},
            "endpoint": self.backend.endpoint if self.backend else None,
            "api_key_variable": self.backend.api_key_variable if self.backend else None,
            "costs": None if spec is None else costs_as_json(spec.costs),
        }

    def _member(self, member: ChainMember) -> dict[str, Any]:
        spec = member.spec
        return {
            "model": member.name,
            "backend": spec.backend if spec else None,
            "sdk": spec.sdk if spec else None,
            "model_id": spec.model_id if spec else None,
            "available": member.available,
            "reason": member.entry.reason,
            "route": route_as_json(member.entry.route, self.place(member.entry.route.source)),
            "beaten": [route.pattern for route in self.beaten.get(member.name, ())],
            "dropped_settings": list(member.refused),
        }


def explain(
    handle: str | Mapping[str, Any],
    capability: Capability,
    *,
    deck: ModelDeck,
    plugins: Plugins,
    config: LoadedConfig | None = None,
) -> Explanation:
    """Resolve a handle as a call would, and gather what there is to say about it.

    Raises:
        ConfigError: The handle exists nowhere.
        UnsupportedInputError: There is no such capability.
    """
    if capability not in CAPABILITIES:
        msg = f"a capability is one of {', '.join(CAPABILITIES)}, not {capability!r}"
        raise UnsupportedInputError(msg)
    resolution = deck.resolve(handle, capability)
    chosen = resolution.chosen
    spec = chosen.spec if chosen else None
    found = plugins.find(spec.backend, spec.sdk) if spec else None
    return Explanation(
        resolution=resolution,
        plugin=found[1] if found else None,
        backend=deck.backends.get(spec.backend) if spec else None,
        beaten={member.name: _beaten(member, deck) for member in resolution.chain},
        places=_places(resolution, config),
    )


def route_as_json(route: RouteMatch, source: str | None) -> dict[str, Any]:
    """A route in the stable JSON shape."""
    return {"rule": route.rule, "pattern": route.pattern, "backend": route.backend, "source": source}


def costs_as_json(costs: Costs | None) -> dict[str, Any] | None:
    """A price list: the unit, and the prices that are known, as decimal strings."""
    if costs is None:
        return None
    return {
        name: str(value) if isinstance(value, Decimal) else value
        for name, value in asdict(costs).items()
        if value is not None
    }


def _beaten(member: ChainMember, deck: ModelDeck) -> tuple[Route, ...]:
    if deck.profile is None:
        return ()
    winner = member.entry.route
    return tuple(route for route in deck.profile.all_matching(member.name) if route.pattern != winner.pattern)


def _places(resolution: Resolution, config: LoadedConfig | None) -> dict[Source, str]:
    """Where each source of a resolution is, looked up once."""
    sources = [*resolution.origins.values(), *(step.source for step in resolution.steps)]
    sources += [member.entry.route.source for member in resolution.chain]
    sources += [member.spec.source for member in resolution.chain if member.spec]
    return {source: describe(source) for source in sources if source is not None and (config or source.file)}


def describe(source: Source) -> str:
    """`file:line` of a project's value, plugin and version of a shipped one."""
    if source.file is None:
        return str(source)
    from pipelex_core.config import position

    file, line, _ = position(source)
    return f"{file}:{line}" if line else file
