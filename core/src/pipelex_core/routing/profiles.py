"""Routing profiles: which backend a model's name leads to.

For a name: an exact route; else the first matching pattern in the order of the file; else the default; else none.
What a match means when the backend is disabled or lacks the model is decided in `assign`.
"""

from __future__ import annotations

from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from attrs import evolve, field, frozen

from pipelex_core.plain import Plain
from pipelex_core.routing.patterns import PatternIndex, fits
from pipelex_core.specs import NOWHERE, ModelSpec, Source

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

NOTHING: Mapping[Any, str] = MappingProxyType({})


def _without_options(spec: ModelSpec) -> ModelSpec:
    """A spec as an explanation may show it: an option may hold a secret."""
    return evolve(spec, options={})


RouteRule = Literal["exact", "pattern", "default", "fallback", "none", "pinned"]


@frozen(slots=False)
class Route:
    """One line of a profile's routes: a name or pattern, and the backend it leads to.

    Attributes:
        pattern: A model's name, or a pattern in which `*` stands for anything.
        backend: Where it leads.
        optional: Used only where its backend is enabled.
        source: Where it was written.
    """

    pattern: str
    backend: str
    optional: bool = False
    source: Source = NOWHERE

    @property
    def is_exact(self) -> bool:
        """Whether it names one model."""
        return "*" not in self.pattern

    def matches(self, name: str) -> bool:
        """Whether a model's name fits."""
        return fits(self.pattern, name)


@frozen(kw_only=True, slots=False)
class RouteMatch(Plain):
    """The rule that decided for a model.

    Attributes:
        rule: Which kind of rule won.
        pattern: The route's pattern; None for a default, a fallback, or none.
        backend: Where the rule leads; None where no rule matched.
        source: Where the rule was written.
    """

    rule: RouteRule
    pattern: str | None = None
    backend: str | None = None
    source: Source | None = None


@frozen(kw_only=True)
class RoutingProfile:
    """One table `[profiles.<name>]` of routing_profiles.toml.

    Attributes:
        name: Its name.
        description: For people.
        default: The backend for names that no route matches, or None.
        routes: In the order of the file, optional ones last.
        fallback_order: Backends to try, in order, for what is left.
        source: Where it was written.
    """

    name: str
    description: str = ""
    default: str | None = None
    routes: tuple[Route, ...] = ()
    fallback_order: tuple[str, ...] = ()
    source: Source = NOWHERE
    _index: PatternIndex = field(init=False, eq=False, repr=False)

    @_index.default
    def _make_index(self) -> PatternIndex:
        return PatternIndex([route.pattern for route in self.routes])

    def place_of(self, key: str) -> Source:
        """Where one of its keys was written, such as `default`."""
        return self.source.child(key) if self.source.file else self.source

    def match(self, name: str, *, ignored: Container[str] = ()) -> RouteMatch:
        """The rule for a model's name; optional routes to a backend in `ignored` count as absent."""
        for number in self._index.find(name):
            route = self.routes[number]
            if not (route.optional and route.backend in ignored):
                return self._matches[number]
        return self._otherwise

    @cached_property
    def _matches(self) -> list[RouteMatch]:
        """What each route decides."""
        rules: dict[bool, RouteRule] = {True: "exact", False: "pattern"}
        return [
            RouteMatch(rule=rules[each.is_exact], pattern=each.pattern, backend=each.backend, source=each.source)
            for each in self.routes
        ]

    @cached_property
    def _otherwise(self) -> RouteMatch:
        """What is decided where no route matches."""
        if self.default is None:
            return RouteMatch(rule="none")
        return RouteMatch(rule="default", backend=self.default, source=self.place_of("default"))


@frozen(kw_only=True, slots=False)
class ModelEntry(Plain):
    """A model's name in a deck: the spec it leads to, or why it leads nowhere.

    Attributes:
        name: The model's name.
        spec: The spec of the backend it was routed to; None where there is none. Its options are not in the plain form.
        available: Whether a call can be made.
        reason: Why not, or None.
        route: The rule that decided.
        offered_by: The enabled backends that offer the model, in the order of backends.toml.
        exact_fault: An exact route leads to a backend that lacks the model: an error of the configuration.
    """

    name: str
    spec: ModelSpec | None = field(metadata={"plain": (_without_options, None)})
    available: bool
    reason: str | None
    route: RouteMatch
    offered_by: tuple[str, ...] = ()
    exact_fault: bool = False


def assign(
    name: str,
    profile: RoutingProfile,
    offers: Mapping[str, ModelSpec],
    *,
    why_off: Mapping[str, str],
    withheld: Mapping[str, str] = NOTHING,
    unserved: Mapping[tuple[str, str], str] = NOTHING,
) -> ModelEntry:
    """What a profile makes of one model.

    Args:
        name: The model's name.
        profile: The active profile.
        offers: Backend -> spec, for every enabled backend that offers the model, in the order of backends.toml.
        why_off: Backend -> why it cannot be used, such as `is disabled in backends.toml`, for those that are off.
        withheld: Backend -> why it does not offer the model, for those that know its name.
        unserved: (Backend, sdk) -> why no plugin serves it, for the sdks that none serves.
    """
    offered_by = tuple(offers)
    match = profile.match(name, ignored=why_off)
    if match.rule in {"exact", "pattern"}:
        spec, reason, route = offers.get(match.backend or ""), None, match
        if spec is None:
            backend = match.backend or ""
            why = why_off.get(backend) or withheld.get(backend, "does not offer it")
            reason = f"route '{match.pattern}' of profile '{profile.name}' leads to '{backend}', which {why}"
            if offered_by:
                reason += f"; it is offered by {', '.join(offered_by)}"
    else:
        spec, reason, route = _unrouted(profile, offers, match)
        if reason is not None and withheld:
            reason += f"; it is known by {_known_by(withheld)}"
    if spec is not None:
        reason = unserved.get((spec.backend, spec.sdk))
    return ModelEntry(
        name=name,
        spec=spec,
        available=spec is not None and reason is None,
        reason=reason,
        route=route,
        offered_by=offered_by,
        exact_fault=match.rule == "exact" and spec is None and match.backend not in why_off,
    )


def _known_by(withheld: Mapping[str, str]) -> str:
    """The backends that know a model, and why each does not offer it; a reason that several have once."""
    by_reason: dict[str, list[str]] = {}
    for backend, why in withheld.items():
        by_reason.setdefault(why, []).append(f"'{backend}'")
    return ", and by ".join(
        f"{', '.join(names)}, {'which' if len(names) == 1 else 'each of which'} {why}"
        for why, names in by_reason.items()
    )


def _unrouted(
    profile: RoutingProfile, offers: Mapping[str, ModelSpec], match: RouteMatch
) -> tuple[ModelSpec | None, str | None, RouteMatch]:
    """The spec, the reason for none, and the rule, for a model that no route names."""
    if match.backend is not None and match.backend in offers:
        return offers[match.backend], None, match
    for backend in profile.fallback_order:
        if backend in offers:
            source = profile.place_of("fallback_order")
            return offers[backend], None, RouteMatch(rule="fallback", backend=backend, source=source)
    if match.rule == "none":
        return None, f"no route of profile '{profile.name}' matches it, and the profile has no default", match
    for spec in offers.values():
        return spec, None, match
    return None, "no enabled backend offers it", match
