"""An explanation in lines, for people."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from pipelex_cli.explained_json import place
from pipelex_cli.lifetime import shown_lifetime
from pipelex_cli.price_lines import price_lines
from pipelex_cli.terminal import entry, folded, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from decimal import Decimal

    from pipelex_core.deck import ChainMember
    from pipelex_core.explain import Explanation, MemberFacts


_ORDERS = {
    "chain": "tried in this order",
    "weighted": "drawn by their weights",
    "cheapest": "the cheapest for the call first",
    "fastest": "the fastest of the last calls first",
    "least_busy": "the one with the fewest calls in flight first",
}


def lines(explanation: Explanation, *, width: int | None = None, all_values: bool = False) -> Iterator[str]:
    """Steps, settings, then each model of the chain.

    Args:
        explanation: What `explain` gave.
        width: Columns to fold at; None for none.
        all_values: Show the spec of every model, not of the chosen one alone.
    """
    resolution, chosen = explanation.resolution, explanation.chosen
    write = partial(entry, width=width)
    for step in resolution.steps:
        if step.kind != "model":
            yield from write(step.kind, f"{step.name} → {', '.join(step.targets)}", place(step.source))
    yield from write("for", explanation.purpose)
    for name, value in resolution.settings.items():
        yield from write("setting", f"{name} = {_shown(value)}", place(resolution.origins.get(name)))
    if len(resolution.chain) > 1:
        yield from write(
            "chain",
            f"{len(resolution.chain)} models, {_ORDERS.get(resolution.order, f'in the order {resolution.order!r}')}",
        )
    for facts in explanation.members:
        yield ""
        yield from _member(explanation, facts, is_chosen=facts is chosen, all_values=all_values, width=width)
    if chosen is None:
        yield ""
        yield "no model of it can be called"
    yield from _estimate(explanation, width=width)


def _member(
    explanation: Explanation, facts: MemberFacts, *, is_chosen: bool, all_values: bool, width: int | None
) -> Iterator[str]:
    member, spec = facts.member, facts.member.spec
    mark = "→" if is_chosen else " " if member.available else "✗"
    leads = f"→ {plain(f'{spec.backend} ({spec.sdk}, {spec.model_id})')}" if spec else "is unavailable"
    heading = f"{mark} {plain(member.name)} {leads}"
    yield from [heading] if width is None else folded(heading, width, 4)
    write = partial(entry, width=width, indent=4)
    yield from write("by", _rule(facts), place(member.entry.route.source))
    for beaten in facts.beaten:
        rule = f"{beaten.pattern or 'default'} → {beaten.backend}: {beaten.why}"
        yield from write("which beat", rule, place(beaten.source))
    yield from _place_in_chain(explanation.resolution.order, member, write)
    if member.entry.reason:
        yield from write("why", member.entry.reason)
    for number, remedy in enumerate(facts.remedies):
        yield from write("" if number else "to use it", remedy)
    for name, reason in member.refused.items():
        verb = "refused" if explanation.resolution.policy == "error" else "dropped"
        yield from write(verb, f"{name}: {reason}")
    if spec is None:
        return
    for name, setting in facts.settings.items():
        yield from write("sent", f"{name} = {_shown(setting.value)}", place(setting.source))
    if spec.retired_on or spec.deprecated_on:
        instead = f"; use {spec.successor}" if spec.successor else ""
        yield from write("lifetime", f"{shown_lifetime(spec)}{instead}")
    yield from write("plugin", facts.plugin.label if facts.plugin else "none serves it")
    yield from _backend(facts, width=width)
    yield from _price(facts, width=width)
    if is_chosen or all_values:
        for name, key in facts.spec_values.items():
            yield from write("spec", f"{name} = {_shown(key.value)}", place(key.source))


def _place_in_chain(order: str, member: ChainMember, write: Callable[..., Iterator[str]]) -> Iterator[str]:
    if order == "weighted" or member.weight != 1:
        yield from write("weight", f"{member.weight:g}")
    if member.last_resort:
        yield from write("last resort", "asked when the retries of the others are spent")


def _rule(facts: MemberFacts) -> str:
    """The rule that decided, and where it leads; a default may lead on."""
    route, spec = facts.member.entry.route, facts.member.spec
    rule = f"{route.rule} {route.pattern}" if route.pattern else route.rule
    if route.backend is None:
        return f"{rule}: the first backend that offers it" if spec else rule
    if spec is not None and spec.backend != route.backend:
        return f"{rule} → {route.backend}, which is off or lacks it: {spec.backend} is the first that offers it"
    return f"{rule} → {route.backend}"


def _backend(facts: MemberFacts, *, width: int | None) -> Iterator[str]:
    write = partial(entry, width=width, indent=4)
    values = dict(facts.backend_values)
    name = values.pop("name", None)
    if name is not None:
        yield from write("backend", str(name.value), place(name.source))
    endpoint, key = values.pop("endpoint", None), values.pop("api_key", None)
    yield from write(
        "endpoint",
        str(endpoint.value) if endpoint else "the provider's own",
        place(endpoint.source) if endpoint else None,
    )
    yield from write("key", str(key.value) if key else "none", place(key.source) if key else None)
    for option, value in values.items():
        yield from write("option", f"{option} = {_shown(value.value)}", place(value.source))


def _price(facts: MemberFacts, *, width: int | None) -> Iterator[str]:
    write = partial(entry, width=width, indent=4)
    spec = facts.member.spec
    if spec is None or spec.costs is None:
        yield from write("price", "unknown")
        return
    date = f", as of {facts.as_of.value}" if facts.as_of else ""
    places = {place(price.source): None for price in facts.prices.values()}
    for number, (when, shown) in enumerate(price_lines(spec.costs)):
        at = None if number else next(iter(places), None)
        yield from write("" if number else "price", f"{when}{shown}{'' if number else date}", at)


def _estimate(explanation: Explanation, *, width: int | None) -> Iterator[str]:
    """What a call with the prompt would use and cost, for each model that may answer."""
    write = partial(entry, width=width)
    if explanation.no_estimate is not None:
        yield ""
        yield from write("estimate", f"none: {explanation.no_estimate}")
    if explanation.estimate is None:
        return
    yield ""
    for member in explanation.estimate.members:
        if member.refused is not None:
            reported = f"not asked: {member.refused}"
        else:
            counts = [
                f"{_between(guess.low, guess.high)} {noun}"
                for guess, noun in (
                    (member.input_tokens, "tokens in"),
                    (member.output_tokens, "tokens out"),
                    (member.pages, "pages"),
                )
                if guess is not None
            ]
            if member.images is not None:
                counts.append(f"{member.images} images")
            reported = f"{', '.join(counts)}: {_cost(member.cost_low, member.cost_high)}"
        yield from write("estimate", f"{member.model}: {reported}")


def _between(low: Any, high: Any) -> str:
    if high is None:
        return f"{low} or more"
    return f"{low}" if low == high else f"{low} to {high}"


def _cost(low: Decimal | None, high: Decimal | None) -> str:
    if low is None:
        return "cost unknown"
    return f"{_between(_amount(low), None if high is None else _amount(high))} US$"


def _amount(amount: Decimal) -> str:
    """Two digits that count, however small it is; all of them from a cent on."""
    return f"{amount:.{max(2, 1 - amount.adjusted())}f}" if amount else "0"


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
