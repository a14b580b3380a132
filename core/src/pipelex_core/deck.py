"""The deck: every handle, and what it means.

A handle means, for a capability: a preset of that kind; else a model; else an alias. `resolve` is pure and remembers
what it found; `pipelex explain` prints the very object that a call uses.
"""

from __future__ import annotations

from types import MappingProxyType
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
from pipelex_core.near import did_you_mean
from pipelex_core.settings import MODEL_KEYS, check_settings
from pipelex_core.specs import NOWHERE, Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pipelex_core.constraints import Policy
    from pipelex_core.routing import ModelEntry, RoutingProfile
    from pipelex_core.specs import BackendConfig, Capability, ModelSpec

NOTHING: Mapping[str, Any] = MappingProxyType({})

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
        origins: Setting, or `model` -> where it was written, where that is not `source`.
    """

    name: str
    targets: tuple[str, ...]
    settings: Mapping[str, Any] = field(factory=dict)
    source: Source = NOWHERE
    origins: Mapping[str, Source] = field(factory=dict)


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
        origins: Setting, or `model` -> where it was written, where that is not `source`.
    """

    name: str
    capability: Capability
    model: str
    settings: Mapping[str, Any] = field(factory=dict)
    on_unsupported_setting: Policy | None = None
    description: str = ""
    source: Source = NOWHERE
    origins: Mapping[str, Source] = field(factory=dict)


@frozen(kw_only=True)
class ChainMember:
    """One model of a resolved handle.

    Attributes:
        entry: The model, its route, and its spec.
        settings: What would be sent to it.
        refused: Setting -> why this model does not take it.
        given: Its settings before they were made to fit: the handle's, over those of the aliases that lead to it.
    """

    entry: ModelEntry
    settings: Mapping[str, Any] = field(factory=dict)
    refused: Mapping[str, str] = field(factory=dict)
    given: Mapping[str, Any] = field(factory=dict)

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

    def with_settings(self, settings: Mapping[str, Any], source: Source = NOWHERE) -> Resolution:
        """The same handle with settings that win over its own, such as a call's arguments."""
        return evolve(
            self,
            settings={**self.settings, **settings},
            origins={**self.origins, **dict.fromkeys(settings, source)},
            chain=tuple(fit_member(member.entry, {**member.given, **settings}) for member in self.chain),
        )


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
        if not hasattr(handle, "items"):
            message = f"a handle is a name, or a mapping with a model and settings, not {type(handle).__name__}"
            raise ConfigError(message, [Problem(code="bad-value", message=message)])
        return self._resolve_inline(handle, capability)

    def capability_of(self, alias: str) -> Capability:
        """What an alias is for: the capability of the first of its models that leads somewhere, else `llm`."""
        entries = [self.models[name] for name in self._follow((alias,), "llm").models]
        return next((entry.spec.model_type.capability for entry in entries if entry.spec is not None), "llm")

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
        settings = {name: value for name, value in table.items() if name not in MODEL_KEYS and value is not None}
        models = [table[name] for name in MODEL_KEYS if table.get(name) is not None]
        problems = [
            Problem(code="bad-value", message=f.message, key=f.name, expected=f.expected, suggestion=f.suggestion)
            for f in check_settings(capability, settings)
        ]
        if len(models) != 1 or not _names_models(models[0]):
            message = "an inline handle names one model, or a list of them, as `model`"
            problems.append(Problem(code="bad-value", message=message, expected='{"model": "…", …}'))
        if problems:
            raise ConfigError(problems[0].message, problems)
        if isinstance(models[0], str):
            base = self.resolve(models[0], capability)
        else:
            alias = Alias(name=", ".join(models[0]), targets=tuple(models[0]))
            base = self._assemble(alias.name, "alias", capability, self._follow(alias.targets, capability))
        return base.with_settings(settings)

    def _resolve_name(self, handle: str, capability: Capability) -> Resolution:
        presets = self.presets.get(capability, {})
        bare = handle[1:] if handle[:1] in {"$", "@"} else handle
        if handle.startswith("$") and handle not in self.models:
            return evolve(self._resolve_preset(self.preset(capability, bare)), handle=handle)
        if handle in presets:
            return self._resolve_preset(presets[handle])
        if handle in self.models:
            return self._assemble(handle, "model", capability, self._follow((handle,), capability))
        if bare in self.aliases:
            way = self._follow((handle,), capability)
            return self._assemble(handle, "alias", capability, way)
        names = [*presets, *self.models, *self.aliases]
        message = f"there is no {_NOUNS[capability]} model, alias or preset '{handle}'"
        raise _not_found(HANDLE_ERRORS[capability], message, bare, names)

    def _resolve_preset(self, preset: Preset) -> Resolution:
        way = self._follow((preset.model,), preset.capability)
        way.steps.insert(0, Step(kind="preset", name=preset.name, targets=(preset.model,), source=preset.source))
        origins = {name: preset.origins.get(name, preset.source) for name in preset.settings}
        return self._assemble(
            preset.name,
            "preset",
            preset.capability,
            way,
            settings=preset.settings,
            origins=origins,
            policy=preset.on_unsupported_setting,
        )

    def _follow(self, targets: tuple[str, ...], capability: Capability) -> _Way:
        """Where names lead, each a model, else an alias; without recursion, and each alias once."""
        way = _Way()
        trail: dict[str, None] = {}
        done: set[str] = set()
        waiting: list[tuple[str, Mapping[str, Any], Mapping[str, Source]] | Alias] = [
            (target, {}, {}) for target in reversed(targets)
        ]
        while waiting:
            item = waiting.pop()
            if isinstance(item, Alias):  # all it leads to has been seen
                del trail[item.name]
                done.add(item.name)
                continue
            name, settings, origins = item
            if name in self.models:
                if name not in way.models:
                    way.steps.append(Step(kind="model", name=name))
                    way.models[name] = (settings, origins)
                continue
            alias = self.aliases.get(name.removeprefix("@"))
            if alias is None:
                message = f"there is no model or alias '{name}'"
                raise _not_found(HANDLE_ERRORS[capability], message, name, [*self.models, *self.aliases])
            if alias.name in trail:
                raise _cycle([*trail], alias.name)
            if alias.name not in done:
                trail[alias.name] = None
                way.steps.append(Step(kind="alias", name=alias.name, targets=alias.targets, source=alias.source))
                if alias.settings:
                    settings = {**alias.settings, **settings}
                    own = {name: alias.origins.get(name, alias.source) for name in alias.settings}
                    origins = {**own, **origins}
                waiting.append(alias)
                waiting += [(target, settings, origins) for target in reversed(alias.targets)]
        return way

    def _assemble(
        self,
        handle: str,
        kind: HandleKind,
        capability: Capability,
        way: _Way,
        *,
        settings: Mapping[str, Any] = NOTHING,
        origins: Mapping[str, Source] = NOTHING,
        policy: Policy | None = None,
    ) -> Resolution:
        members = []
        for name, (inherited, inherited_origins) in way.models.items():
            entry = _for_capability(self.models[name], capability)
            if len(way.models) == 1:
                if entry.spec is not None and entry.spec.model_type.capability != capability:
                    raise _wrong_capability(handle, entry, capability)
                settings, origins = {**inherited, **settings}, {**inherited_origins, **origins}
            members.append(fit_member(entry, {**inherited, **settings} if inherited else settings))
        default: Policy = "error" if len(members) == 1 else "drop"
        return Resolution(
            handle=handle,
            kind=kind,
            capability=capability,
            settings=settings,
            origins=origins,
            steps=tuple(way.steps),
            chain=tuple(members),
            policy=policy or self.on_unsupported_setting or default,
        )


