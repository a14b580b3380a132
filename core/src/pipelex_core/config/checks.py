"""Step 5: does every name lead somewhere, and does every model take the settings it is given?"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from attrs import field, frozen

from pipelex_core.config.aliases import AliasGraph, all_models, first_model, follow_all
from pipelex_core.config.problems import Faults, listed_plainly
from pipelex_core.constraints import refuses_every, takes
from pipelex_core.deck.handle_errors import describe_cycle, wrong_capability
from pipelex_core.errors import ConfigError
from pipelex_core.settings import MODEL_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pipelex_core.capabilities import Capability, Kind
    from pipelex_core.deck import Alias, ModelDeck, Preset, Resolution
    from pipelex_core.specs import ModelSpec, Source


@frozen(kw_only=True, eq=False, repr=False)
class Unknown:
    """What could not be read, and is therefore not checked further: one fault a cause.

    Attributes:
        aliases: Aliases with a fault.
        presets: Presets with a fault.
        models: Models with a fault, or of a backend with one.
        names_missing: A file could not be read, so that any name may have been in it.
        routes_missing: Backends or routes could not be read, so that nothing is known of what can be called.
    """

    aliases: set[str] = field(factory=set)
    presets: Mapping[str, set[str]] = field(factory=dict)
    models: set[str] = field(factory=set)
    names_missing: bool = False
    routes_missing: bool = False


class DeckCheck:
    """Checks one deck."""

    def __init__(self, deck: ModelDeck, unknown: Unknown, choices: Mapping[str, Source], faults: Faults) -> None:
        self._deck = deck
        self._unknown = unknown
        self._choices = choices
        self._faults = faults
        self._graph: AliasGraph = follow_all(deck.aliases, deck.models)
        self._reported: set[Source] = set()
        self._reached: dict[str, list[ModelSpec]] = {}
        self._unknown_names: dict[str, list[tuple[str, Source, type[ConfigError], Iterable[str]]]] = {}

    def run(self) -> None:
        """Report everything there is to report."""
        for cycle in self._graph.cycles:
            source = self._deck.aliases[cycle[0]].source
            self._faults.error(ConfigError, "alias-cycle", describe_cycle(cycle), source)
        self._check_aliases()
        for capability, presets in self._deck.presets.items():
            for preset in presets.values():
                self._check_preset(preset, capability)
        for choice, handle in self._deck.choices.items():
            source = self._choices[choice]
            if isinstance(handle, str):
                self._check_choice(choice, handle, source)
            else:
                self._check_inline(choice, handle, source)
        for prompt in self._deck.prompts.values():
            if prompt.model is not None:
                self._check_choice("llm", prompt.model, prompt.source.child("model"))
        self._report_unknown_names()

    def _is_known(self, name: str) -> bool:
        """Whether a name is a model's or an alias's, one with a fault included."""
        bare = name.removeprefix("@")
        deck = self._deck
        return name in deck.models or bare in deck.aliases or bare in self._unknown.aliases

    def _is_sound(self, name: str) -> bool:
        """Whether a name leads to models, all the way."""
        return name in self._deck.models or name.removeprefix("@") in self._graph.sound

    def _check_aliases(self) -> None:
        for name in self._graph.order:
            alias = self._deck.aliases[name]
            for number, target in enumerate(alias.targets):
                if not self._is_known(target):
                    source = alias.origins.get("model", alias.source)
                    at = source.child(str(number)) if len(alias.targets) > 1 else source
                    self._unknown_handle(target, f"alias '{name}'", at, self._used_for(name))
            if name not in self._graph.sound:
                continue
            if len(alias.targets) > 1:
                self._check_one_model(alias)
            if alias.settings:
                self._check_settings(self._deck.resolve(f"@{name}", self._capability_of(name)), alias.settings)

    def _check_one_model(self, alias: Alias) -> None:
        """Report a chain of several models whose answers do not go together, such as vectors."""
        entries = {
            name: self._deck.models[name] for name in all_models(alias.name, self._deck.aliases, self._deck.models)
        }
        kinds = [self._deck.capabilities.of_type(e.spec.model_type) for e in entries.values() if e.spec is not None]
        kind = next((kind for kind in kinds if kind.one_model), None)
        names = {entry.spec.name if entry.spec else name.partition("@")[0] for name, entry in entries.items()}
        if kind is not None and len(names) > 1:
            message = (
                f"the chain '{alias.name}' leads to different models for {kind.is_for}, whose answers do not go together: "
                f"{listed_plainly(sorted(names))}"
            )
            expected = "one model, at several backends where it has them: model@backend"
            self._faults.error(
                ConfigError, "mixed-models", message, alias.origins.get("model", alias.source), expected=expected
            )

    def _capability_of(self, alias: str) -> str:
        """The capability of the first model an alias leads to."""
        spec = self._deck.models[first_model(alias, self._deck.aliases, self._deck.models)].spec
        return self._deck.capabilities.of_type(spec.model_type).name if spec else "llm"

    def _used_for(self, alias: str) -> type[ConfigError]:
        """The error of an alias that leads nowhere: that of the first preset that names it."""
        return self._kind(self._first_uses.get(alias, "llm")).handle_error

    def _kind(self, capability: str) -> Kind:
        return self._deck.capabilities[capability]

    @cached_property
    def _first_uses(self) -> dict[str, str]:
        """What presets name, and the capability of the first that does."""
        uses: dict[str, str] = {}
        for capability, presets in self._deck.presets.items():
            for preset in presets.values():
                uses.setdefault(preset.model, capability)
        return uses

    @cached_property
    def _names(self) -> list[str]:
        """What a handle may name, besides presets."""
        return [*self._deck.models, *self._deck.aliases]

    def _check_preset(self, preset: Preset, capability: str) -> None:
        source = preset.origins.get("model", preset.source)
        if not self._is_known(preset.model):
            self._unknown_handle(preset.model, f"preset '{preset.name}'", source, self._kind(capability).handle_error)
            return
        if not self._is_sound(preset.model):
            return
        if self._is_plain(preset, capability):
            return
        try:
            resolution = self._deck.resolve(preset.name, capability)
        except ConfigError as error:  # it leads to a model for something else
            self._faults.error(type(error), error.problems[0].code, error.problems[0].message, source)
            return
        others = self._all_for_others(resolution)
        if others:
            entry = self._deck.models[resolution.chain[0].name]
            wrong = wrong_capability(preset.name, entry, others[0], self._kind(capability))
            self._faults.error(type(wrong), "wrong-capability", wrong.problems[0].message, source)
            return
        self._check_settings(resolution, preset.settings)

    def _is_plain(self, preset: Preset, capability: str) -> bool:
        """Whether a preset has no fault that could only be found by resolving it, which takes ten times as long."""
        specs = self._specs_of(preset.model)
        of_type = self._deck.capabilities.of_type
        return (
            bool(specs)
            and any(of_type(spec.model_type).name == capability for spec in specs)
            and all(takes(preset.settings, spec) for spec in specs)
        )

    def _specs_of(self, name: str) -> list[ModelSpec]:
        """The specs a sound name leads to; none where an alias on the way has settings of its own."""
        if name in self._reached:
            return self._reached[name]
        specs: list[ModelSpec] = []
        waiting, seen = [name], set[str]()
        while waiting:
            target = waiting.pop()
            if target in seen:
                continue
            seen.add(target)
            entry = self._deck.models.get(target)
            alias = self._deck.aliases[target.removeprefix("@")] if entry is None else None
            if alias is not None and alias.settings:
                specs.clear()
                break
            if alias is not None:
                waiting += alias.targets
            elif entry is not None and entry.spec is not None:
                specs.append(entry.spec)
        self._reached[name] = specs
        return specs

    def _all_for_others(self, resolution: Resolution) -> list[Capability]:
        """What each model of a chain is for, where none is for what it was resolved for; else nothing."""
        found = []
        for member in resolution.chain:
            kind = None if member.spec is None else self._deck.capabilities.of_type(member.spec.model_type)
            if kind is None or kind.name == resolution.capability:
                return []
            found.append(kind)
        return found

    def _check_choice(self, choice: str, handle: str, source: Source) -> None:
        capability = choice.partition(".")[0]
        presets = self._deck.presets.get(capability, {})
        broken = self._unknown.presets.get(capability, set())
        name = handle.removeprefix("$")
        if name in presets or name in broken:
            return
        if handle.startswith("$") and not self._unknown.names_missing:
            message = f"'{source.key[-1]}' names the preset '{name}', and there is none"
            near = (name, presets)
            self._faults.error(self._kind(capability).preset_error, "unknown-handle", message, source, near=near)
        elif not self._is_known(handle):
            self._unknown_handle(
                handle, f"'{source.key[-1]}'", source, self._kind(capability).handle_error, more=presets
            )
        elif self._is_sound(handle):
            self._resolves(handle, capability, source)

    def _check_inline(self, choice: str, table: Mapping[str, object], source: Source) -> None:
        capability = choice.partition(".")[0]
        key = next(key for key in MODEL_KEYS if key in table)
        model = str(table[key])
        presets = self._deck.presets.get(capability, {})
        if model.removeprefix("$") in presets or self._is_sound(model):
            resolution = self._resolves(table, capability, source)
            if resolution is not None:
                origins = {name: source.child(name) for name in table if name not in MODEL_KEYS}
                self._check_settings(resolution, origins, origins)
        elif not self._is_known(model) and model not in self._unknown.presets.get(capability, set()):
            where = f"'{source.key[-1]}'"
            self._unknown_handle(model, where, source.child(key), self._kind(capability).handle_error, more=presets)

    def _resolves(self, handle: str | Mapping[str, object], capability: str, source: Source) -> Resolution | None:
        try:
            return self._deck.resolve(handle, capability)
        except ConfigError as error:
            self._faults.error(type(error), error.problems[0].code, error.problems[0].message, source)
            return None

    def _unknown_handle(
        self, name: str, who: str, source: Source, kind: type[ConfigError], *, more: Iterable[str] = ()
    ) -> None:
        if self._unknown.names_missing:
            return
        self._unknown_names.setdefault(name, []).append((who, source, kind, more))

    def _report_unknown_names(self) -> None:
        """One problem a name that is not there, where it is first asked for."""
        for name, uses in self._unknown_names.items():
            who, source, kind, more = uses[0]
            message = f"{who} leads to '{name}', and there is no such model or alias"
            if len(uses) > 1:
                message += f"; so {'does' if len(uses) == 2 else 'do'} {listed_plainly(use[0] for use in uses[1:])}"
            names = [*more, *self._names] if more else self._names
            self._faults.error(kind, "unknown-handle", message, source, near=(name.lstrip("@$"), names))

    def _check_settings(
        self, resolution: Resolution, own: Iterable[str], origins: Mapping[str, Source] | None = None
    ) -> None:
        """Report the settings of a handle that a model refuses, as its policy says."""
        if resolution.policy == "drop":
            return
        for name in own:
            member = next((member for member in resolution.chain if name in member.refused), None)
            source = (origins or resolution.origins).get(name)
            if member is None or source is None or source in self._reported:
                continue
            self._reported.add(source)
            message = f"'{name}' is set, and {member.refused[name]}"
            whatever = member.spec is not None and refuses_every(name, member.spec)
            if resolution.policy == "error":
                mend = f'remove {name}, or set on_unsupported_setting = "drop"'
                self._faults.error(
                    ConfigError, "unsupported-setting", message, source, suggestion=mend, on_key=whatever
                )
            else:
                self._faults.warning("unsupported-setting", message, source, on_key=whatever)
