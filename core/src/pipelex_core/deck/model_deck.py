"""The deck: every handle, and what it means.

A handle means, for a capability: a preset of that kind; else a model; else an alias. `resolve` is pure and remembers
what it found; `pipelex explain` prints the very object that a call uses.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import evolve, field, frozen

from pipelex_core.capabilities import BUILT_IN, Capabilities, Kind
from pipelex_core.deck.handle_errors import cycle, not_found, wrong_capability
from pipelex_core.deck.handles import Alias, ChainMember, HandleKind, Preset, Resolution, Step, fit_member
from pipelex_core.errors import ConfigError, Problem
from pipelex_core.orders import CHAIN
from pipelex_core.settings import MODEL_KEYS, check_settings, over

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_core.constraints import Policy
    from pipelex_core.deck.templates import PromptTemplate
    from pipelex_core.routing import ModelEntry, RoutingProfile
    from pipelex_core.specs import BackendConfig, Secret, Source

__all__ = ["Alias", "ChainMember", "ModelDeck", "Preset", "Resolution", "Step", "fit_member"]

NOTHING: Mapping[str, Any] = MappingProxyType({})


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
        capabilities: What there is to call.
        limits_url: Where processes share the limits of backends and models, or None; a plugin serves its scheme.
        prompts: Name -> prompt template.
    """

    models: Mapping[str, ModelEntry]
    aliases: Mapping[str, Alias] = field(factory=dict)
    presets: Mapping[str, Mapping[str, Preset]] = field(factory=dict)
    choices: Mapping[str, str | Mapping[str, Any]] = field(factory=dict)
    backends: Mapping[str, BackendConfig] = field(factory=dict)
    profile: RoutingProfile | None = None
    on_unsupported_setting: Policy | None = None
    limits_url: Secret | None = None
    prompts: Mapping[str, PromptTemplate] = field(factory=dict)
    capabilities: Capabilities = field(default=BUILT_IN, repr=False, eq=False)
    _resolved: dict[tuple[str, str], Resolution] = field(factory=dict, init=False, repr=False, eq=False)

    def resolve(self, handle: str | Mapping[str, Any], capability: str = "llm") -> Resolution:
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

    def capability_of(self, alias: str) -> str:
        """What an alias is for: the capability of the first of its models that leads somewhere, else `llm`."""
        entries = [self.models[name] for name in self._follow((alias,), "llm").models]
        return next((kind.name for entry in entries if (kind := self._kind_of(entry)) is not None), "llm")

    def default(self, choice: str) -> str | Mapping[str, Any]:
        """The handle of a call that names none.

        Raises:
            ConfigError: The deck has no such default.
        """
        handle = self.choices.get(choice)
        if handle is None:
            from pipelex_core.first_party import LOCAL, install_for

            kind, _, name = choice.partition(".")
            key = self.capabilities[kind].choice_key(name)
            install = install_for(LOCAL.get(kind, ""))
            suggestion = f"name a model; for one that needs no key, run: {install}" if install else "name a model"
            message = f"the deck has no default for {choice}"
            problem = Problem(code="no-default", message=message, key=key, suggestion=suggestion)
            raise ConfigError(problem.message, [problem])
        return handle

    def prompt(self, name: str) -> PromptTemplate:
        """A prompt template by its name.

        Raises:
            ConfigError: There is none of that name.
        """
        if name not in self.prompts:
            raise not_found(ConfigError, f"there is no prompt '{name}' in [llm.prompts]", name, self.prompts)
        return self.prompts[name]

    def preset(self, capability: str, name: str) -> Preset:
        """A preset by its name.

        Raises:
            LLMPresetNotFoundError: It does not exist (`Extract…`, `ImgGen…` for the other capabilities).
        """
        presets = self.presets.get(capability, {})
        if name not in presets:
            kind = self.capabilities[capability]
            raise not_found(kind.preset_error, f"there is no {kind.noun} preset '{name}'", name, presets)
        return presets[name]

    def _resolve_inline(self, table: Mapping[str, Any], capability: str) -> Resolution:
        settings = {name: value for name, value in table.items() if name not in MODEL_KEYS and value is not None}
        models = [table[name] for name in MODEL_KEYS if table.get(name) is not None]
        problems = [
            Problem(code="bad-value", message=f.message, key=f.name, expected=f.expected, suggestion=f.suggestion)
            for f in check_settings(self.capabilities[capability], settings)
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

    def _resolve_name(self, handle: str, capability: str) -> Resolution:
        presets = self.presets.get(capability, {})
        bare = handle[1:] if handle[:1] in {"$", "@"} else handle
        if handle.startswith("$") and handle not in self.models:
            return evolve(self._resolve_preset(self.preset(capability, bare)), handle=handle)
        if handle in presets:
            return self._resolve_preset(presets[handle])
        if handle in self.models:
            return self._assemble(handle, "model", capability, self._follow((handle,), capability))
        if bare in self.aliases:
            return self._assemble(handle, "alias", capability, self._follow((handle,), capability))
        names = [*presets, *self.models, *self.aliases]
        message = f"there is no {self.capabilities[capability].noun} model, alias or preset '{handle}'"
        others = [self.capabilities[other].is_for for other, named in self.presets.items() if bare in named]
        if others:
            message += f"; the preset of that name is for {' and '.join(others)}"
        raise not_found(self.capabilities[capability].handle_error, message, bare, names)

    def _resolve_preset(self, preset: Preset) -> Resolution:
        way = self._follow((preset.model,), preset.capability)
        way.steps.insert(0, Step(kind="preset", name=preset.name, targets=(preset.model,), source=preset.source))
        origins = {name: preset.origins.get(name, preset.source) for name in preset.settings}
        policy, settings = preset.on_unsupported_setting, preset.settings
        name, capability = preset.name, preset.capability
        return self._assemble(name, "preset", capability, way, settings=settings, origins=origins, policy=policy)

    def _follow(self, targets: tuple[str, ...], capability: str) -> _Way:
        """Where names lead, each a model, else an alias; without recursion, and each alias once."""
        way = _Way()
        rivals = self.capabilities[capability].rivals
        trail: dict[str, None] = {}
        done: set[str] = set()
        waiting: list[tuple[str, _Brought] | Alias] = [(target, ({}, {}, 1.0, False)) for target in reversed(targets)]
        while waiting:
            item = waiting.pop()
            if isinstance(item, Alias):  # all it leads to has been seen
                del trail[item.name]
                done.add(item.name)
                continue
            name, brought = item
            if name in self.models:
                if name not in way.models:
                    way.steps.append(Step(kind="model", name=name))
                    way.models[name] = brought
                continue
            alias = self.aliases.get(name.removeprefix("@"))
            if alias is None:
                message = f"there is no model or alias '{name}'"
                kind = self.capabilities[capability].handle_error
                raise not_found(kind, message, name, [*self.models, *self.aliases])
            if alias.name in trail:
                raise cycle([*trail], alias.name)
            if alias.name not in done:
                trail[alias.name] = None
                settings, origins, weight, last_resort = brought
                way.steps.append(Step(kind="alias", name=alias.name, targets=alias.targets, source=alias.source))
                if alias.settings:
                    settings = over(alias.settings, settings, rivals)
                    own = {name: alias.origins.get(name, alias.source) for name in alias.settings}
                    origins = over(own, origins, rivals)
                waiting.append(alias)
                way.orders.append(alias.order)
                for target in reversed(alias.targets):
                    is_last = last_resort or target in alias.last_resort
                    share = weight * alias.weights.get(target, 1.0)
                    waiting.append((target, (settings, origins, share, is_last)))
        return way

    def _assemble(
        self,
        handle: str,
        kind: HandleKind,
        capability: str,
        way: _Way,
        *,
        settings: Mapping[str, Any] = NOTHING,
        origins: Mapping[str, Source] = NOTHING,
        policy: Policy | None = None,
    ) -> Resolution:
        members = []
        wanted = self.capabilities[capability]
        rivals = wanted.rivals
        kinds = [self._kind_of(self.models[name]) for name in way.models]
        if wanted not in kinds and None not in kinds:
            raise wrong_capability(handle, self.models[next(iter(way.models))], kinds[0], wanted)
        for own, (name, (inherited, inherited_origins, weight, last_resort)) in zip(
            kinds, way.models.items(), strict=True
        ):
            entry = self.models[name]
            if own is not None and own is not wanted:
                reason = f"it is a model for {own.is_for}, not for {wanted.is_for}"
                entry = evolve(entry, available=False, reason=reason)
            if len(way.models) == 1:
                settings, origins = over(inherited, settings, rivals), over(inherited_origins, origins, rivals)
            provided = over(inherited, settings, rivals) if inherited else settings
            places = over(inherited_origins, origins, rivals) if inherited else origins
            members.append(fit_member(entry, provided, places, weight, last_resort))
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
            rivals=rivals,
            order=way.order if len(members) > 1 else CHAIN,
        )

    def _kind_of(self, entry: ModelEntry) -> Kind | None:
        """What a model is for; None where it leads to no backend."""
        return None if entry.spec is None else self.capabilities.of_type(entry.spec.model_type)


_Brought: TypeAlias = "tuple[Mapping[str, Any], Mapping[str, Source], float, bool]"
"""What the aliases before a model give it: settings, their origins, its weight, and whether it is a last resort."""


@frozen(eq=False, repr=False, slots=False)
class _Way:
    """Where names lead: the steps, and each model with what the aliases before it give it."""

    steps: list[Step] = field(factory=list)
    models: dict[str, _Brought] = field(factory=dict)
    orders: list[str] = field(factory=list)

    @property
    def order(self) -> str:
        """The order of the whole chain: that of the outermost alias that has one."""
        return next((order for order in self.orders if order != CHAIN), CHAIN)


def _names_models(model: Any) -> bool:
    if isinstance(model, str):
        return bool(model)
    return isinstance(model, (list, tuple)) and bool(model) and all(isinstance(name, str) for name in model)
