"""Where aliases lead, found once for all of them and without recursion: circles, and those that end at models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipelex_core.deck import Alias
    from pipelex_core.routing import ModelEntry


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
        if root not in done:
            _follow(root, aliases, models, graph, done=done, circling=circling)
    for name in graph.order:
        if all(target in models or target.removeprefix("@") in graph.sound for target in aliases[name].targets):
            graph.sound.add(name)
    return graph


def _follow(
    root: str,
    aliases: Mapping[str, Alias],
    models: Mapping[str, ModelEntry],
    graph: AliasGraph,
    *,
    done: set[str],
    circling: set[str],
) -> None:
    """Put everything below an alias in order, and note the circles on the way."""
    trail: dict[str, Iterator[str]] = {root: _onward(aliases[root], aliases, models)}
    while trail:
        name, onward = next(reversed(trail.items()))
        target = next(onward, None)
        if target is None:
            del trail[name]
            done.add(name)
            graph.order.append(name)
        elif target in trail:
            if len(graph.cycles) < _MOST_CYCLES and not {name, target} <= circling:
                names = list(trail)
                cycle = names[names.index(target) :]
                graph.cycles.append([*cycle, target])
                circling.update(cycle)
        elif target not in done:
            trail[target] = _onward(aliases[target], aliases, models)


def _onward(alias: Alias, aliases: Mapping[str, Alias], models: Mapping[str, ModelEntry]) -> Iterator[str]:
    """The aliases that an alias names."""
    for target in alias.targets:
        name = target.removeprefix("@")
        if target not in models and name in aliases:
            yield name


def first_model(alias: str, aliases: Mapping[str, Alias], models: Mapping[str, ModelEntry]) -> str:
    """The first model that a sound alias leads to."""
    name = alias
    while name not in models:
        name = aliases[name.removeprefix("@")].targets[0]
    return name


def all_models(alias: str, aliases: Mapping[str, Alias], models: Mapping[str, ModelEntry]) -> set[str]:
    """Every model that a sound alias leads to."""
    found: set[str] = set()
    seen: set[str] = set()
    waiting = [alias]
    while waiting:
        name = waiting.pop()
        if name in models:
            found.add(name)
        elif name not in seen:
            seen.add(name)
            waiting += aliases[name.removeprefix("@")].targets
    return found
