"""Chains whose members are for different things, and defaults that end at a model which cannot do what is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_core.config.problems import listed
from pipelex_core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_core.config import ReadConfig
    from pipelex_core.deck import Alias, Resolution

_MOST_MODELS = 200
_ASKED: dict[str, str] = {"llm.for_text": "text", "llm.for_object": "structured"}
_MEANING = {"text": "text", "structured": "objects (outputs has no 'structured')"}


def check_handles(read: ReadConfig, reported: set[str]) -> None:
    """Warn of mixed chains and of defaults that cannot do their work; their models are put into `reported`."""
    _check_chains(read)
    _check_names(read)
    _check_settings_of_chains(read)
    _check_defaults(read, reported)


def check_repeated(read: ReadConfig) -> None:
    """Warn of members of a chain that lead to a model which an earlier one leads to: a call asks it once."""
    deck = read.loaded.deck
    reached: dict[str, set[str]] = {}
    for name in _inner_first(deck.aliases):
        alias = deck.aliases[name]
        found: set[str] = set()
        for number, target in enumerate(alias.targets):
            more = {target} if target in deck.models else reached.get(target.removeprefix("@"), set())
            if twice := found & more:
                message = f"the chain '{name}' reaches '{min(twice)}' a second time through '{target}'; it is dropped"
                source = alias.origins.get("model", alias.source).child(str(number))
                read.faults.warning("duplicate-chain-member", message, source)
            found |= more
        reached[name] = found if len(found) <= _MOST_MODELS else set()


def gives_no(resolution: Resolution, requested: str, reported: set[str]) -> bool:
    """Whether no model of a chain gives what is asked; false where one of them has been reported; all are from now on."""
    specs = [member.spec for member in resolution.chain if member.spec is not None]
    names = {spec.name for spec in specs}
    if (
        not specs
        or not reported.isdisjoint(names)
        or any(not spec.outputs or requested in spec.outputs for spec in specs)
    ):
        return False
    reported.update(names)
    return True


def _check_chains(read: ReadConfig) -> None:
    deck = read.loaded.deck
    found: dict[str, dict[str, str]] = {}
    for name in _inner_first(deck.aliases):
        alias = deck.aliases[name]
        kinds: dict[str, str] = {}
        reported = False
        for number, target in enumerate(alias.targets):
            entry = deck.models.get(target)
            bare = target.removeprefix("@")
            if entry is not None:
                more = {deck.capabilities.of_type(entry.spec.model_type).name: target} if entry.spec else {}
            else:
                more = found.get(bare, {})
            if kinds and not reported and len(more) == 1 and (new := next(iter(more))) not in kinds:
                reported = True
                first = next(iter(kinds))
                purposes = [deck.capabilities[kind].is_for for kind in (first, new)]
                message = (
                    f"the chain '{name}' mixes kinds: '{kinds[first]}' is for {purposes[0]}, "
                    f"'{more[new]}' for {purposes[1]}; a call skips what is of the other kind"
                )
                source = alias.origins.get("model", alias.source).child(str(number))
                read.faults.warning("mixed-chain", message, source, expected="models of one kind")
            kinds.update({kind: model for kind, model in more.items() if kind not in kinds})
        found[name] = kinds


def _check_names(read: ReadConfig) -> None:
    """Warn of aliases that nothing can reach, because a model has their name."""
    deck = read.loaded.deck
    for name, alias in deck.aliases.items():
        if name in deck.models:
            message = f"the alias '{name}' is never used: a model has that name, and a model comes first"
            mend = "give the alias another name"
            read.faults.warning("alias-shadowed", message, alias.source, suggestion=mend)


def _check_settings_of_chains(read: ReadConfig) -> None:
    """Warn of settings of presets that every member of a chain refuses, unless the deck says that they may be dropped."""
    deck = read.loaded.deck
    if deck.on_unsupported_setting is not None:
        return
    for capability, presets in deck.presets.items():
        for preset in presets.values():
            if preset.on_unsupported_setting is not None or preset.model not in deck.aliases:
                continue
            try:
                resolution = deck.resolve(preset.name, capability)
            except ConfigError:
                continue  # it is reported
            members = [member for member in resolution.chain if member.spec is not None]
            for name in preset.settings:
                if len(resolution.chain) > 1 and members and all(name in member.refused for member in members):
                    message = f"'{name}' is set, and every model of the chain refuses it: {members[0].refused[name]}"
                    source = preset.origins.get(name, preset.source)
                    mend = f"remove {name}"
                    read.faults.warning("unsupported-setting", message, source, suggestion=mend)


def _inner_first(aliases: Mapping[str, Alias]) -> list[str]:
    """The aliases, each after those it names; those in a circle in any order."""
    ordered: dict[str, None] = {}
    seen: set[str] = set()
    for root in aliases:
        waiting = [(root, False)]
        while waiting:
            name, inner_done = waiting.pop()
            if inner_done:
                ordered[name] = None
            elif name not in seen:
                seen.add(name)
                waiting.append((name, True))
                inner = (target.removeprefix("@") for target in aliases[name].targets)
                waiting += [(target, False) for target in inner if target in aliases and target not in seen]
    return list(ordered)


def _check_defaults(read: ReadConfig, reported: set[str]) -> None:
    deck = read.loaded.deck
    for choice, requested in _ASKED.items():
        handle = deck.choices.get(choice)
        if handle is None:
            continue
        try:
            resolution = deck.resolve(handle, "llm")
        except ConfigError:
            continue  # it is reported
        if gives_no(resolution, requested, reported):
            names = listed((member.name for member in resolution.chain), most=3)
            message = f"the default '{choice}' leads to {names}, which gives no {_MEANING[requested]}"
            read.faults.warning("cannot-do", message, read.loaded.choices[choice])
