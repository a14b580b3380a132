"""What handles are made of: aliases and presets, and the chain that a handle resolves to."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal

from attrs import evolve, field, frozen

from pipelex_core.constraints import Policy, fit
from pipelex_core.orders import CHAIN
from pipelex_core.plain import Plain
from pipelex_core.routing import ModelEntry
from pipelex_core.settings import over
from pipelex_core.specs import NOWHERE, ModelSpec, Source

NOTHING: Mapping[str, Any] = MappingProxyType({})

HandleKind = Literal["preset", "model", "alias"]


@frozen(kw_only=True, slots=False)
class Alias:
    """A name for a model, for a chain of models, or for a model with settings.

    Attributes:
        name: Its name.
        targets: Models or aliases, first to last; more than one is a fallback chain.
        order: The order in which a call asks them: `chain` for that of the list, or a name of `orders.py` or a plugin.
        weights: Target -> its weight, where that is not 1.
        last_resort: The targets that are asked only when the retries of the others are spent.
        settings: Settings the alias brings.
        source: Where it was written.
        origins: Setting, or `model` -> where it was written, where that is not `source`.
    """

    name: str
    targets: tuple[str, ...]
    order: str = CHAIN
    weights: Mapping[str, float] = field(factory=dict)
    last_resort: frozenset[str] = frozenset()
    settings: Mapping[str, Any] = field(factory=dict)
    source: Source = NOWHERE
    origins: Mapping[str, Source] = field(factory=dict)


@frozen(kw_only=True, slots=False)
class Preset:
    """A model with settings, for one capability.

    Attributes:
        name: Its name.
        capability: What it is for.
        model: A model or an alias.
        settings: Its settings, those that were not given left out.
        on_unsupported_setting: Its own policy, or None for the deck's.
        description: For people.
        source: Where it was written.
        origins: Setting, or `model` -> where it was written, where that is not `source`.
    """

    name: str
    capability: str
    model: str
    settings: Mapping[str, Any] = field(factory=dict)
    on_unsupported_setting: Policy | None = None
    description: str = ""
    source: Source = NOWHERE
    origins: Mapping[str, Source] = field(factory=dict)


@frozen(kw_only=True, slots=False)
class ChainMember(Plain):
    """One model of a resolved handle.

    Attributes:
        entry: The model, its route, and its spec.
        settings: What would be sent to it.
        refused: Setting -> why this model does not take it.
        provided: Its settings before they were made to fit: the handle's, over those of the aliases that lead to it.
        origins: Setting -> where an alias that leads to it, or the handle, has it; a call's own are not in it.
        weight: How often it comes first in a weighted chain, beside the weights of the others.
        last_resort: Whether it is asked only when the retries of the others are spent.
    """

    entry: ModelEntry
    settings: Mapping[str, Any] = field(factory=dict)
    refused: Mapping[str, str] = field(factory=dict)
    provided: Mapping[str, Any] = field(factory=dict)
    origins: Mapping[str, Source] = field(factory=dict)
    weight: float = 1.0
    last_resort: bool = False

    @property
    def name(self) -> str:
        """The model's name."""
        return self.entry.name

    @property
    def spec(self) -> ModelSpec | None:
        """The model's spec, or None where it leads nowhere."""
        return self.entry.spec

    @property
    def available(self) -> bool:
        """Whether a call can be made."""
        return self.entry.available


@frozen(kw_only=True, slots=False)
class Step(Plain):
    """One step on the way from a handle to its models.

    Attributes:
        kind: What the name was.
        name: The name.
        targets: What it leads to.
        source: Where it was written.
    """

    kind: HandleKind
    name: str
    targets: tuple[str, ...] = ()
    source: Source | None = None


@frozen(kw_only=True, slots=False)
class Resolution(Plain):
    """What a handle means.

    Attributes:
        handle: As the caller wrote it.
        kind: What it turned out to be.
        capability: What it was resolved for.
        settings: The settings merged: preset over alias.
        origins: Setting -> where it was written.
        steps: The way: preset, aliases, models.
        chain: The models, first to last; a handle with one model has a chain of one.
        policy: What happens to a setting a model does not take.
        rivals: Setting -> those that it excludes.
        order: The order in which a call asks the chain; `chain` for that of the list.
    """

    handle: str
    kind: HandleKind
    capability: str
    settings: Mapping[str, Any]
    origins: Mapping[str, Source]
    steps: tuple[Step, ...]
    chain: tuple[ChainMember, ...]
    policy: Policy
    rivals: Mapping[str, tuple[str, ...]] = field(default=NOTHING, repr=False, eq=False)
    order: str = CHAIN

    @cached_property
    def available(self) -> tuple[ChainMember, ...]:
        """The members that can be called."""
        return tuple(member for member in self.chain if member.available)

    @cached_property
    def refuses(self) -> bool:
        """Whether one of them refuses a setting."""
        return any(member.refused for member in self.available)

    @property
    def chosen(self) -> ChainMember | None:
        """The member a call asks first, or None: the first that can be called and refuses nothing the policy forbids.

        Where each refuses something, the first of them: the call fails with what it says.
        """
        accepted = (member for member in self.available if self.policy != "error" or not member.refused)
        return next(accepted, self.available[0] if self.available else None)

    def with_settings(self, settings: Mapping[str, Any], source: Source = NOWHERE) -> Resolution:
        """The same handle with settings that win over its own, such as a call's arguments."""
        return evolve(
            self,
            settings=over(self.settings, settings, self.rivals),
            origins=over(self.origins, dict.fromkeys(settings, source), self.rivals),
            chain=tuple(
                fit_member(
                    each.entry, over(each.provided, settings, self.rivals), each.origins, each.weight, each.last_resort
                )
                for each in self.chain
            ),
        )


def fit_member(
    entry: ModelEntry,
    settings: Mapping[str, Any],
    origins: Mapping[str, Source] = NOTHING,
    weight: float = 1.0,
    last_resort: bool = False,
) -> ChainMember:
    """A member of a chain, with the settings as its model takes them."""
    fitted = fit(settings, entry.spec) if entry.spec is not None and settings else None
    return ChainMember(
        entry=entry,
        settings=fitted.settings if fitted else settings,
        refused=fitted.refused if fitted else {},
        provided=settings,
        origins=origins,
        weight=weight,
        last_resort=last_resort,
    )
