"""`pipelex show`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from pipelex_core.cli.context import Context
from pipelex_core.cli.output import print_json, print_table
from pipelex_core.explain import costs_as_json, describe, route_as_json

if TYPE_CHECKING:
    from pipelex_core.config import LoadedConfig
    from pipelex_core.plugins import Plugins
    from pipelex_core.routing import ModelEntry

Row = dict[str, Any]


def show(
    what: Literal["backends", "models", "presets", "aliases", "routes"],
    *,
    available: bool = False,
    json: bool = False,
    context: Annotated[Context, Parameter(parse=False)],
) -> int:
    """Show what there is, where each came from, and for what is unavailable, why.

    Args:
        what: backends, models, presets, aliases or routes.
        available: Only what can be used.
        json: Print one JSON document.
    """
    plugins = context.plugins()
    loaded = context.load(plugins)
    rows = _ROWS[what](loaded, plugins)
    if available:
        rows = [row for row in rows if row.get("available", True)]
    if json:
        print_json(rows)
    else:
        columns = _COLUMNS[what]
        print_table(columns, ([_cell(row[column]) for column in columns] for row in rows), empty=f"no {what}")
    return 0


def _backends(loaded: LoadedConfig, plugins: Plugins) -> list[Row]:
    rows = []
    for name, config in loaded.deck.backends.items():
        specs = [entry.spec for entry in loaded.deck.models.values() if entry.spec and entry.spec.backend == name]
        found = [found for spec in specs if (found := plugins.find(name, spec.sdk))]
        rows.append(
            {
                "backend": name,
                "display_name": config.display_name or name,
                "available": True,
                "reason": None,
                "endpoint": config.endpoint,
                "api_key_variable": config.api_key_variable,
                "models": len(specs),
                "plugin": found[0][1].label if found else None,
                "source": describe(config.source),
            }
        )
    rows += [
        {
            "backend": off.name,
            "display_name": off.display_name,
            "available": False,
            "reason": off.reason if off.help is None else f"{off.reason}; {off.help}",
            "endpoint": None,
            "api_key_variable": None,
            "models": len(off.models),
            "plugin": None,
            "source": describe(off.source),
        }
        for off in loaded.disabled.values()
    ]
    return rows


def _models(loaded: LoadedConfig, _plugins: Plugins) -> list[Row]:
    """Every model of every enabled backend once."""
    return [_model(entry) for entry in loaded.deck.models.values() if entry.offered_by]


def _model(entry: ModelEntry) -> Row:
    spec, route = entry.spec, entry.route
    return {
        "model": entry.name,
        "backend": spec.backend if spec else None,
        "sdk": spec.sdk if spec else None,
        "model_id": spec.model_id if spec else None,
        "model_type": str(spec.model_type) if spec else None,
        "available": entry.available,
        "reason": entry.reason,
        "route": route_as_json(route, describe(route.source) if route.source else None),
        "source": describe(spec.source) if spec else None,
        "offered_by": list(entry.offered_by),
        "costs": costs_as_json(spec.costs) if spec else None,
    }


def _presets(loaded: LoadedConfig, _plugins: Plugins) -> list[Row]:
    rows = []
    for capability, presets in loaded.deck.presets.items():
        for preset in presets.values():
            resolution = loaded.deck.resolve(preset.name, capability)
            rows.append(
                {
                    "preset": preset.name,
                    "capability": capability,
                    "model": preset.model,
                    "settings": dict(preset.settings),
                    **_outcome(resolution),
                    "source": describe(preset.source),
                }
            )
    return rows


def _aliases(loaded: LoadedConfig, _plugins: Plugins) -> list[Row]:
    deck = loaded.deck
    return [
        {
            "alias": alias.name,
            "targets": list(alias.targets),
            "settings": dict(alias.settings),
            **_outcome(deck.resolve(f"@{alias.name}", deck.capability_of(alias.name))),
            "source": describe(alias.source),
        }
        for alias in deck.aliases.values()
    ]


def _outcome(resolution: Any) -> Row:
    chosen = resolution.chosen
    reasons = "; ".join(f"'{member.name}': {member.entry.reason}" for member in resolution.chain)
    return {
        "leads_to": chosen.name if chosen else None,
        "backend": chosen.spec.backend if chosen else None,
        "available": chosen is not None,
        "reason": None if chosen else reasons or "it leads to no model",
    }


def _routes(loaded: LoadedConfig, _plugins: Plugins) -> list[Row]:
    rows = []
    for profile in loaded.profiles.values():
        active = loaded.deck.profile is not None and loaded.deck.profile.name == profile.name
        common = {"profile": profile.name, "active": active}
        for route in profile.routes:
            rule = "exact" if route.is_exact else "pattern"
            rows.append(
                {
                    **common,
                    "rule": rule,
                    "pattern": route.pattern,
                    "backend": route.backend,
                    "optional": route.optional,
                    "source": describe(route.source),
                }
            )
        if profile.default is not None:
            rows.append(
                {
                    **common,
                    "rule": "default",
                    "pattern": None,
                    "backend": profile.default,
                    "optional": False,
                    "source": describe(profile.source),
                }
            )
    return rows


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{key}={item}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)


_ROWS = {"backends": _backends, "models": _models, "presets": _presets, "aliases": _aliases, "routes": _routes}
_COLUMNS = {
    "backends": ("backend", "available", "endpoint", "api_key_variable", "models", "plugin", "reason"),
    "models": ("model", "backend", "model_id", "model_type", "available", "reason"),
    "presets": ("preset", "capability", "model", "settings", "leads_to", "backend", "reason"),
    "aliases": ("alias", "targets", "leads_to", "backend", "reason"),
    "routes": ("profile", "active", "rule", "pattern", "backend", "source"),
}
