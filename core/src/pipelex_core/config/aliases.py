"""Where aliases lead, found once for all of them and without recursion: circles, and those that end at models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipelex_core.deck import Alias
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
