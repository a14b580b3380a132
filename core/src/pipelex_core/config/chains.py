"""The list of an alias: members with weights, pinned members, and the order in which they are asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from pipelex_core.config.problems import Faults, type_name
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
    from pipelex_core.specs import Source

MEMBER_KEYS = ("model", "weight", "last_resort")


@frozen(kw_only=True)
class Members:
    """The members of a chain, each once.

    Attributes:
        targets: Models, pinned models or aliases; empty where there is a fault.
        weights: Target -> its weight, where one is written.
        last_resort: The targets that are marked so.
    """

    targets: tuple[str, ...] = ()
    weights: Mapping[str, float] = field(factory=dict)
    last_resort: frozenset[str] = frozenset()


def read_members(name: str, written: list[Any], source: Source, faults: Faults) -> Members:
    """The members of the chain of an alias."""
    weights: dict[str, float] = {}
    last_resort: set[str] = set()
    targets: dict[str, None] = {}
    wrong = False
    for number, item in enumerate(written):
        at = source.child(str(number))
        model = _member(name, item, at, weights, last_resort, faults=faults) if isinstance(item, dict) else item
        if not isinstance(model, str) or not model:
            wrong = True
            if not isinstance(item, dict):
                message = f"a member of the chain '{name}' cannot be {type_name(item) if item != '' else 'empty'}"
                expected = "a model or alias, or { model = …, weight = … }"
                faults.error(ConfigError, "bad-value", message, at, expected=expected)
        elif model in targets:
            message = f"the chain '{name}' names '{model}' twice; the second is dropped"
            faults.warning("duplicate-chain-member", message, at)
        else:
            targets[model] = None
    if wrong:
        return Members()
    return Members(targets=tuple(targets), weights=weights, last_resort=frozenset(last_resort))


def _member(
    name: str,
    table: dict[str, Any],
    source: Source,
    weights: dict[str, float],
    last_resort: set[str],
    *,
    faults: Faults,
) -> str | None:
    """The model of a member that is a table; None where that has a fault."""
    model, weight, is_last = table.get("model"), table.get("weight", 1), table.get("last_resort", False)
    is_number = isinstance(weight, (int, float)) and not isinstance(weight, bool)
    rules: list[tuple[str, bool, str, str]] = [
        (
            "model",
            isinstance(model, str) and bool(model),
            "empty" if model == "" else type_name(model),
            "a model or alias",
        ),
        (
            "weight",
            is_number and 0 < weight < float("inf"),
            str(weight) if is_number else type_name(weight),
            "a number above 0",
        ),
        ("last_resort", isinstance(is_last, bool), type_name(is_last), "true or false"),
    ]
    unknown = [key for key in table if key not in MEMBER_KEYS]
    for key in unknown:
        message = f"unknown key '{key}' in a member of the chain '{name}'"
        faults.error(ConfigError, "unknown-key", message, source.child(key), near=(key, MEMBER_KEYS))
    if "model" not in table:
        message = f"a member of the chain '{name}' names no model"
        faults.error(ConfigError, "missing-key", message, source, expected='model = "…"')
    wrong = [(key, what, expected) for key, is_right, what, expected in rules if key in table and not is_right]
    for key, what, expected in wrong:
        message = f"'{key}' of a member of the chain '{name}' cannot be {what}"
        faults.error(ConfigError, "bad-value", message, source.child(key), expected=expected)
    if unknown or wrong or not isinstance(model, str):
        return None
    if "weight" in table:
        weights.setdefault(model, float(weight))
    if is_last:
        last_resort.add(model)
    return model


def read_order(name: str, table: Layered, orders: Collection[str], faults: Faults) -> str | None:
    """The order of an alias's chain; None where it has a fault."""
    order = table.values.get("order", CHAIN)
    source = table.where("order")
    if "order" in table.values and isinstance(table.values.get("model"), str):
        message = f"'order' is for a list of models, and '{name}' names one"
        faults.error(ConfigError, "bad-value", message, source, expected="a list as its model")
        return None
    known = (CHAIN, *ORDERS, *orders)
    if isinstance(order, str) and order in known:
        return order
    message = f"'order' cannot be {repr(order) if isinstance(order, str) else type_name(order)}"
    near = (order, known) if isinstance(order, str) else None
    faults.error(ConfigError, "bad-value", message, source, expected=f"one of {', '.join(known)}", near=near)
    return None


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
        entry = _pinned(name, model, backend, backends.get(backend), plugins, source=source)
        if backend in lost:
            entry = evolve(
                entry, reason=f"it is pinned to backend '{backend}', which {lost[backend].why}; {lost[backend].help}"
            )
        found[name] = entry
    return found


def _pins(aliases: Iterable[Alias], models: Mapping[str, ModelEntry]) -> Iterator[tuple[str, Source]]:
    known = {alias.name for alias in aliases}
    for alias in aliases:
        at = alias.origins.get("model", alias.source)
        for number, target in enumerate(alias.targets):
            if "@" in target[1:] and target not in models and target.removeprefix("@") not in known:
                yield target, at.child(str(number)) if len(alias.targets) > 1 else at


def _pinned(
    name: str, model: str, backend: str, read: ReadBackend | None, plugins: Plugins, *, source: Source
) -> ModelEntry:
    spec = read.models.specs.get(model) if read else None
    if spec is not None:
        reason = None if plugins.find(backend, spec.sdk) else plugins.why_missing(backend, spec.sdk)
    elif read is None:
        reason = f"there is no backend '{backend}'"
    else:
        why = read.draft.off or read.models.withheld.get(model, f"does not offer '{model}'")
        reason = f"it is pinned to backend '{backend}', which {why}"
    route = RouteMatch(rule="pinned", pattern=name, backend=backend, source=source)
    return ModelEntry(name=name, spec=spec, available=spec is not None and reason is None, reason=reason, route=route)