@frozen
class _Way:
    """Where names lead: the steps, and each model with the settings of the aliases before it, and their origins."""

    steps: list[Step] = field(factory=list)
    models: dict[str, tuple[Mapping[str, Any], Mapping[str, Source]]] = field(factory=dict)


def fit_member(entry: ModelEntry, settings: Mapping[str, Any]) -> ChainMember:
    """A member of a chain, with the settings as its model takes them."""
    if entry.spec is None or not settings:
        return ChainMember(entry=entry, settings=settings, given=settings)
    fitted = fit(settings, entry.spec)
    return ChainMember(entry=entry, settings=fitted.settings, refused=fitted.refused, given=settings)


def _for_capability(entry: ModelEntry, capability: Capability) -> ModelEntry:
    """The entry, unavailable where its model is for something else."""
    if entry.spec is None or entry.spec.model_type.capability == capability:
        return entry
    reason = f"it is a model for {_NOUNS[entry.spec.model_type.capability]}, not for {_NOUNS[capability]}"
    return evolve(entry, available=False, reason=reason)


def _names_models(model: Any) -> bool:
    if isinstance(model, str):
        return bool(model)
    return isinstance(model, (list, tuple)) and bool(model) and all(isinstance(name, str) for name in model)


def _wrong_capability(handle: str, entry: ModelEntry, capability: Capability) -> ConfigError:
    is_for = _NOUNS[entry.spec.model_type.capability] if entry.spec else "nothing"
    message = f"'{handle}' leads to model '{entry.name}', which is for {is_for}, not for {_NOUNS[capability]}"
    return HANDLE_ERRORS[capability](message, [Problem(code="wrong-capability", message=message)])


def _cycle(trail: list[str], name: str) -> ConfigError:
    message = describe_cycle([*trail[trail.index(name) :], name])
    problem = Problem(code="alias-cycle", message=message, key=f"aliases.{name}")
    return ConfigError(message, [problem])


def describe_cycle(names: list[str]) -> str:
    """What is wrong with aliases that lead in a circle: the circle, its middle left out where it is long."""
    shown = names if len(names) <= 20 else [*names[:10], f"… {len(names) - 15} more …", *names[-5:]]
    return f"aliases lead in a circle: {' → '.join(shown)}"


def _not_found(kind: type[ConfigError], message: str, name: str, known: Iterable[str]) -> ConfigError:
    suggestion = did_you_mean(name, known)
    problem = Problem(code="unknown-handle", message=message, suggestion=suggestion)
    return kind(f"{message}; {suggestion}" if suggestion else message, [problem])
