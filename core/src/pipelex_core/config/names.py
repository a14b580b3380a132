"""The names of a deck: where aliases lead, found once for all of them and without recursion, and which names mean nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import field, frozen

from pipelex_core.settings import MODEL_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pipelex_core.deck import Alias, ModelDeck
    from pipelex_core.errors import ConfigError
    from pipelex_core.routing import ModelEntry
    from pipelex_core.specs import Source


_MOST_CYCLES = 50


@frozen(eq=False, repr=False)
class AliasGraph:
    """What is known of the aliases of a deck.

    Attributes:
        order: Their names, each after all it leads to.
        cycles: Circles of names, the first name again at the end; the first few of very many.
        sound: The aliases all of whose ways end at models.
    """

    order: list[str] = field(factory=list)
    cycles: list[list[str]] = field(factory=list)
    sound: set[str] = field(factory=set)


def follow_all(aliases: Mapping[str, Alias], models: Mapping[str, ModelEntry]) -> AliasGraph:
    """Follow every alias; a name that is a model's means the model."""
    graph = AliasGraph()
    done: set[str] = set()
    circling: set[str] = set()
    for root in aliases:
        trail = {} if root in done else {root: _onward(aliases[root], aliases, models)}
        while trail:
            name, onward = next(reversed(trail.items()))
            target = next(onward, None)
            if target is None:
                del trail[name]
                done.add(name)
                graph.order.append(name)
                if all(each in models or each.removeprefix("@") in graph.sound for each in aliases[name].targets):
                    graph.sound.add(name)
            elif target in trail:
                if len(graph.cycles) < _MOST_CYCLES and not {name, target} <= circling:
                    names = list(trail)
                    cycle = names[names.index(target) :]
                    graph.cycles.append([*cycle, target])
                    circling.update(cycle)
            elif target not in done:
                trail[target] = _onward(aliases[target], aliases, models)
    return graph


def _onward(alias: Alias, aliases: Mapping[str, Alias], models: Mapping[str, ModelEntry]) -> Iterator[str]:
    """The aliases that an alias names."""
    for target in alias.targets:
        name = target.removeprefix("@")
        if target not in models and name in aliases:
            yield name


def models_below(
    name: str, aliases: Mapping[str, Alias], models: Mapping[str, ModelEntry]
) -> tuple[list[ModelEntry], bool]:
    """Every model that a sound name leads to, the first of its chain first; and whether an alias on the way has settings."""
    found: dict[str, ModelEntry] = {}
    seen: set[str] = set()
    waiting, has_settings = [name], False
    while waiting:
        target = waiting.pop()
        if target in models:
            found[target] = models[target]
        elif target not in seen:
            seen.add(target)
            alias = aliases[target.removeprefix("@")]
            has_settings = has_settings or bool(alias.settings)
            waiting += reversed(alias.targets)
    return list(found.values()), has_settings


def targets_of(alias: Alias) -> Iterator[tuple[str, Source]]:
    """Each name that an alias leads to, and where it was written."""
    at = alias.origins.get("model", alias.source)
    for number, target in enumerate(alias.targets):
        yield target, at.child(str(number)) if len(alias.targets) > 1 else at


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


@frozen(eq=False, repr=False)
class Use:
    """A use of a name that is neither a model's nor an alias's.

    Attributes:
        name: The name.
        who: Who uses it: `alias 'best'`.
        source: Where.
        kind: The error of a handle that leads nowhere, for what it is used for.
        more: What it might have named besides models and aliases.
    """

    name: str
    who: str
    source: Source
    kind: type[ConfigError]
    more: Iterable[str] = ()


def unknown_uses(deck: ModelDeck, unknown: Unknown, choices: Mapping[str, Source]) -> Iterator[Use]:
    """Every use of a name that means nothing, those of names with a fault omitted; `choices` are the places of defaults."""

    def is_unknown(name: str) -> bool:
        bare = name.removeprefix("@")
        return name not in deck.models and bare not in deck.aliases and bare not in unknown.aliases

    presets = [preset for named in deck.presets.values() for preset in named.values()]
    for alias in deck.aliases.values():
        for target in filter(is_unknown, alias.targets):
            used_for = next((preset.capability for preset in presets if preset.model == alias.name), "llm")
            kind = deck.capabilities[used_for].handle_error
            yield Use(target, f"alias '{alias.name}'", dict(targets_of(alias))[target], kind)
    for preset in presets:
        if is_unknown(preset.model):
            source, kind = preset.origins.get("model", preset.source), deck.capabilities[preset.capability].handle_error
            yield Use(preset.model, f"preset '{preset.name}'", source, kind)
    for choice, handle, source in choices_of(deck, choices):
        name, at = (handle, source) if isinstance(handle, str) else model_of(handle, source)
        capability = choice.partition(".")[0]
        named = (deck.presets.get(capability, {}), unknown.presets.get(capability, ()))
        is_preset = any(name.removeprefix("$") in names for names in named) or (handle is name and name.startswith("$"))
        if not is_preset and is_unknown(name):
            kind = deck.capabilities[capability].handle_error
            yield Use(name, f"'{source.key[-1]}'", at, kind, [each for names in named for each in names])


def choices_of(
    deck: ModelDeck, sources: Mapping[str, Source]
) -> Iterator[tuple[str, str | Mapping[str, object], Source]]:
    """Every default, its handle and its place; the models of prompts are defaults too."""
    for choice, handle in deck.choices.items():
        yield choice, handle, sources[choice]
    for prompt in deck.prompts.values():
        if prompt.model is not None:
            yield "llm", prompt.model, prompt.source.child("model")


def model_of(table: Mapping[str, object], source: Source) -> tuple[str, Source]:
    """What an inline handle names as its model, and where."""
    key = next(key for key in MODEL_KEYS if key in table)
    return str(table[key]), source.child(key)
