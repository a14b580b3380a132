"""The capabilities of one client: the built-in ones, and those of its plugins."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

from pipelex_core.errors import PluginError, UnsupportedInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pipelex_core.capabilities.record import Capability, Kind

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_TAKEN = frozenset({"aliases", "on_unsupported_setting", "llm_presets", "llm_choice_defaults", "llm_choice_overrides"})


class Capabilities:
    """Every kind of call, by name; immutable.

    Iterating gives the capabilities that can be called. Those that are planned have a name, a model type and a section of the deck:
    configurations that use them load, and their models are unavailable.
    """

    def __init__(self, records: Mapping[str, Capability], planned: Iterable[Kind] = ()) -> None:
        self._records = dict(records)
        self._planned = {kind.name: kind for kind in planned if kind.name not in records}
        self._kinds: dict[str, Kind] = {**self._records, **self._planned}
        kinds = (*self._planned.values(), *self._records.values())  # what is here wins over what is planned
        self._by_type: dict[str, Kind] = {name: kind for kind in kinds for name in kind.model_types}

    def __iter__(self) -> Iterator[Capability]:
        return iter(self._records.values())

    def __getitem__(self, name: str) -> Kind:
        found = self._kinds.get(name)
        if found is None:
            raise UnsupportedInputError(f"a capability is one of {', '.join(self._kinds)}, not {name!r}")
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._records

    def require(self, name: str) -> Capability:
        """A capability that can be called.

        Raises:
            UnsupportedInputError: There is none of that name, or it cannot be called yet.
        """
        found = self._records.get(name)
        if found is not None:
            return found
        if name in self._planned:
            raise UnsupportedInputError(f"no installed distribution brings the capability '{name}'")
        raise UnsupportedInputError(f"a capability is one of {', '.join(self._records)}, not {name!r}")

    def is_planned(self, name: str) -> bool:
        """Whether a section of a deck, or a model, is for something that cannot be called yet."""
        return name in self._planned

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the capabilities that can be called."""
        return tuple(self._records)

    @property
    def sections(self) -> tuple[str, ...]:
        """The sections of a deck: of what can be called, and of what is planned."""
        return tuple(self._kinds)

    @property
    def model_types(self) -> tuple[str, ...]:
        """What a spec's `model_type` may be."""
        return tuple(dict.fromkeys(name for kind in self._kinds.values() for name in kind.model_types))

    def has_type(self, model_type: str) -> bool:
        """Whether some capability has a model type."""
        return model_type in self._by_type

    def of_type(self, model_type: str) -> Kind:
        """What the models of a type are for."""
        return self._by_type[model_type]

    def of_choice(self, choice: str) -> Kind:
        """What a choice of a deck is for."""
        return self._kinds[choice.partition(".")[0]]

    def type_of(self, outputs: frozenset[str]) -> str | None:
        """The model type that the `outputs` of a spec tell; None where they tell none."""
        found = (kind.model_types[0] for kind in self._kinds.values() if not kind.outputs.isdisjoint(outputs))
        return next(found, None)

    def can_call(self, model_type: str) -> bool:
        """Whether the capability of a type is here."""
        return self._by_type[model_type].name in self._records

    def why_unavailable(self, model_type: str) -> str:
        """Why no model of a type can be called whose capability is planned."""
        kind = self._by_type[model_type]
        return (
            f"its model_type '{model_type}' is for the capability '{kind.name}', which no installed distribution brings"
        )

    @cached_property
    def settings(self) -> frozenset[str]:
        """The names of all settings of all capabilities."""
        return frozenset(name for kind in self._kinds.values() for name in kind.settings)

    def adding(self, found: Iterable[Capability]) -> Capabilities:
        """These and others; what was planned and is among them is here now."""
        records = {**self._records, **{capability.name: capability for capability in found}}
        return Capabilities(records, self._planned.values()) if len(records) > len(self._records) else self


def check(capability: Capability, others: Iterable[Capability]) -> None:
    """Refuse a capability whose name cannot be one, or that has a name which another one has.

    Raises:
        PluginError: It says which.
    """
    name = capability.name
    if not _NAME.fullmatch(name) or name in _TAKEN or not capability.operations or not capability.model_types:
        msg = f"returns a capability {name!r:.80} without a name of small letters, digits and _, a model type or an operation"
        raise PluginError(msg)
    for other in others:
        for what, own, theirs in (
            ("name", {name}, {other.name}),
            ("model type", {*capability.model_types}, {*other.model_types}),
            ("operation", {each.name for each in capability.operations}, {each.name for each in other.operations}),
        ):
            if both := sorted(own & theirs):
                msg = f"returns the capability '{name}' with the {what} '{both[0]}', which is the capability '{other.name}'s"
                raise PluginError(msg)
