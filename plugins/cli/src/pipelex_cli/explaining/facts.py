"""What is known of one member of a chain: every value in use, and where each was written."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from attrs import evolve

from pipelex_core.execution.redaction import redacted
from pipelex_core.explain import Beaten, MemberFacts, Value
from pipelex_core.price_lists import PRICES
from pipelex_core.specs import NOWHERE, BackendConfig, ModelSpec, Secret, Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pipelex_cli.written import Written, WrittenValues
    from pipelex_core.backend import BackendFactory, Option
    from pipelex_core.deck import ChainMember, ModelDeck, Resolution
    from pipelex_core.plugins import PluginRecord, Plugins
    from pipelex_core.routing import Route

_SPEC_KEYS = (
    "sdk",
    "model_id",
    "model_type",
    "inputs",
    "outputs",
    "max_tokens",
    "context_window",
    "max_prompt_images",
    "prompting_target",
    "constraints",
    "deprecated_on",
    "retired_on",
    "successor",
)
_HIDDEN = "***"
_USER_INFO = r"(?<=://)[^/?#@]*@"
_QUERY_KEYS = r"(?i)([?&;][^=&#;]*(?:key|token|secret|sig|auth|code|pass)[^=&#;]*=)[^&#;]*"


def facts_of(
    member: ChainMember,
    resolution: Resolution,
    *,
    deck: ModelDeck,
    plugins: Plugins,
    written: WrittenValues | None,
    remedies: tuple[str, ...] = (),
) -> MemberFacts:
    """Everything there is to say of a member; without the files, origins are those that the deck knows."""
    beaten = beaten_rules(member, deck)
    origins = {**member.origins, **resolution.origins}
    settings = {name: Value(value, origins.get(name)) for name, value in member.settings.items()}
    spec = member.spec
    if spec is None:
        return MemberFacts(member=member, beaten=beaten, settings=settings, remedies=remedies)
    found = plugins.find(spec.backend, spec.sdk)
    backend = deck.backends.get(spec.backend)
    keys = written.model(spec.backend, spec.name) if written else {}
    return MemberFacts(
        member=member,
        plugin=found[1] if found else None,
        backend=None if backend is None else _without_secrets(backend),
        backend_values=_backend_values(backend, found, written.backend(spec.backend) if written else {}),
        spec_values=_spec_values(spec, found, keys),
        prices=_prices(spec, keys),
        as_of=price_date(keys),
        settings=settings,
        beaten=beaten,
        remedies=remedies,
    )


def _without_secrets(config: BackendConfig) -> BackendConfig:
    return evolve(config, endpoint=shown_endpoint(config), api_key=None, hidden=(), options={})


def shown_endpoint(config: BackendConfig) -> str | None:
    """The address of a backend, without the passwords, keys and tokens that may stand in it."""
    if config.endpoint is None:
        return None
    bare = re.sub(_USER_INFO, f"{_HIDDEN}@", redacted(config.endpoint, config))
    return re.sub(_QUERY_KEYS, rf"\1{_HIDDEN}", bare) if "?" in bare else bare


def beaten_rules(member: ChainMember, deck: ModelDeck) -> tuple[Beaten, ...]:
    """The other routes that fit a model, and the profile's default where a route decided."""
    profile, winner = deck.profile, member.entry.route
    if profile is None:
        return ()
    fitting = (route for route in profile.routes if route.matches(member.name))
    losers = [route for route in fitting if route.pattern != winner.pattern]
    beaten = [
        Beaten(route.pattern, route.backend, _why_beaten(route, winner.rule, deck), route.source) for route in losers
    ]
    if profile.default is not None and winner.rule in {"exact", "pattern"}:
        beaten.append(Beaten(None, profile.default, "it is for what no route fits", profile.place_of("default")))
    elif profile.default is not None and winner.rule == "fallback":
        beaten.append(
            Beaten(None, profile.default, "its backend does not offer the model", profile.place_of("default"))
        )
    return tuple(beaten)


def _why_beaten(route: Route, rule: str, deck: ModelDeck) -> str:
    if route.optional and route.backend not in deck.backends:
        return "it is optional, and its backend is off"
    if rule == "exact":
        return "an exact route comes before patterns"
    return "an optional route comes after the others" if route.optional else "it comes later"


def _spec_values(
    spec: ModelSpec, found: tuple[BackendFactory, PluginRecord] | None, keys: Mapping[str, Written]
) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for name in _SPEC_KEYS:
        value = getattr(spec, name)
        if value is not None and value != frozenset():
            shown = sorted(value) if isinstance(value, frozenset) else value
            values[name] = Value(
                str(shown) if name == "model_type" else shown, _source_of(name, keys, spec, written=keys)
            )
    options = found[0].model_options if found else ()
    return values | _options(spec.options, options, keys, spec.source)


def _backend_values(
    config: BackendConfig | None,
    found: tuple[BackendFactory, PluginRecord] | None,
    keys: Mapping[str, Written],
) -> dict[str, Value]:
    if config is None:
        return {}

    def source(key: str) -> Source:
        return keys[key].source if key in keys else config.source

    values = {"name": Value(config.name, config.source)}
    if config.display_name and config.display_name != config.name:
        values["display_name"] = Value(config.display_name, source("display_name"))
    if config.endpoint is not None:
        values["endpoint"] = Value(shown_endpoint(config), source("endpoint"))
    if config.api_key is not None:
        values["api_key"] = Value(config.api_key_variable or f"{_HIDDEN} (written there itself)", source("api_key"))
    options = found[0].options if found else ()
    return values | _options(config.options, options, keys, config.source)


def _options(
    provided: Mapping[str, Any], declared: Iterable[Option], keys: Mapping[str, Written], otherwise: Source
) -> dict[str, Value]:
    """A plugin's own keys; shown are values that it declares to be no secrets, variables not filled in."""
    plain = {option.name for option in declared if option.type not in {"secret", "table", "strings"}}
    shown: dict[str, Value] = {}
    for name, value in provided.items():
        there = keys.get(name)
        reported = there.value if there is not None and "${" in str(there.value) else value
        is_plain = name in plain and not isinstance(value, Secret)
        shown[name] = Value(reported if is_plain else _HIDDEN, there.source if there else _known(otherwise))
    return shown


def _source_of(
    name: str, keys: Mapping[str, Written], spec: ModelSpec, *, written: Mapping[str, Written]
) -> Source | None:
    """Where a key of a spec was written; without the files the spec's own place, else None for one that was inferred."""
    if name in keys:
        return keys[name].source
    return None if written else _known(spec.source)


def _known(source: Source) -> Source | None:
    return None if source == NOWHERE else source


def _prices(spec: ModelSpec, keys: Mapping[str, Written]) -> dict[str, Value]:
    if spec.costs is None:
        return {}
    table = keys["costs"].source if "costs" in keys else None
    prices = {name: getattr(spec.costs, name) for name in PRICES}
    return {
        name: Value(str(price), table.child(name) if table and table.file else table or _known(spec.source))
        for name, price in prices.items()
        if price is not None
    }


def price_date(keys: Mapping[str, Written]) -> Value | None:
    """The date of the prices, if it is in the file that has them: a date says nothing of another file's prices."""
    date, costs = keys.get("as_of"), keys.get("costs")
    if date is None or costs is None:
        return None
    same = (date.source.file, date.source.plugin) == (costs.source.file, costs.source.plugin)
    return Value(str(date.value), date.source) if same else None
