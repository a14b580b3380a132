"""The deck: every handle, and what it means.

A handle means, for a capability: a preset of that kind; else a model; else an alias. `resolve` is pure and remembers
what it found; `pipelex explain` prints the very object that a call uses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attrs import evolve, field, frozen

from pipelex_core.constraints import fit
from pipelex_core.errors import (
    ConfigError,
    ExtractHandleNotFoundError,
    ExtractPresetNotFoundError,
    ImgGenHandleNotFoundError,
    ImgGenPresetNotFoundError,
    LLMHandleNotFoundError,
    LLMPresetNotFoundError,
    Problem,
)
from pipelex_core.settings import check_settings
from pipelex_core.specs import NOWHERE, Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_core.constraints import Policy
    from pipelex_core.routing import ModelEntry, RoutingProfile
    from pipelex_core.specs import BackendConfig, Capability, ModelSpec

HandleKind = Literal["preset", "model", "alias"]
Choice = Literal["llm.for_text", "llm.for_object", "extract", "img_gen"]

HANDLE_ERRORS: dict[Capability, type[ConfigError]] = {
    "llm": LLMHandleNotFoundError,
    "extract": ExtractHandleNotFoundError,
    "img_gen": ImgGenHandleNotFoundError,
}
PRESET_ERRORS: dict[Capability, type[ConfigError]] = {
    "llm": LLMPresetNotFoundError,
    "extract": ExtractPresetNotFoundError,
    "img_gen": ImgGenPresetNotFoundError,
}
_NOUNS: dict[Capability, str] = {"llm": "LLM", "extract": "extraction", "img_gen": "image-generation"}


@frozen(kw_only=True)
class Alias:
    """A name for a model, for a chain of models, or for a model with settings.

    Attributes:
        name: Its name.
        targets: Models or aliases, first to last; more than one is a fallback chain.
        settings: Settings the alias brings.
        source: Where it was written.
    """

    name: str
    targets: tuple[str, ...]
    settings: Mapping[str, Any] = field(factory=dict)
    source: Source = NOWHERE


@frozen(kw_only=True)
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
    """

    name: str
    capability: Capability
    model: str
    settings: Mapping[str, Any] = field(factory=dict)
    on_unsupported_setting: Policy | None = None
    description: str = ""
    source: Source = NOWHERE


@frozen(kw_only=True)
class ChainMember:
    """One model of a resolved handle.

    Attributes:
        entry: The model, its route, and its spec.
        settings: What would be sent to it.
        refused: Setting -> why this model does not take it.
    """

    entry: ModelEntry
    settings: Mapping[str, Any] = field(factory=dict)
    refused: Mapping[str, str] = field(factory=dict)

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


@frozen(kw_only=True)
class Step:
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


