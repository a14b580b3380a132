"""`pipelex explain`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from pipelex_core.cli.context import Context
from pipelex_core.cli.output import print_json
from pipelex_core.explain import costs_as_json
from pipelex_core.explain import explain as explain_handle
from pipelex_core.specs import Capability

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelex_core.config import LoadedConfig
    from pipelex_core.deck import ChainMember
    from pipelex_core.explain import Explanation
    from pipelex_core.plugins import Plugins


def explain(
    handle: str,
    *,
    capability: Capability | None = None,
    json: bool = False,
    context: Annotated[Context, Parameter(parse=False)],
) -> int:
    """Show the whole way of a handle: preset, alias, chain, route, backend, plugin, endpoint, settings, price.

    Args:
        handle: A preset, alias or model.
        capability: llm, extract or img_gen; found out where it is left out.
        json: Print one JSON document.
    """
    plugins = context.plugins()
    loaded = context.load(plugins)
    explanation = _explained(handle, capability, loaded, plugins)
    if json:
        print_json(explanation.as_json())
    else:
        sys.stdout.write("\n".join(_lines(explanation)) + "\n")
    return 0


def _explained(handle: str, capability: Capability | None, loaded: LoadedConfig, plugins: Plugins) -> Explanation:
    """The explanation for the capability asked for, or the first that knows the handle; an LLM's error if none does."""
    from pipelex_core.errors import ConfigError

    asked: tuple[Capability, ...] = ("llm", "extract", "img_gen") if capability is None else (capability,)
    first: Explanation | None = None
    error: ConfigError | None = None
    for each in asked:
        try:
            explanation = explain_handle(handle, each, deck=loaded.deck, plugins=plugins, config=loaded)
        except ConfigError as fault:
            error = error or fault
            continue
        if explanation.resolution.chosen is not None:
            return explanation
        first = first or explanation
    if first is None:
        assert error is not None  # noqa: S101 -- nothing was found, so something was raised
        raise error
    return first


def _lines(explanation: Explanation) -> Iterator[str]:
    resolution = explanation.resolution
    for step in resolution.steps:
        targets = f" → {', '.join(step.targets)}" if step.targets else ""
        yield f"{step.kind} {step.name}{targets}{_at(explanation.place(step.source))}"
    if resolution.settings:
        yield "settings"
        for name, value in resolution.settings.items():
            yield f"    {name} = {value}{_at(explanation.place(resolution.origins.get(name)))}"
    yield "chain"
    chosen = resolution.chosen
    for member in resolution.chain:
        yield from _member_lines(explanation, member, "→" if member is chosen else " ")
    if chosen is None or chosen.spec is None:
        yield "nothing here can be called"
        return
    if explanation.plugin is not None:
        yield f"plugin    {explanation.plugin.label}"
    if explanation.backend is not None:
        yield f"endpoint  {explanation.backend.endpoint or 'the provider’s own'}"
        yield f"key       {explanation.backend.api_key_variable or 'none'}"
    yield f"price     {_price(explanation)}"


def _member_lines(explanation: Explanation, member: ChainMember, mark: str) -> Iterator[str]:
    spec, route = member.spec, member.entry.route
    target = f"{spec.backend} ({spec.sdk}, {spec.model_id})" if spec else "nowhere"
    yield f"  {mark} {member.name} → {target}"
    rule = f"{route.rule} {route.pattern}" if route.pattern else route.rule
    yield f"        by {rule}{_at(explanation.place(route.source))}"
    beaten = explanation.beaten.get(member.name, ())
    if beaten:
        yield f"        which beat {', '.join(f'{r.pattern} → {r.backend}' for r in beaten)}"
    if member.entry.reason:
        yield f"        unavailable: {member.entry.reason}"
    for reason in member.refused.values():
        yield f"        {'refused' if explanation.resolution.policy == 'error' else 'dropped'}: {reason}"


def _price(explanation: Explanation) -> str:
    chosen = explanation.resolution.chosen
    costs = costs_as_json(chosen.spec.costs) if chosen and chosen.spec else None
    if not costs or len(costs) == 1:
        return "unknown"
    unit = str(costs.pop("unit")).replace("_", " ")
    return ", ".join(f"{name} {value} US$" for name, value in costs.items()) + f" per {unit}"


def _at(place: str | None) -> str:
    return f"  ({place})" if place else ""
