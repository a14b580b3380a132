"""The whole way of a handle, from the very object a call uses: what `pipelex explain` prints."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from attrs import asdict, evolve, frozen

from pipelex_core.errors import CallError, ConfigError, UnsupportedInputError
from pipelex_core.facts import MemberFacts, facts_of, shown_endpoint
from pipelex_core.specs import NOWHERE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_core.config import LoadedConfig, WrittenValues
    from pipelex_core.deck import ModelDeck, Resolution
    from pipelex_core.estimates import Estimate
    from pipelex_core.expectations import Guess
    from pipelex_core.facts import Value
    from pipelex_core.plugins import PluginRecord, Plugins
    from pipelex_core.routing import RouteMatch
    from pipelex_core.specs import BackendConfig, Capability, Costs, Source

CAPABILITIES: tuple[Capability, ...] = ("llm", "extract", "img_gen")


@frozen(kw_only=True)
class Explanation:
    """What a handle means, and why.

    Attributes:
        resolution: What `deck.resolve` gave.
        members: What is known of each member of the chain, first to last.
        profile: Name of the active routing profile, or None.
        estimate: What a call with a prompt would use and cost; None where no prompt was given, or nothing can be called.
        no_estimate: Why a prompt that was given has no estimate: what the call would fail with; or None.
    """

    resolution: Resolution
    members: tuple[MemberFacts, ...] = ()
    profile: str | None = None
    estimate: Estimate | None = None
    no_estimate: str | None = None

    @property
    def chosen(self) -> MemberFacts | None:
        """The member that a call asks first; None where none can be called."""
        chosen = self.resolution.chosen
        return next((facts for facts in self.members if facts.member is chosen), None)

    @property
    def plugin(self) -> PluginRecord | None:
        """The plugin that serves the chosen model, or None."""
        return self.chosen.plugin if self.chosen else None

    @property
    def backend(self) -> BackendConfig | None:
        """The backend of the chosen model, or None."""
        return self.chosen.backend if self.chosen else None

    def place(self, source: Source | None) -> str | None:
        """Where a value was written: `file:line`, or plugin and version; None where that is unknown."""
        return None if source is None or source == NOWHERE else describe(source)

    def as_json(self) -> dict[str, Any]:
        """The stable JSON shape of `pipelex explain --json`; new keys stand at the end."""
        resolution, chosen = self.resolution, self.chosen
        spec = chosen.member.spec if chosen else None
        return {
            "handle": resolution.handle,
            "kind": resolution.kind,
            "capability": resolution.capability,
            "setting": dict(resolution.settings),
            "origins": {name: self.place(source) for name, source in resolution.origins.items()},
            "steps": [
                {"kind": step.kind, "name": step.name, "targets": list(step.targets), "source": self.place(step.source)}
                for step in resolution.steps
            ],
            "chain": [self._member(facts) for facts in self.members],
            "chosen": None
            if spec is None
            else {"model": spec.name, "backend": spec.backend, "sdk": spec.sdk, "model_id": spec.model_id},
            "plugin": _plugin(self.plugin),
            "endpoint": shown_endpoint(self.backend) if self.backend else None,
            "api_key_variable": self.backend.api_key_variable if self.backend else None,
            "costs": None if spec is None else costs_as_json(spec.costs),
            "as_of": None if chosen is None or chosen.as_of is None else chosen.as_of.value,
            "profile": self.profile,
            "on_unsupported_setting": resolution.policy,
            "estimate": None if self.estimate is None else estimate_as_json(self.estimate),
            "no_estimate": self.no_estimate,
        }

    def _member(self, facts: MemberFacts) -> dict[str, Any]:
        member, spec, backend = facts.member, facts.member.spec, facts.backend
        return {
            "model": member.name,
            "backend": spec.backend if spec else None,
            "sdk": spec.sdk if spec else None,
            "model_id": spec.model_id if spec else None,
            "available": member.available,
            "reason": member.entry.reason,
            "route": route_as_json(member.entry.route, self.place(member.entry.route.source)),
            "beaten": [each.pattern for each in facts.beaten if each.pattern is not None],
            "dropped_settings": list(member.refused),
            "remedies": list(facts.remedies),
            "beaten_rules": [
                {"pattern": each.pattern, "backend": each.backend, "why": each.why, "source": self.place(each.source)}
                for each in facts.beaten
            ],
            "why_dropped": dict(member.refused),
            "sent_settings": self._values(facts.settings),
            "plugin": _plugin(facts.plugin),
            "endpoint": shown_endpoint(backend) if backend else None,
            "api_key_variable": backend.api_key_variable if backend else None,
            "backend_values": self._values(facts.backend_values),
            "spec_values": self._values(facts.spec_values),
            "costs": costs_as_json(spec.costs) if spec else None,
            "prices": self._values(facts.prices),
            "as_of": facts.as_of.value if facts.as_of else None,
        }

    def _values(self, values: Mapping[str, Value]) -> dict[str, dict[str, Any]]:
        return {name: {"value": value.value, "source": self.place(value.source)} for name, value in values.items()}


def explain(
    handle: str | Mapping[str, Any],
    capability: Capability,
    *,
    deck: ModelDeck,
    plugins: Plugins,
    config: LoadedConfig | None = None,
    prompt: Any = None,
) -> Explanation:
    """Resolve a handle as a call would, and gather what there is to say about it.

    Args:
        handle: As for a call.
        capability: What the handle is for.
        deck: What the call resolves it in.
        plugins: Who serves the models.
        config: What the deck was loaded from; without it, origins and remedies are left out.
        prompt: A prompt, or a document for extraction, to estimate the call with; None for no estimate.

    Raises:
        ConfigError: The handle exists nowhere.
        UnsupportedInputError: There is no such capability.
    """
    if capability not in CAPABILITIES:
        msg = f"a capability is one of {', '.join(CAPABILITIES)}, not {capability!r}"
        raise UnsupportedInputError(msg)
    explanation = Explainer(deck=deck, plugins=plugins, config=config).explain(deck.resolve(handle, capability))
    return explanation if prompt is None else _estimated(explanation, deck, handle, prompt)


class Explainer:
    """Explains handles of one deck; the files are read once for all of them."""

    def __init__(self, *, deck: ModelDeck, plugins: Plugins, config: LoadedConfig | None) -> None:
        self._deck, self._plugins, self._config = deck, plugins, config
        self._written: WrittenValues | None = None
        if config is not None:
            from pipelex_core.config import WrittenValues

            self._written = WrittenValues(config.folder, plugins)

    def explain(self, resolution: Resolution) -> Explanation:
        """What there is to say about a handle that was resolved."""
        members = []
        for member in resolution.chain:
            remedies: tuple[str, ...] = ()
            if self._config is not None and self._written is not None and not member.available:
                from pipelex_core.remedies import Remedies

                tell = Remedies(deck=self._deck, plugins=self._plugins, config=self._config, written=self._written)
                remedies = tell.of(member, resolution.capability)
            members.append(
                facts_of(
                    member,
                    resolution,
                    deck=self._deck,
                    plugins=self._plugins,
                    written=self._written,
                    remedies=remedies,
                )
            )
        profile = self._deck.profile
        return Explanation(resolution=resolution, members=tuple(members), profile=profile.name if profile else None)


def _estimated(explanation: Explanation, deck: ModelDeck, handle: Any, prompt: Any) -> Explanation:
    from pipelex_core.estimates import estimate

    try:
        found = estimate(deck, prompt, model=handle, capability=explanation.resolution.capability)
    except (CallError, ConfigError) as error:
        return evolve(explanation, no_estimate=str(error))
    return evolve(explanation, estimate=found)


def estimate_as_json(estimate: Estimate) -> dict[str, Any]:
    """What a call would use and cost: counts as `low`, `likely`, `high`, costs as decimal strings."""
    return {
        "currency": estimate.currency,
        "cost_low": _decimal(estimate.cost_low),
        "cost_high": _decimal(estimate.cost_high),
        "members": [
            {
                "model": member.model,
                "backend": member.backend,
                "input_tokens": _guess(member.input_tokens),
                "output_tokens": _guess(member.output_tokens),
                "images": member.images,
                "pages": _guess(member.pages),
                "cost_low": _decimal(member.cost_low),
                "cost_high": _decimal(member.cost_high),
                "refused": member.refused,
            }
            for member in estimate.members
        ],
    }


def _guess(guess: Guess | None) -> dict[str, int | None] | None:
    return None if guess is None else {"low": guess.low, "likely": guess.likely, "high": guess.high}


def _decimal(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:f}"


def route_as_json(route: RouteMatch, source: str | None) -> dict[str, Any]:
    """A route in the stable JSON shape."""
    return {"rule": route.rule, "pattern": route.pattern, "backend": route.backend, "source": source}


def costs_as_json(costs: Costs | None) -> dict[str, Any] | None:
    """A price list: the unit, and the prices that are known, as decimal strings."""
    if costs is None:
        return None
    return {
        name: str(value) if isinstance(value, Decimal) else value
        for name, value in asdict(costs).items()
        if value is not None
    }


def describe(source: Source) -> str:
    """`file:line` of a project's value, plugin and version of a shipped one."""
    if source.file is None:
        return str(source)
    from pipelex_core.config import position

    file, line, _ = position(source)
    return f"{file}:{line}" if line else file


def _plugin(record: PluginRecord | None) -> dict[str, str | None] | None:
    return None if record is None else {"distribution": record.distribution or record.name, "version": record.version}
