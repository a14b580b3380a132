"""The files of `deck/`: both generations read, and merged in order, each value with the place it was written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from pipelex_core.capabilities.record import NO_CHOICES
from pipelex_core.config.layered import Layered, add_tables
from pipelex_core.config.structure import is_table, report_newer, report_unknown
from pipelex_core.config.toml_file import read_toml, report_empty
from pipelex_core.errors import ConfigError, ModelDeckNotFoundError
from pipelex_core.specs import Source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipelex_core.capabilities import Capabilities
    from pipelex_core.config.problems import Faults

LAST = "overrides.toml"
PROMPTS = "prompts"
"""The key of `[llm]` that holds prompt templates."""

OLDER_SECTIONS: dict[str, tuple[str, str]] = {
    "llm_presets": ("llm", "presets"),
    "llm_choice_defaults": ("llm", "choice_defaults"),
    "llm_choice_overrides": ("llm", "choice_overrides"),
}
"""Tables of the older generation, and what they are in the current one."""

NEWER_DECK_KEYS: dict[str, str] = {
    "waterfalls": 'write a chain as an alias: a = ["first", "second"]',
    "search": "there is no capability for it",
    "doc_gen": "there is no capability for it",
    "judgment": "there is no capability for it",
}
"""Keys that newer releases of the format use in deck files, and why each is left out."""

NEWER_SECTION_KEYS: dict[str, str] = {
    "aliases": "write aliases in [aliases]",
    "waterfalls": 'write a chain as an alias: a = ["first", "second"]',
    "default_temperature": "write the temperature in a preset",
    "default_quality": "write the quality in a preset",
}
"""The same in the table of a capability, and among its choices."""


@frozen(eq=False, repr=False)
class DeckTables:
    """What the files of a deck say, merged.

    Attributes:
        aliases: Name -> table.
        presets: Capability -> name -> table.
        defaults: Choice -> handle, and where it was written.
        overrides: Likewise; these win.
        prompts: Name -> table of a prompt template, and where it was written.
        policy: Each `on_unsupported_setting`, the last of which counts, and where it was written.
        unread: Files with a fault, whose names are missing.
        capabilities: What there is to call.
    """

    capabilities: Capabilities

    aliases: dict[str, Layered] = field(factory=dict)
    presets: dict[str, dict[str, Layered]] = field(init=False)
    defaults: dict[str, tuple[Any, Source]] = field(factory=dict)
    overrides: dict[str, tuple[Any, Source]] = field(factory=dict)
    prompts: dict[str, tuple[Any, Source]] = field(factory=dict)
    policy: list[tuple[Any, Source]] = field(factory=list)
    unread: list[Path] = field(factory=list)

    @presets.default
    def _one_table_a_capability(self) -> dict[str, dict[str, Layered]]:
        return {name: {} for name in self.capabilities.names}


def deck_files(folder: Path) -> list[Path]:
    """The TOML files of a deck's folder and below, in path order, each `overrides.toml` last."""
    found = [
        Path(parent, name)
        for parent, _, names in os.walk(folder)
        for name in names
        if name.endswith(".toml") and not name.startswith(".")
    ]
    return sorted(found, key=lambda path: (path.name == LAST, path.parts))


def read_deck_files(folder: Path, capabilities: Capabilities, faults: Faults) -> DeckTables:
    """Read and merge every file of a deck."""
    deck = DeckTables(capabilities)
    files = deck_files(folder)
    if not files:
        message = f"the deck has no files: {folder} is missing, or empty"
        source, how = Source(file=str(folder)), "run: pipelex init"
        expected = "at least one TOML file"
        faults.error(ModelDeckNotFoundError, "missing-file", message, source, expected=expected, suggestion=how)
        deck.unread.append(folder)
    empty = 0
    for path in files:
        read = read_toml(path, faults, ConfigError)
        if read is None:
            deck.unread.append(path)
        else:
            empty += not read.tables
            add_file(deck, read.tables, Source(file=str(path)), faults)
    if files and empty == len(files):
        report_empty(files[0], faults, ModelDeckNotFoundError)
        deck.unread.append(files[0])
    return deck


def add_file(deck: DeckTables, tables: Mapping[str, Any], file: Source, faults: Faults) -> None:
    """Merge what one file says into a deck; what means nothing is reported."""
    for key, value in tables.items():
        source = file.at(key)
        if key in NEWER_DECK_KEYS:
            report_newer(key, NEWER_DECK_KEYS[key], source, faults)
        elif key == "on_unsupported_setting":
            deck.policy.append((value, source))
        elif key == "aliases":
            add_tables(deck.aliases, value, source, faults, settings=deck.capabilities.settings)
        elif key in OLDER_SECTIONS:
            capability, part = OLDER_SECTIONS[key]
            current = tables.get(capability)
            if isinstance(current, dict) and part in current:
                message = f"the file mixes two generations of the format: [{key}] and [{capability}.{part}]"
                faults.error(ConfigError, "mixed-generations", message, source, expected="one of them")
            _add_part(deck, capability, part, value, source, faults=faults)
        elif key in deck.capabilities.names:
            _add_section(deck, key, value, source, faults)
        else:
            names = ("aliases", *deck.capabilities.names, "on_unsupported_setting")
            _report_nameless(deck, names, value, source, faults)


def _add_section(deck: DeckTables, capability: str, table: Any, source: Source, faults: Faults) -> None:
    """Merge the table of a capability."""
    if not is_table(table, source, faults, ConfigError):
        return
    known = deck.capabilities[capability].section_keys
    known = (*known, PROMPTS) if capability == "llm" else known
    for key, value in table.items():
        at = source.child(key)
        if key in NEWER_SECTION_KEYS:
            report_newer(f"{capability}.{key}", NEWER_SECTION_KEYS[key], at, faults)
        elif key in known:
            _add_part(deck, capability, key, value, at, faults=faults)
        else:
            _report_nameless(deck, known, value, at, faults)


def _report_nameless(deck: DeckTables, known: Sequence[str], value: Any, source: Source, faults: Faults) -> None:
    """Report a key that means nothing; a table may be one of names, misspelt: those are missing then."""
    report_unknown(source.key[-1], known, faults, ConfigError, source)
    if isinstance(value, dict):
        deck.unread.append(Path(source.file or ""))


def _add_part(deck: DeckTables, capability: str, part: str, value: Any, source: Source, *, faults: Faults) -> None:
    """Merge what one key of the table of a capability has."""
    if part == PROMPTS:
        if is_table(value, source, faults, ConfigError):
            deck.prompts.update({name: (table, source.child(name)) for name, table in value.items()})
    elif part == "presets":
        known = deck.capabilities.settings
        add_tables(deck.presets[capability], value, source, faults, settings=known, short=False)
    else:
        _add_choices(deck, capability, part, value, source, faults=faults)


def _add_choices(deck: DeckTables, capability: str, part: str, value: Any, source: Source, *, faults: Faults) -> None:
    target = deck.overrides if part.startswith("choice_override") else deck.defaults
    kind = deck.capabilities[capability]
    if kind.choices == NO_CHOICES:
        target[kind.name] = (value, source)
        return
    if not is_table(value, source, faults, kind.handle_error):
        return
    for key, handle in value.items():
        if key in NEWER_SECTION_KEYS:
            report_newer(f"{capability}.{part}.{key}", NEWER_SECTION_KEYS[key], source.child(key), faults)
        elif key in kind.choices:
            target[kind.choice(key)] = (handle, source.child(key))
        else:
            report_unknown(key, kind.choices, faults, ConfigError, source.child(key))
