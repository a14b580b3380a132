"""The files of a deck of pipelex 0.92, rewritten in place: one table of aliases for all capabilities.

There, each capability has aliases (`@name`) and waterfalls (`~name`) of its own, and a name may be in several. Here, the first keeps
it; another one is called `name-capability`, and a preset of the old name leads to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tomlkit
from attrs import define, field

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from tomlkit import TOMLDocument

    from pipelex_cli.edits.omissions import Omissions

_CAPABILITIES = ("llm", "extract", "img_gen")
_NOT_HERE = ("search", "doc_gen", "judgment")
_PARTS = {"aliases": "@", "waterfalls": "~"}
_CHOICES = ("choice_defaults", "choice_overrides")
_DEFAULTS = ("default_temperature", "default_quality")


@define
class DeckRewrite:
    """One rewrite.

    Attributes:
        decks: The files, in the order in which they are read.
        gone: Models that are left out.
        omissions: Where to note what has no counterpart.
    """

    decks: Sequence[TOMLDocument]
    gone: Collection[str]
    omissions: Omissions
    _names: dict[tuple[str, str], str] = field(factory=dict, init=False)
    _taken: dict[str, Any] = field(factory=dict, init=False)
    _lost: set[str] = field(factory=set, init=False)

    def run(self) -> None:
        """Rewrite every file."""
        for deck in self.decks:
            self._taken.update(dict.fromkeys(deck.get("aliases", {})))
            for section in _NOT_HERE:
                if section in deck:
                    del deck[section]
                    self.omissions.add("left out, because there is no capability for it", f"[{section}]")
        renamed = [self._choose_names(deck, capability) for deck in self.decks for capability in _CAPABILITIES]
        for deck in self.decks:
            for capability in _CAPABILITIES:
                if isinstance(deck.get(capability), dict):
                    self._rewrite(deck, capability)
        for names in renamed:
            for capability, old, new in names:
                self._keep_old_name(capability, old, new)

    def _choose_names(self, deck: TOMLDocument, capability: str) -> list[tuple[str, str, str]]:
        """Choose a name here for each alias and waterfall; those that are another one than there."""
        renamed = []
        for part, sigil in _PARTS.items():
            for name, target in _table(deck.get(capability), part).items():
                new = name
                if name in self._taken and self._taken[name] != (capability, target):
                    new = f"{name}-{capability}"
                    while new in self._taken:
                        new += "-2"
                    self.omissions.add(
                        "two capabilities have an alias of this name; that of the second is now", f"{new}"
                    )
                    renamed.append((capability, name, new))
                self._taken[new] = (capability, target)
                self._names[capability, sigil + name] = new
        return renamed

    def _rewrite(self, deck: TOMLDocument, capability: str) -> None:
        section: Any = deck[capability]
        for part, sigil in _PARTS.items():
            if part in section:
                for name, target in section.pop(part).items():
                    self._add_alias(deck, self._names[capability, sigil + name], target, capability)
        for choices in (section, *(_table(section, name) for name in _CHOICES)):
            self._rewrite_choices(choices, capability)
        for name, preset in [*_table(section, "presets").items()]:
            if isinstance(preset, dict) and isinstance(preset.get("model"), str):
                if preset["model"].lstrip("@~") in self._lost | {*self.gone}:
                    del section["presets"][name]
                    self.omissions.add("left out, because its model is", f"preset {name}")
                else:
                    preset["model"] = self._handle(preset["model"], capability)
        if not section:
            del deck[capability]

    def _rewrite_choices(self, choices: Any, capability: str) -> None:
        for key in [key for key in choices if key in _DEFAULTS]:
            del choices[key]
            self.omissions.add(f"the key '{key}' is left out: write it in each preset", f"[{capability}]")
        for key, handle in choices.items():
            if isinstance(handle, str):
                choices[key] = self._handle(handle, capability)

    def _add_alias(self, deck: TOMLDocument, name: str, target: Any, capability: str) -> None:
        chain = [target] if isinstance(target, str) else [*target]
        known = [self._handle(each, capability) for each in chain if each not in self.gone]
        if not known:
            self.omissions.add("left out, because its model is", f"alias {name}")
            self._lost.add(name)
            return
        if "aliases" not in deck:
            deck["aliases"] = tomlkit.table()
        aliases: Any = deck["aliases"]
        aliases[name] = known[0] if isinstance(target, str) else known

    def _handle(self, handle: str, capability: str) -> str:
        """A handle as it is written here: without a sigil where it is an alias's."""
        found = self._names.get((capability, handle))
        if found is None and not handle.startswith(("@", "~", "$")):
            found = self._names.get((capability, f"@{handle}"))
            return handle if found is None or found == handle else found
        return handle.lstrip("~") if found is None else found

    def _keep_old_name(self, capability: str, old: str, new: str) -> None:
        """A preset of the name that an alias had: a preset of a capability comes before an alias of the same name."""
        if new in self._lost or any(old in _table(deck.get(capability), "presets") for deck in self.decks):
            return
        deck = next(deck for deck in self.decks if new in deck.get("aliases", {}))
        if capability not in deck:
            deck[capability] = tomlkit.table()
        section: Any = deck[capability]
        if "presets" not in section:
            section["presets"] = tomlkit.table()
        preset = tomlkit.inline_table()
        preset["model"] = new
        section["presets"][old] = preset


def _table(tables: Any, name: str) -> dict[str, Any]:
    found = tables.get(name) if isinstance(tables, dict) else None
    return found if isinstance(found, dict) else {}
