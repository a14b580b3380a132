"""The capabilities of one client: the built-in ones, and those of its plugins."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

from pipelex_core.errors import PluginError, UnsupportedInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pipelex_core.capabilities.record import Capability

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_TAKEN = frozenset({"aliases", "on_unsupported_setting", "llm_presets", "llm_choice_defaults", "llm_choice_overrides"})


class Capabilities:
    """Every kind of call, by name; immutable. Iterating gives their records."""

    def __init__(self, records: Mapping[str, Capability]) -> None:
        self._records = dict(records)
        self._by_type = {name: record for record in self._records.values() for name in record.model_types}

    def __iter__(self) -> Iterator[Capability]:
        return iter(self._records.values())

    def __getitem__(self, name: str) -> Capability:
        """The capability of a name.

        Raises:
            UnsupportedInputError: There is none.
        """
        found = self._records.get(name)
        if found is None:
            raise UnsupportedInputError(f"a capability is one of {', '.join(self._records)}, not {name!r}")
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._records

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the capabilities."""
        return tuple(self._records)

    @property
    def model_types(self) -> tuple[str, ...]:
        """What a spec's `model_type` may be."""
        return tuple(dict.fromkeys(name for kind in self._records.values() for name in kind.model_types))

    def has_type(self, model_type: str) -> bool:
        """Whether some capability has a model type."""
        return model_type in self._by_type

    def of_type(self, model_type: str) -> Capability:
        """What the models of a type are for."""
        return self._by_type[model_type]

    def of_choice(self, choice: str) -> Capability:
        """What a choice of a deck is for."""
        return self._records[choice.partition(".")[0]]

    def type_of(self, outputs: frozenset[str]) -> str | None:
        """The model type that the `outputs` of a spec tell; None where they tell none."""
        found = (kind.model_types[0] for kind in self._records.values() if not kind.outputs.isdisjoint(outputs))
        return next(found, None)

    @cached_property
    def settings(self) -> frozenset[str]:
        """The names of all settings of all capabilities."""
        return frozenset(name for kind in self._records.values() for name in kind.settings)

    def adding(self, found: Iterable[Capability]) -> Capabilities:
        """These and others."""
        records = {**self._records, **{capability.name: capability for capability in found}}
        return Capabilities(records) if len(records) > len(self._records) else self


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
