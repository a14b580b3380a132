"""The JSON of an explanation and of its parts: programs rely on its keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_cli.explaining.facts import shown_endpoint
from pipelex_core.estimates import Guess
from pipelex_core.specs import NOWHERE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_core.estimates import Estimate, MemberEstimate
    from pipelex_core.explain import Explanation, MemberFacts, Value
    from pipelex_core.plugins import PluginRecord
    from pipelex_core.routing import RouteMatch
    from pipelex_core.specs import Costs, Source


def explanation_as_json(explanation: Explanation) -> dict[str, Any]:
    """Write the stable JSON shape of `pipelex explain --json`; new keys stand at the end."""
    resolution, chosen = explanation.resolution, explanation.chosen
    backend = chosen.backend if chosen else None
    spec = chosen.member.spec if chosen else None
    return {
        "handle": resolution.handle,
        "kind": resolution.kind,
        "capability": resolution.capability,
        "setting": dict(resolution.settings),
        "origins": {name: place(source) for name, source in resolution.origins.items()},
        "steps": [
            {"kind": step.kind, "name": step.name, "targets": list(step.targets), "source": place(step.source)}
            for step in resolution.steps
        ],
        "chain": [member_as_json(facts, resolution.order) for facts in explanation.members],
        "chosen": None
        if spec is None
        else {"model": spec.name, "backend": spec.backend, "sdk": spec.sdk, "model_id": spec.model_id},
        "plugin": plugin_as_json(chosen.plugin if chosen else None),
        "endpoint": shown_endpoint(backend) if backend else None,
        "api_key_variable": backend.api_key_variable if backend else None,
        "costs": None if spec is None else costs_as_json(spec.costs),
        "as_of": None if chosen is None or chosen.as_of is None else chosen.as_of.value,
        "profile": explanation.profile,
        "on_unsupported_setting": resolution.policy,
        "estimate": None if explanation.estimate is None else estimate_as_json(explanation.estimate),
        "no_estimate": explanation.no_estimate,
        "order": resolution.order,
    }


def member_as_json(facts: MemberFacts, order: str) -> dict[str, Any]:
    """What is known of a member of a chain, which has an order."""
    member, spec, backend = facts.member, facts.member.spec, facts.backend
    shown = {
        "model": member.name,
        "backend": spec.backend if spec else None,
        "sdk": spec.sdk if spec else None,
        "model_id": spec.model_id if spec else None,
        "available": member.available,
        "reason": member.entry.reason,
        "route": route_as_json(member.entry.route, place(member.entry.route.source)),
        "beaten": [each.pattern for each in facts.beaten if each.pattern is not None],
        "dropped_settings": list(member.refused),
        "remedies": list(facts.remedies),
        "beaten_rules": [
            {"pattern": each.pattern, "backend": each.backend, "why": each.why, "source": place(each.source)}
            for each in facts.beaten
        ],
        "why_dropped": dict(member.refused),
        "sent_settings": _values(facts.settings),
        "plugin": plugin_as_json(facts.plugin),
        "endpoint": shown_endpoint(backend) if backend else None,
        "api_key_variable": backend.api_key_variable if backend else None,
        "backend_values": _values(facts.backend_values),
        "spec_values": _values(facts.spec_values),
        "costs": costs_as_json(spec.costs) if spec else None,
        "prices": _values(facts.prices),
        "as_of": facts.as_of.value if facts.as_of else None,
    }
    if order == "weighted" or member.weight != 1:
        shown["weight"] = member.weight
    if member.last_resort:
        shown["last_resort"] = True
    return shown


def _values(values: Mapping[str, Value]) -> dict[str, dict[str, Any]]:
    return {name: {"value": value.value, "source": place(value.source)} for name, value in values.items()}


def estimate_as_json(estimate: Estimate) -> dict[str, Any]:
    """What a call would use and cost: counts as `low`, `likely`, `high`, costs as decimal strings."""
    low, high = (None if cost is None else f"{cost:f}" for cost in (estimate.cost_low, estimate.cost_high))
    members = [*map(_estimated, estimate.members)]
    return {"currency": estimate.currency, "cost_low": low, "cost_high": high, "members": members}


def _estimated(member: MemberEstimate) -> dict[str, Any]:
    plain = {name: item for name, item in member.to_dict().items() if name != "model_id"}
    guesses = {name: guess._asdict() for name in plain if isinstance(guess := getattr(member, name), Guess)}
    return {**plain, **guesses}


def route_as_json(route: RouteMatch, source: str | None) -> dict[str, Any]:
    """A route in the stable JSON shape."""
    return {"rule": route.rule, "pattern": route.pattern, "backend": route.backend, "source": source}


def costs_as_json(costs: Costs | None) -> dict[str, Any] | None:
    """A price list: the unit, and the prices that are known, as decimal strings; tiers, services and changes as in a spec."""
    return None if costs is None else {"unit": costs.unit, **_prices_as_json(costs.to_dict())}


def _prices_as_json(costs: Mapping[str, Any]) -> dict[str, Any]:
    known = {name: value for name, value in costs.items() if value is not None and name != "unit"}
    for name, value in known.items():
        if isinstance(value, dict) and name != "image_sizes":
            known[name] = _prices_as_json(value)
        elif name in {"tiers", "changes"}:
            known[name] = [_prices_as_json(item) for item in value]
    return {"from" if name == "from_day" else name: value for name, value in known.items()}


def describe(source: Source) -> str:
    """`file:line` of a project's value, plugin and version of a shipped one."""
    if source.file is None:
        return str(source)
    from pipelex_cli.positions import position

    file, line, _ = position(source)
    return f"{file}:{line}" if line else file


def plugin_as_json(record: PluginRecord | None) -> dict[str, str | None] | None:
    """A plugin by its distribution and version."""
    return None if record is None else {"distribution": record.distribution or record.name, "version": record.version}


def place(source: Source | None) -> str | None:
    """Where a value was written; None where that is unknown."""
    return None if source is None or source == NOWHERE else describe(source)
