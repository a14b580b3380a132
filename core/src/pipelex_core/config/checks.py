"""Step 5: does every name lead somewhere, and does every model take the settings it is given?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_core.config.names import AliasGraph, choices_of, follow_all, model_of, models_below
from pipelex_core.config.problems import Faults, listed_plainly
from pipelex_core.constraints import refuses_every, takes
from pipelex_core.deck.handle_errors import describe_cycle
from pipelex_core.errors import ConfigError
from pipelex_core.settings import MODEL_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pipelex_core.config.names import Unknown, Use
    from pipelex_core.deck import Alias, ModelDeck, Preset, Resolution
    from pipelex_core.specs import ModelSpec, Source


class DeckCheck:
    """Checks one deck.

    Args:
        deck: The deck.
        uses: The names in it that mean nothing.
        unknown: What could not be read.
        choices: Where each default was written.
        faults: Where to report.
    """

    def __init__(
        self, deck: ModelDeck, uses: Iterable[Use], unknown: Unknown, choices: Mapping[str, Source], faults: Faults
    ) -> None:
        self._deck = deck
        self._uses = uses
        self._unknown = unknown
        self._choices = choices
        self._faults = faults
        self._graph: AliasGraph = follow_all(deck.aliases, deck.models)
        self._reported: set[Source] = set()
        self._reached: dict[str, list[ModelSpec]] = {}

    def run(self) -> None:
        """Report everything there is to report."""
        for cycle in self._graph.cycles:
            source = self._deck.aliases[cycle[0]].source
            self._faults.error(ConfigError, "alias-cycle", describe_cycle(cycle), source)
        for name in self._graph.order:
            if name in self._graph.sound:
                self._check_alias(self._deck.aliases[name])
        for capability, presets in self._deck.presets.items():
            for preset in presets.values():
                if self._is_sound(preset.model) and not self._is_plain(preset, capability):
                    resolution = self._resolves(preset.name, capability, preset.origins.get("model", preset.source))
                    if resolution is not None:
                        self._check_settings(resolution, preset.settings)
        for choice, handle, source in choices_of(self._deck, self._choices):
            self._check_choice(choice.partition(".")[0], handle, source)
        if not self._unknown.names_missing:
            self._report_unknown_names()

    def _is_sound(self, name: str) -> bool:
        """Whether a name leads to models, all the way."""
        return name in self._deck.models or name.removeprefix("@") in self._graph.sound

    def _check_alias(self, alias: Alias) -> None:
        if len(alias.targets) > 1:
            self._check_one_model(alias)
        if alias.settings:
            handle = f"@{alias.name}"
            self._check_settings(self._deck.resolve(handle, self._deck.capability_of(alias.name)), alias.settings)

    def _check_one_model(self, alias: Alias) -> None:
        """Report a chain of several models whose answers do not go together, such as vectors."""
        entries, _ = models_below(alias.name, self._deck.aliases, self._deck.models)
        kinds = [self._deck.capabilities.of_type(entry.spec.model_type) for entry in entries if entry.spec is not None]
        kind = next((kind for kind in kinds if kind.one_model), None)
        names = {entry.spec.name if entry.spec else entry.name.partition("@")[0] for entry in entries}
        if kind is not None and len(names) > 1:
            message = (
                f"the chain '{alias.name}' leads to different models for {kind.is_for}, whose answers do not go together: "
                f"{listed_plainly(sorted(names))}"
            )
            expected = "one model, at several backends where it has them: model@backend"
            self._faults.error(
                ConfigError, "mixed-models", message, alias.origins.get("model", alias.source), expected=expected
            )

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
        if name not in self._reached:
            entries, has_settings = models_below(name, self._deck.aliases, self._deck.models)
            specs = [entry.spec for entry in entries if entry.spec is not None]
            self._reached[name] = [] if has_settings else specs
        return self._reached[name]

    def _check_choice(self, capability: str, handle: str | Mapping[str, object], source: Source) -> None:
        presets = self._deck.presets.get(capability, {})
        model = handle if isinstance(handle, str) else model_of(handle, source)[0]
        name = model.removeprefix("$")
        if isinstance(handle, str):
            if name in presets or name in self._unknown.presets.get(capability, set()):
                return
            if handle.startswith("$") and not self._unknown.names_missing:
                message = f"'{source.key[-1]}' names the preset '{name}', and there is none"
                kind = self._deck.capabilities[capability].preset_error
                self._faults.error(kind, "unknown-handle", message, source, near=(name, presets))
                return
        if name in presets or self._is_sound(model):
            resolution = self._resolves(handle, capability, source)
            if resolution is not None and not isinstance(handle, str):
                origins = {name: source.child(name) for name in handle if name not in MODEL_KEYS}
                self._check_settings(resolution, origins, origins)

    def _resolves(self, handle: str | Mapping[str, object], capability: str, source: Source) -> Resolution | None:
        try:
            return self._deck.resolve(handle, capability)
        except ConfigError as error:
            self._faults.error(type(error), error.problems[0].code, error.problems[0].message, source)
            return None

    def _report_unknown_names(self) -> None:
        """One problem a name that is not there, where it is first asked for."""
        by_name: dict[str, list[Use]] = {}
        for use in self._uses:
            by_name.setdefault(use.name, []).append(use)
        names = [*self._deck.models, *self._deck.aliases] if by_name else []
        for name, (use, *others) in by_name.items():
            message = f"{use.who} leads to '{name}', and there is no such model or alias"
            if others:
                message += f"; so {'does' if len(others) == 1 else 'do'} {listed_plainly(each.who for each in others)}"
            near = (name.lstrip("@$"), [*use.more, *names])
            self._faults.error(use.kind, "unknown-handle", message, use.source, near=near)

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
