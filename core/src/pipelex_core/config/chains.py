"""The list of an alias: members with weights, pinned members, and the order in which they are asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_core.config.names import targets_of
from pipelex_core.config.problems import Faults, type_name
from pipelex_core.config.structure import checked, structured_values
from pipelex_core.config.values import exactly, name_of, one_of, rule
from pipelex_core.errors import ConfigError
from pipelex_core.orders import CHAIN, ORDERS
from pipelex_core.routing import ModelEntry, RouteMatch

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from pipelex_core.config.finish import ReadBackend
    from pipelex_core.config.lack import Lack
    from pipelex_core.config.layered import Layered
    from pipelex_core.deck import Alias
    from pipelex_core.plugins import Plugins
    from pipelex_core.specs import ModelSpec, Source

Members = tuple[tuple[str, ...], dict[str, float], frozenset[str]]
"""The members of a chain, each once; those with a weight; and those that are a last resort."""

NO_MEMBERS: Members = ((), {}, frozenset())

_NUMBERS = (int, float)
_MEMBER = {
    "model": name_of("a model or alias"),
    "weight": rule(
        "a number above 0",
        lambda value: value.__class__ in _NUMBERS and 0 < value < float("inf"),
        got=lambda value: str(value) if value.__class__ in _NUMBERS else type_name(value),
        made=float,
    ),
    "last_resort": exactly(bool, "true or false"),
}


def read_members(name: str, written: list[Any], source: Source, faults: Faults) -> Members:
    """The members of the chain of an alias; none where one has a fault."""
    weights: dict[str, float] = {}
    last_resort: set[str] = set()
    targets: dict[str, None] = {}
    wrong = False
    for number, item in enumerate(written):
        member = _member(name, item, source.child(str(number)), faults)
        if member is None:
            wrong = True
            continue
        model = member["model"]
        if model in targets:
            message = f"the chain '{name}' names '{model}' twice; the second is dropped"
            faults.warning("duplicate-chain-member", message, source.child(str(number)))
        targets[model] = None
        if "weight" in member:
            weights.setdefault(model, member["weight"])
        if member.get("last_resort"):
            last_resort.add(model)
    return NO_MEMBERS if wrong else (tuple(targets), weights, frozenset(last_resort))


def _member(name: str, item: Any, source: Source, faults: Faults) -> dict[str, Any] | None:
    """The keys of one member, its model at least; None where it has a fault."""
    if isinstance(item, str) and item:
        return {"model": item}
    if not isinstance(item, dict):
        message = f"a member of the chain '{name}' cannot be {type_name(item) if item != '' else 'empty'}"
        expected = "a model or alias, or { model = …, weight = … }"
        faults.error(ConfigError, "bad-value", message, source, expected=expected)
        return None
    of = f"a member of the chain '{name}'"
    if "model" not in item:
        faults.error(ConfigError, "missing-key", f"{of} names no model", source, expected='model = "…"')
    values = structured_values(_MEMBER, item, faults, kind=ConfigError, where=source.child, of=of)
    return values if values is not None and "model" in values else None


def read_order(name: str, table: Layered, orders: Collection[str], faults: Faults) -> str | None:
    """The order of an alias's chain; None where it has a fault."""
    if "order" not in table.values:
        return CHAIN
    source = table.where("order")
    if isinstance(table.values.get("model"), str):
        message = f"'order' is for a list of models, and '{name}' names one"
        faults.error(ConfigError, "bad-value", message, source, expected="a list as its model")
        return None
    order: str | None = checked(one_of((CHAIN, *ORDERS, *orders)), table.values["order"], source, faults)
    return order


def pinned_models(
    aliases: Iterable[Alias],
    models: Mapping[str, ModelEntry],
    backends: Mapping[str, ReadBackend],
    plugins: Plugins,
    faults: Faults,
    *,
    lost: Mapping[str, Lack],
) -> dict[str, ModelEntry]:
    """`model@backend` -> the model at that backend, whatever the routes say, for every member that is pinned.

    Args:
        aliases: The chains.
        models: Every model.
        backends: Every backend.
        plugins: Who serves the sdks.
        faults: Where to report.
        lost: Backend -> why it has no models, for those whose plugin is not in use.
    """
    found: dict[str, ModelEntry] = {}
    for name, source in _pins(aliases, models):
        model, _, backend = name.rpartition("@")
        if name in found:
            continue
        if backend not in backends:
            message = f"'{name}' pins '{model}' to the backend '{backend}', which does not exist"
            faults.error(ConfigError, "bad-value", message, source, near=(backend, backends))
        elif model not in models and backend not in lost:
            message = f"'{name}' pins a model that no backend knows"
            faults.error(ConfigError, "unknown-handle", message, source, near=(model, models))
        spec, reason = _pinned(model, backend, backends.get(backend), plugins)
        if backend in lost:
            reason = f"it is pinned to backend '{backend}', which {lost[backend].why}; {lost[backend].help}"
        route = RouteMatch(rule="pinned", pattern=name, backend=backend, source=source)
        found[name] = ModelEntry(name=name, spec=spec, available=reason is None, reason=reason, route=route)
    return found


def _pins(aliases: Iterable[Alias], models: Mapping[str, ModelEntry]) -> Iterator[tuple[str, Source]]:
    known = {alias.name for alias in aliases}
    for alias in aliases:
        for target, source in targets_of(alias):
            if "@" in target[1:] and target not in models and target.removeprefix("@") not in known:
                yield target, source


def _pinned(
    model: str, backend: str, read: ReadBackend | None, plugins: Plugins
) -> tuple[ModelSpec | None, str | None]:
    """The spec of a model at a backend, and why it cannot be called, or None."""
    if read is None:
        return None, f"there is no backend '{backend}'"
    spec = read.models.specs.get(model)
    if spec is None:
        why = read.draft.off or read.models.withheld.get(model, f"does not offer '{model}'")
        return None, f"it is pinned to backend '{backend}', which {why}"
    return spec, None if plugins.find(backend, spec.sdk) else plugins.why_missing(backend, spec.sdk)
