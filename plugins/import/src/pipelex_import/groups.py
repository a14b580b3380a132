"""The names that callers of LiteLLM use: groups of deployments, their fallbacks, and aliases of groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_core.errors import PipelexError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipelex_import.catalogue import Known
    from pipelex_import.deployments import Deployment, Deployments
    from pipelex_import.imported import Imported

_ORDERS = {
    "simple-shuffle": "weighted",
    "least-busy": "least_busy",
    "latency-based-routing": "fastest",
    "cost-based-routing": "cheapest",
    "usage-based-routing": "least_busy",
    "usage-based-routing-v2": "least_busy",
}
"""Routing strategies, and the orders of a chain that they are here."""

_CAPABILITIES = {
    "llm": "llm",
    "embedding": "embed",
    "img_gen": "img_gen",
    "transcriber": "transcribe",
    "speaker": "speak",
    "moderator": "moderate",
    "reranker": "rerank",
    "text_extractor": "extract",
}


def write_groups(deployments: Deployments, settings: Mapping[str, Any], imported: Imported, known: Known) -> None:
    """Write an alias for each group; one whose name is a model's here becomes a preset of that name, which wins.

    Raises:
        PipelexError: Aliases of groups lead in a circle, or a fallback is unknown.
    """
    order = _ORDERS.get(str(settings.get("routing_strategy", "simple-shuffle")))
    if order is None:
        imported.leave(
            "a routing strategy without a counterpart; chains are weighted", str(settings["routing_strategy"])
        )
    fallbacks = _fallbacks(settings, deployments.groups)
    for group, own in deployments.groups.items():
        further = [
            each
            for name in fallbacks.get(group, fallbacks.get("", []))
            for each in deployments.groups.get(name, ())
            if each not in own
        ]
        names = list(dict.fromkeys(each.pinned for each in further))
        _write_group(group, own, names, order=order or "weighted", imported=imported, known=known)
    for name, target in _aliases(settings, deployments.groups).items():
        _write_alias(name, target, imported, known)


def _write_alias(name: str, target: str, imported: Imported, known: Known) -> None:
    """Another name of a group: as its preset where it has one, or where the name is a model's, which would win."""
    for capability, presets in imported.presets.items():
        if target in presets:
            imported.presets[capability][name] = dict(presets[target])
            return
    if known.is_model(name):
        imported.presets.setdefault("llm", {})[name] = {"model": target}
    else:
        imported.aliases[name] = target


def _write_group(
    group: str, own: Sequence[Deployment], further: list[str], *, order: str, imported: Imported, known: Known
) -> None:
    own = list({each.pinned: each for each in own}.values())
    members: list[Any] = [each.pinned for each in own]
    if order == "weighted" and len({each.weight for each in own}) > 1:
        members = [{"model": each.pinned, "weight": each.weight or 1} for each in own]
    members += [{"model": name, "last_resort": True} if len(own) > 1 else name for name in further]
    capability = _CAPABILITIES.get(own[0].kind, "llm")
    taken = known.is_model(group) or any(group in models for models in imported.models.values())
    alias = f"{group}-deployments" if taken or own[0].settings else group
    imported.aliases[alias] = {"model": members, "order": order} if len(own) > 1 else _short(members)
    if alias != group:
        settings = own[0].settings if all(each.settings == own[0].settings for each in own) else {}
        if any(each.settings != settings for each in own):
            imported.leave("settings that only some deployments of a group have", group)
        imported.presets.setdefault(capability, {})[group] = {"model": alias, **settings}


def _short(members: list[Any]) -> Any:
    return members[0] if len(members) == 1 else members


def _fallbacks(settings: Mapping[str, Any], groups: Mapping[str, Any]) -> dict[str, list[str]]:
    """Group -> the groups asked after it; under the empty name, those of every other group."""
    found: dict[str, list[str]] = {}
    if settings.get("default_fallbacks"):
        found[""] = [str(name) for name in settings["default_fallbacks"]]
    for entry in settings.get("fallbacks") or []:
        if not isinstance(entry, dict):
            msg = f"a fallback is a table, such as {{ gpt-4o: [claude] }}, and not {entry!r:.80}"
            raise PipelexError(msg)
        for name, targets in entry.items():
            names = [targets] if isinstance(targets, str) else targets
            found["" if name == "*" else str(name)] = [str(each) for each in names or [] if not isinstance(each, dict)]
    for name, targets in found.items():
        unknown = next((each for each in (name, *targets) if each and each not in groups and groups), None)
        if unknown is not None and not any("*" in group for group in groups):
            found[name] = [each for each in targets if each in groups]
    return found


def _aliases(settings: Mapping[str, Any], groups: Mapping[str, Any]) -> dict[str, str]:
    """Further names of groups; each leads to a group, over other names perhaps."""
    table = settings.get("model_group_alias") or {}
    named = {
        str(name): str(target.get("model") if isinstance(target, dict) else target) for name, target in table.items()
    }
    for name in named:
        trail = [name]
        while named.get(trail[-1]) and trail[-1] not in groups:
            trail.append(named[trail[-1]])
            if trail[-1] in trail[:-1]:
                msg = f"model_group_alias leads in a circle: {' → '.join(trail)}"
                raise PipelexError(msg)
    return {name: target for name, target in named.items() if name not in groups}
