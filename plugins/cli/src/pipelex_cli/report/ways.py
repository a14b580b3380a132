"""The way of a handle in the page: what `pipelex explain` tells, folded until it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_cli.report.markup import Markup, joined, tag

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_Pair = tuple[str, object]


def way(reported: Mapping[str, Any]) -> Markup:
    """The steps, the settings, and each model of the chain.

    Args:
        reported: The JSON of an explanation.
    """
    names = [member["model"] for member in reported["chain"]]
    steps = [
        tag(
            "li",
            f"{step['kind']} ",
            tag("code", step["name"]),
            " → ",
            ", ".join(step["targets"]),
            _place(step["source"]),
        )
        for step in reported["steps"]
        if step["kind"] != "model"
    ]
    settings = [
        tag("li", tag("code", f"{name} = {value}"), _place(reported["origins"].get(name)))
        for name, value in reported["setting"].items()
    ]
    chosen = (reported["chosen"] or {}).get("model")
    return tag(
        "details",
        tag("summary", " → ".join(names)),
        tag("ol", *steps) if steps else None,
        tag("ul", *settings, class_="plain") if settings else None,
        *(_member(member, is_chosen=member["model"] == chosen) for member in reported["chain"]),
    )


def unavailable(reason: str | None, remedies: Iterable[str]) -> Markup | None:
    """Why something cannot be used, and what would change that."""
    if reason is None:
        return None
    ways = [tag("li", remedy) for remedy in remedies]
    return joined(
        tag("div", reason, class_="faint"), tag("div", "To use it:", tag("ul", *ways, class_="plain")) if ways else None
    )


def _member(member: Mapping[str, Any], *, is_chosen: bool) -> Markup:
    route = member["route"]
    rule = f"{route['rule']} {route['pattern']}" if route["pattern"] else route["rule"]
    pairs: list[_Pair] = [("route", joined(f"{rule} → {route['backend'] or 'none'}", _place(route["source"])))]
    pairs += [
        ("beat", joined(f"{each['pattern'] or 'default'} → {each['backend']}: {each['why']}", _place(each["source"])))
        for each in member["beaten_rules"]
    ]
    if member["backend"] is None:
        pairs.append(("unavailable", unavailable(member["reason"], member["remedies"]) or ""))
    else:
        pairs += _served(member)
    heading = joined(tag("code", member["model"]), f" on {member['backend']}" if member["backend"] else None)
    state = "a call asks it first" if is_chosen else None if member["available"] else "cannot be used"
    return joined(
        tag("div", heading, f": {state}" if state else None),
        tag("dl", *(part for name, shown in pairs for part in (tag("dt", name), tag("dd", shown)))),
    )


def _served(member: Mapping[str, Any]) -> list[_Pair]:
    """What is known of a model that some backend offers."""
    pairs: list[_Pair] = []
    if not member["available"]:
        pairs.append(("unavailable", unavailable(member["reason"], member["remedies"]) or ""))
    plugin, values = member["plugin"], member["backend_values"]
    pairs.append(
        ("plugin", f"{plugin['distribution']} {plugin['version'] or ''}".strip() if plugin else "none serves it")
    )
    endpoint, key = values.get("endpoint"), values.get("api_key")
    pairs.append(("endpoint", _value(endpoint) if endpoint else "the provider's own"))
    pairs.append(("key", _value(key) if key else "none"))
    pairs.append(("id", _value(member["spec_values"]["model_id"])))
    pairs += [("sent", joined(f"{name} = ", _value(each))) for name, each in member["sent_settings"].items()]
    pairs += [("left out", why) for why in member["why_dropped"].values()]
    pairs += [(f"{name.replace('_', ' ')} US$", _value(price)) for name, price in member["prices"].items()]
    if member["as_of"]:
        pairs.append(("as of", member["as_of"]))
    return pairs


def _value(value: Mapping[str, Any]) -> Markup:
    return joined(tag("code", value["value"]), _place(value["source"]))


def _place(source: str | None) -> Markup | None:
    return tag("span", f"  {source}", class_="faint") if source else None
