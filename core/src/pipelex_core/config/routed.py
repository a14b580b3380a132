"""Step 4, first half: every model that any backend knows, routed by the active profile; and what is wrong with routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_core.config.problems import Faults, listed
from pipelex_core.errors import ModelsManagerError
from pipelex_core.first_party import FIRST_PARTY, distribution_for
from pipelex_core.routing import ModelEntry, Route, RoutingProfile, assign

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pipelex_core.config.context import Context
    from pipelex_core.config.finish import ReadBackend
    from pipelex_core.specs import ModelSpec


def route_models(
    backends: Mapping[str, ReadBackend], profile: RoutingProfile | None, context: Context
) -> dict[str, ModelEntry]:
    """Name -> the model, for every name that a backend offers or knows; missing plugins are reported."""
    offers: dict[str, dict[str, ModelSpec]] = {}
    withheld: dict[str, dict[str, str]] = {}
    for backend, read in backends.items():
        for name, spec in read.models.specs.items():
            offers.setdefault(name, {})[backend] = spec
        for name, why in read.models.withheld.items():
            withheld.setdefault(name, {})[backend] = why
    why_off = {name: read.draft.off for name, read in backends.items() if read.draft.off is not None}
    unserved = _unserved(backends, context)
    profile = profile or RoutingProfile(name="")
    models: dict[str, ModelEntry] = {}
    for name in dict.fromkeys((*offers, *withheld)):
        known, own = offers.get(name, {}), withheld.get(name, {})
        models[name] = assign(name, profile, known, why_off=why_off, withheld=own, unserved=unserved)
    return models


def _unserved(backends: Mapping[str, ReadBackend], context: Context) -> dict[tuple[str, str], str]:
    """(Backend, sdk) -> why no plugin serves it, for the sdks that none serves; one problem a plugin that is missing."""
    plugins, faults = context.plugins, context.faults
    unserved: dict[tuple[str, str], str] = {}
    lacking: dict[str, list[tuple[str, str]]] = {}
    for name, read in backends.items():
        for sdk in dict.fromkeys(spec.sdk for spec in read.models.specs.values()):
            if plugins.find(name, sdk) is None:
                unserved[name, sdk] = plugins.why_missing(name, sdk)
                lacking.setdefault(distribution_for(name, sdk) or sdk, []).append((name, sdk))
    served = sorted({*plugins.sdks, *FIRST_PARTY})
    quarantined = [record.state for record in plugins.records if record.status == "quarantined"]
    for distribution, pairs in lacking.items():
        why = unserved[pairs[0]]
        if distribution == pairs[0][1] and not plugins.may_serve(distribution):
            _report_unknown_sdk(distribution, backends[pairs[0][0]], served, context)
            continue
        if any(state in why for state in quarantined):
            continue  # that is a problem of its own
        names, sdks = dict.fromkeys(name for name, _ in pairs), dict.fromkeys(sdk for _, sdk in pairs)
        noun = "backend" if len(names) == 1 else "backends"
        message = f"the models of {noun} {listed(names)} with sdk {listed(sdks)} cannot be used: {why}"
        mend = f"run: pip install {distribution}" if "pip install" in why else None
        source, near = backends[pairs[0][0]].draft.source, (pairs[0][1], plugins.sdks)
        faults.warning("plugin-missing", message, source, suggestion=mend, near=near)
    return unserved


def _report_unknown_sdk(sdk: str, backend: ReadBackend, served: Collection[str], context: Context) -> None:
    """A sdk that no plugin serves, installed or not: where the first model that has it names it."""
    spec = next(spec for spec in backend.models.specs.values() if spec.sdk == sdk)
    message = f"no plugin serves sdk '{sdk}', which models of backend '{spec.backend}' have"
    expected = f"one of {', '.join(served)}"
    source = backend.where_sdk(spec.name)
    context.faults.error(ModelsManagerError, "unknown-sdk", message, source, expected=expected, near=(sdk, served))


def reported_models(backends: Mapping[str, ReadBackend]) -> set[str]:
    """The models whose fault, or whose backend's, is a problem already."""
    return {name for read in backends.values() for name in read.models.reported}


def excused_models(backends: Mapping[str, ReadBackend], models: Mapping[str, ModelEntry]) -> set[str]:
    """The models that cannot be used because of a problem that is reported: their own, their backend's, or a route's."""
    by_route = {
        entry.name
        for entry in models.values()
        if entry.exact_fault or (entry.route.backend is not None and entry.route.backend not in backends)
    }
    return by_route | reported_models(backends)


def check_routes(
    profile: RoutingProfile, backends: Mapping[str, ReadBackend], models: Mapping[str, ModelEntry], faults: Faults
) -> None:
    """Report the routes of the active profile whose model no backend knows, or theirs does not offer."""
    reported = reported_models(backends)
    for route in profile.routes:
        off = backends[route.backend].draft.off if route.backend in backends else None
        if not route.is_exact or route.backend not in backends or (route.optional and off is not None):
            continue
        entry = models.get(route.pattern)
        if entry is None:
            _report_no_such_model(route, models, off, faults)
        elif entry.exact_fault and entry.name not in reported:
            message, expected = entry.reason or "", _offering(entry)
            faults.error(ModelsManagerError, "model-not-offered", message, route.source, expected=expected)


def _offering(entry: ModelEntry) -> str | None:
    return f"one of {', '.join(entry.offered_by)}" if entry.offered_by else None


def _report_no_such_model(route: Route, models: Mapping[str, ModelEntry], off: str | None, faults: Faults) -> None:
    message = f"route '{route.pattern}' is for a model that no backend knows"
    near = (route.pattern, models)
    if off is None:
        faults.error(ModelsManagerError, "model-not-offered", message, route.source, near=near, on_key=True)
    else:
        faults.warning("model-not-offered", message, route.source, near=near, on_key=True)
