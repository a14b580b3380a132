"""The files of `deck/`: both generations read, and merged in order, each value with the place it was written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from pipelex_core.capabilities.record import NO_CHOICES
from pipelex_core.config.layered import Layered, add_tables
from pipelex_core.config.problems import Faults, type_name
from pipelex_core.config.structure import report_unknown
from pipelex_core.config.toml_file import read_toml, report_empty
from pipelex_core.errors import ConfigError, ModelDeckNotFoundError
from pipelex_core.specs import Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipelex_core.capabilities import Capabilities

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
    return sorted(found, key=lambda path: (path.name == LAST, path.relative_to(folder).parts))


def read_deck_files(folder: Path, capabilities: Capabilities, faults: Faults) -> DeckTables:
    """Read and merge every file of a deck."""
    deck = DeckTables(capabilities)
    files = deck_files(folder)
    if not files:
        message = f"the deck has no files: {folder} is missing, or empty"
        faults.error(
            ModelDeckNotFoundError,
            "missing-file",
            message,
            Source(file=str(folder)),
            expected="at least one TOML file",
            suggestion="run: pipelex init",
        )
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
    """Merge what one file says into a deck."""
    for path, value in _sections(tables, file, deck, faults):
        source = file.at(*path)
        if path == ("on_unsupported_setting",):
            deck.policy.append((value, source))
            continue
        if path == ("aliases",):
            add_tables(deck.aliases, value, source, faults, settings=deck.capabilities.settings)
            continue
        capability, part = OLDER_SECTIONS.get(path[0]) or path
        if part == PROMPTS:
            _add_prompts(deck, value, source, faults)
        elif part == "presets":
            known = deck.capabilities.settings
            add_tables(deck.presets[capability], value, source, faults, settings=known, short=False)
        else:
            _add_choices(deck, capability, part, value, source, faults=faults)


def _sections(
    tables: Mapping[str, Any], file: Source, deck: DeckTables, faults: Faults
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every part of a file that means something, with its path; the rest is reported."""
    for key, value in tables.items():
        if key in NEWER_DECK_KEYS:
            _report_newer(key, file.at(key), faults)
        elif key in OLDER_SECTIONS:
            capability, part = OLDER_SECTIONS[key]
            current = tables.get(capability)
            if isinstance(current, dict) and part in current:
                message = f"the file mixes two generations of the format: [{key}] and [{capability}.{part}]"
                faults.error(ConfigError, "mixed-generations", message, file.at(key), expected="one of them")
            yield (key,), value
        elif key in deck.capabilities.names:
            yield from _parts(key, value, file, deck, faults=faults)
        elif key in {"aliases", "on_unsupported_setting"}:
            yield (key,), value
        else:
            names = ("aliases", *deck.capabilities.names, "on_unsupported_setting")
            report_unknown(key, names, faults, ConfigError, file.at(key))
            _may_have_had_names(value, file, deck)


def _add_prompts(deck: DeckTables, tables: Any, source: Source, faults: Faults) -> None:
    if not isinstance(tables, dict):
        faults.error(ConfigError, "bad-value", f"'prompts' is {type_name(tables)}", source, expected="a table")
        return
    deck.prompts.update({name: (table, source.child(name)) for name, table in tables.items()})


def _may_have_had_names(value: Any, file: Source, deck: DeckTables) -> None:
    """A table that means nothing may be one of names, misspelt: those are missing then."""
    if isinstance(value, dict):
        deck.unread.append(Path(file.file or ""))


def _parts(
    capability: str, table: Any, file: Source, deck: DeckTables, *, faults: Faults
) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not isinstance(table, dict):
        message = f"'{capability}' is {type_name(table)}"
        faults.error(ConfigError, "bad-value", message, file.at(capability), expected="a table")
        return
    known = deck.capabilities[capability].section_keys
    known = (*known, PROMPTS) if capability == "llm" else known
    for key, value in table.items():
        source = file.at(capability, key)
        if key in NEWER_SECTION_KEYS:
            _report_newer(f"{capability}.{key}", source, faults)
        elif key in known:
            yield (capability, key), value
        else:
            report_unknown(key, known, faults, ConfigError, source)
            _may_have_had_names(value, file, deck)


def _report_newer(key: str, source: Source, faults: Faults) -> None:
    why = NEWER_DECK_KEYS.get(key) or NEWER_SECTION_KEYS[key.rpartition(".")[2]]
    faults.warning("newer-key", f"the key '{key}' is left out: {why}", source)


def _add_choices(deck: DeckTables, capability: str, part: str, value: Any, source: Source, *, faults: Faults) -> None:
    target = deck.overrides if part.startswith("choice_override") else deck.defaults
    kind = deck.capabilities[capability]
    if kind.choices == NO_CHOICES:
        target[kind.name] = (value, source)
        return
    if not isinstance(value, dict):
        message = f"'{part}' is {type_name(value)}"
        faults.error(kind.handle_error, "bad-value", message, source, expected="a table")
        return
    for key, handle in value.items():
        if key in NEWER_SECTION_KEYS:
            _report_newer(f"{capability}.{part}.{key}", source.child(key), faults)
        elif key in kind.choices:
            target[kind.choice(key)] = (handle, source.child(key))
        else:
            report_unknown(key, kind.choices, faults, ConfigError, source.child(key))