@frozen(kw_only=True)
class Resolution:
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
    """

    handle: str
    kind: HandleKind
    capability: Capability
    settings: Mapping[str, Any]
    origins: Mapping[str, Source]
    steps: tuple[Step, ...]
    chain: tuple[ChainMember, ...]
    policy: Policy

    @property
    def chosen(self) -> ChainMember | None:
        """The first member that can be called, or None."""
        return next((member for member in self.chain if member.available), None)


@frozen(kw_only=True)
class ModelDeck:
    """Every model, alias, preset and default, resolved to backends. Read-only, made by `config.load` or by hand.

    Attributes:
        models: Name -> the model, available or not, those of disabled backends included.
        aliases: Name -> alias.
        presets: Capability -> name -> preset.
        choices: Choice -> the handle a call uses that names none; overrides already applied.
        backends: The enabled backends, in the order of backends.toml.
        profile: The active routing profile.
        on_unsupported_setting: Policy for a setting that a model refuses; None for the default (an error where a
            handle leads to one model, dropped and recorded inside a chain).
    """

    models: Mapping[str, ModelEntry]
    aliases: Mapping[str, Alias] = field(factory=dict)
    presets: Mapping[Capability, Mapping[str, Preset]] = field(factory=dict)
    choices: Mapping[Choice, str | Mapping[str, Any]] = field(factory=dict)
    backends: Mapping[str, BackendConfig] = field(factory=dict)
    profile: RoutingProfile | None = None
    on_unsupported_setting: Policy | None = None
    _resolved: dict[tuple[Capability, str], Resolution] = field(factory=dict, init=False, repr=False, eq=False)

    def resolve(self, handle: str | Mapping[str, Any], capability: Capability = "llm") -> Resolution:
        """What a handle means, for a capability.

        Args:
            handle: A preset, model or alias; `$name` for a preset and `@name` for an alias only; or an inline table
                `{"model": handle, …settings}`.
            capability: What it is to be used for.

        Raises:
            LLMHandleNotFoundError: The handle exists nowhere (`Extract…`, `ImgGen…` for the other capabilities).
            LLMPresetNotFoundError: `$name`, and there is no such preset.
            ConfigError: An inline table has a wrong setting.
        """
        if isinstance(handle, str):
            known = self._resolved.get((capability, handle))
            if known is None:
                known = self._resolved[capability, handle] = self._resolve_name(handle, capability)
            return known
        return self._resolve_inline(handle, capability)

    def default(self, choice: Choice) -> str | Mapping[str, Any]:
        """The handle of a call that names none.

        Raises:
            ConfigError: The deck has no such default.
        """
        handle = self.choices.get(choice)
        if handle is None:
            key = {"extract": "extract.choice_default", "img_gen": "img_gen.choice_default"}.get(
                choice, choice.replace("llm.", "llm.choice_defaults.")
            )
            problem = Problem(
                code="no-default", message=f"the deck has no default for {choice}", key=key, suggestion="name a model"
            )
            raise ConfigError(problem.message, [problem])
        return handle

    def preset(self, capability: Capability, name: str) -> Preset:
        """A preset by its name.

        Raises:
            LLMPresetNotFoundError: It does not exist (`Extract…`, `ImgGen…` for the other capabilities).
        """
        presets = self.presets.get(capability, {})
        if name not in presets:
            raise _not_found(
                PRESET_ERRORS[capability], f"there is no {_NOUNS[capability]} preset '{name}'", name, presets
            )
        return presets[name]

    def _resolve_inline(self, table: Mapping[str, Any], capability: Capability) -> Resolution:
        settings = {name: value for name, value in table.items() if name != "model" and value is not None}
        model = table.get("model")
        faults = check_settings(capability, settings)
        if not isinstance(model, (str, list, tuple)) or not model or faults:
            problems = [
                Problem(code="bad-value", message=f.message, key=f.name, expected=f.expected, suggestion=f.suggestion)
                for f in faults
            ] or [Problem(code="bad-value", message="an inline handle needs a model", expected='{"model": "…", …}')]
            raise ConfigError(problems[0].message, problems)
        base = self.resolve(model, capability) if isinstance(model, str) else self._resolve_chain(model, capability)
        merged = {**base.settings, **settings}
        return evolve(base, settings=merged, chain=tuple(fit_member(m.entry, merged) for m in base.chain))

    def _resolve_chain(self, names: Any, capability: Capability) -> Resolution:
        alias = Alias(name=", ".join(map(str, names)), targets=tuple(names))
        return self._assemble(
            alias.name, "alias", capability, *self._follow(alias.targets, capability), settings={}, origins={}
        )

    def _resolve_name(self, handle: str, capability: Capability) -> Resolution:
        bare = handle[1:] if handle[:1] in {"$", "@"} else handle
        if handle not in self.models and handle.startswith("$"):
            return evolve(self._resolve_preset(self.preset(capability, bare)), handle=handle)
        if not handle.startswith("@") and bare in self.presets.get(capability, {}):
            return self._resolve_preset(self.presets[capability][bare])
        if handle in self.models:
            return self._assemble(
                handle, "model", capability, [Step(kind="model", name=handle)], [handle], settings={}, origins={}
            )
        alias = self.aliases.get(bare)
        if alias is None:
            noun = _NOUNS[capability]
            names = [*self.presets.get(capability, {}), *self.models, *self.aliases]
            raise _not_found(
                HANDLE_ERRORS[capability], f"there is no {noun} model, alias or preset '{handle}'", bare, names
            )
        steps, models, settings, origins = self._follow_alias(alias, capability, ())
        return self._assemble(handle, "alias", capability, steps, models, settings=settings, origins=origins)

    def _resolve_preset(self, preset: Preset) -> Resolution:
        capability = preset.capability
        steps, models, settings, origins = self._follow_target(preset.model, capability, ())
        settings = {**settings, **preset.settings}
        origins = {**origins, **dict.fromkeys(preset.settings, preset.source)}
        first = Step(kind="preset", name=preset.name, targets=(preset.model,), source=preset.source)
        return self._assemble(
            preset.name,
            "preset",
            capability,
            [first, *steps],
            models,
            settings=settings,
            origins=origins,
            policy=preset.on_unsupported_setting,
        )

    def _follow(self, targets: tuple[str, ...], capability: Capability) -> tuple[list[Step], list[str]]:
        steps: list[Step] = []
        models: list[str] = []
        for target in targets:
            more_steps, more_models, _, _ = self._follow_target(target, capability, ())
            steps += more_steps
            models += more_models
        return steps, models

    def _follow_target(
        self, name: str, capability: Capability, seen: tuple[str, ...]
    ) -> tuple[list[Step], list[str], dict[str, Any], dict[str, Source]]:
        """The steps, models and settings that a preset's model or an alias's target leads to: a model, else an alias."""
        if name in self.models:
            return [Step(kind="model", name=name)], [name], {}, {}
        alias = self.aliases.get(name.removeprefix("@"))
        if alias is None:
            message = f"there is no model or alias '{name}'"
            raise _not_found(HANDLE_ERRORS[capability], message, name, [*self.models, *self.aliases])
        return self._follow_alias(alias, capability, seen)

    def _follow_alias(
        self, alias: Alias, capability: Capability, seen: tuple[str, ...]
    ) -> tuple[list[Step], list[str], dict[str, Any], dict[str, Source]]:
        if alias.name in seen:
            cycle = " → ".join([*seen[seen.index(alias.name) :], alias.name])
            problem = Problem(
                code="alias-cycle", message=f"aliases lead in a circle: {cycle}", key=f"aliases.{alias.name}"
            )
            raise ConfigError(problem.message, [problem])
        steps = [Step(kind="alias", name=alias.name, targets=alias.targets, source=alias.source)]
        models: list[str] = []
        settings: dict[str, Any] = {}
        origins: dict[str, Source] = {}
        for target in alias.targets:
            more_steps, more_models, more_settings, more_origins = self._follow_target(
                target, capability, (*seen, alias.name)
            )
            steps += more_steps
            models += more_models
            if len(alias.targets) == 1:  # settings of an alias inside a chain belong to that member's own use
                settings, origins = more_settings, more_origins
        settings = {**settings, **alias.settings}
        origins = {**origins, **dict.fromkeys(alias.settings, alias.source)}
        return steps, models, settings, origins

    def _assemble(
        self,
        handle: str,
        kind: HandleKind,
        capability: Capability,
        steps: list[Step],
        models: list[str],
        *,
        settings: Mapping[str, Any],
        origins: Mapping[str, Source],
        policy: Policy | None = None,
    ) -> Resolution:
        names = list(dict.fromkeys(models))
        entries = [_for_capability(self.models[name], capability) for name in names]
        if len(entries) == 1 and entries[0].spec is not None and not entries[0].available:
            wrong = entries[0].spec.model_type.capability != capability
            if wrong:
                message = f"'{handle}' leads to model '{names[0]}', which is for {_NOUNS[entries[0].spec.model_type.capability]}"
                raise _not_found(HANDLE_ERRORS[capability], f"{message}, not {_NOUNS[capability]}", handle, ())
        default: Policy = "error" if len(entries) == 1 else "drop"
        return Resolution(
            handle=handle,
            kind=kind,
            capability=capability,
            settings=settings,
            origins=origins,
            steps=tuple(steps),
            chain=tuple(fit_member(entry, settings) for entry in entries),
            policy=policy or self.on_unsupported_setting or default,
        )


def fit_member(entry: ModelEntry, settings: Mapping[str, Any]) -> ChainMember:
    """A member of a chain, with the settings as its model takes them."""
    if entry.spec is None or not settings:
        return ChainMember(entry=entry, settings=settings)
    fitted = fit(settings, entry.spec)
    return ChainMember(entry=entry, settings=fitted.settings, refused=fitted.refused)


def _for_capability(entry: ModelEntry, capability: Capability) -> ModelEntry:
    """The entry, unavailable where its model is for something else."""
    if entry.spec is None or entry.spec.model_type.capability == capability:
        return entry
    reason = f"it is a model for {_NOUNS[entry.spec.model_type.capability]}, not for {_NOUNS[capability]}"
    return evolve(entry, available=False, reason=reason)


def _not_found(kind: type[ConfigError], message: str, name: str, known: Any) -> ConfigError:
    from difflib import get_close_matches

    near = get_close_matches(name, list(known), n=1)
    problem = Problem(code="unknown-handle", message=message, suggestion=f"did you mean '{near[0]}'?" if near else None)
    text = f"{message}; {problem.suggestion}" if near else message
    return kind(text, [problem])
