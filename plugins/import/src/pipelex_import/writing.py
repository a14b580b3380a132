"""The files of what was imported."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import tomlkit

from pipelex_cli.edits.dotenv import value_of, with_variable
from pipelex_cli.edits.files import FileChange, as_text, read_bytes
from pipelex_core.errors import PipelexError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pipelex_import.imported import Imported

_PROFILE = "imported"


def changes_of(imported: Imported, folder: Path, *, force: bool) -> list[FileChange]:
    """What is written below a project's folder.

    Raises:
        PipelexError: A file is there and is not to be replaced, or `.env` has another value of a variable.
    """
    inference = folder / ".pipelex" / "inference"
    texts: dict[Path, Mapping[str, Any]] = {
        inference / "backends.toml": imported.backends or {"openai": {"enabled": True}},
        inference / "routing_profiles.toml": _profiles(imported),
        inference / "deck" / "base_deck.toml": _deck(imported),
    }
    for backend, models in imported.models.items():
        if models:
            texts[inference / "backends" / f"{backend}.toml"] = models
    changes = [
        FileChange(path=path, old=read_bytes(path), new=_toml(tables).encode()) for path, tables in texts.items()
    ]
    there = [change.path for change in changes if change.old is not None and change.changes]
    if there and not force:
        names = ", ".join(f"'{path}'" for path in there)
        msg = f"there is a configuration already ({names}); name another --folder, or replace it with --force"
        raise PipelexError(msg)
    env = _env(imported, folder / ".env", force=force)
    return [*changes, *([env] if env else [])]


def _env(imported: Imported, path: Path, *, force: bool) -> FileChange | None:
    if not imported.variables:
        return None
    old = read_bytes(path)
    text = "" if old is None else as_text(old, path)
    for name, value in imported.variables.items():
        before = value_of(text, name)
        if before and before != value and not force:
            msg = f"'{path}' has another value of {name}; rename one of them, or replace it with --force"
            raise PipelexError(msg)
        text = with_variable(text, name, value)
    return FileChange(path=path, old=old, new=text.encode(), secret=True)


def _profiles(imported: Imported) -> dict[str, Any]:
    first = next(iter(imported.backends), "openai")
    description = "Each model where the first backend offers it"
    return {"active": _PROFILE, "profiles": {_PROFILE: {"description": description, "default": first}}}


def _deck(imported: Imported) -> dict[str, Any]:
    tables: dict[str, Any] = {}
    if imported.policy:
        tables["on_unsupported_setting"] = imported.policy
    tables["aliases"] = imported.aliases
    for capability, presets in imported.presets.items():
        tables[capability] = {"presets": presets}
    if imported.defaults:
        tables.setdefault("llm", {})["choice_defaults"] = imported.defaults
    if imported.prompts:
        tables.setdefault("llm", {})["prompts"] = imported.prompts
    return tables


def _toml(tables: Mapping[str, Any]) -> str:
    """Tables as TOML: of each table its values, then the tables in it; a table in a list inline."""
    document = tomlkit.document()
    for name, value in tables.items():
        document[name] = _item(value, depth=0)
    return tomlkit.dumps(document)


def _item(value: Any, *, depth: int) -> Any:
    if isinstance(value, dict):
        wide = depth < 2 and (not value or any(isinstance(each, dict) for each in value.values()) or depth == 0)
        table: Any = tomlkit.table() if wide else tomlkit.inline_table()
        for name, each in value.items():
            table[name] = _item(each, depth=depth + 1)
        return table
    if isinstance(value, list):
        array = tomlkit.array()
        for each in value:
            array.append(_item(each, depth=9))
        return array
    if isinstance(value, Decimal):
        return tomlkit.parse(f"a = {value:f}")["a"]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
