"""A configuration of pipelex 0.92 in the current form: what has a counterpart is rewritten, the rest is listed, once.

Its format (https://docs.pipelex.com/latest/configuration/config-technical/inference-backend-config) has aliases and waterfalls by
capability, constraints of its own, and model types that nothing here can call. Comments stay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tomlkit

from pipelex_cli.edits.newer_deck import DeckRewrite
from pipelex_cli.edits.newer_models import rewrite_models
from pipelex_cli.edits.omissions import Omissions
from pipelex_core.config.deck_files import deck_files
from pipelex_core.plugins import FIRST_PARTY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tomlkit import TOMLDocument

    from pipelex_core.plugins import Plugins

_ALWAYS_THERE = "internal"
"""The backend that 0.92 uses under every routing profile."""


def rewrite_newer(folder: Path, texts: Mapping[Path, str], plugins: Plugins) -> tuple[dict[Path, str], list[str]]:
    """The texts of the files in the current form, and what was left out.

    Args:
        folder: The `inference/` folder.
        texts: Each file, and its sound text.
        plugins: Who serves the sdks; those of this project are known besides.
    """
    documents = {path: tomlkit.parse(text) for path, text in texts.items()}
    omissions = Omissions()
    known = {*plugins.sdks, *FIRST_PARTY}
    gone: set[str] = set()
    unserved: list[str] = []
    for path in sorted(each for each in documents if each.parent == folder / "backends"):
        removed, all_unserved = rewrite_models(documents[path], path.stem, known, plugins.capabilities, omissions)
        gone |= removed
        if all_unserved:
            unserved.append(path.stem)
    _switch_off(documents.get(folder / "backends.toml"), unserved, omissions)
    _route_internal(documents.get(folder / "routing_profiles.toml"), documents.get(folder / "backends.toml"))
    decks = [documents[path] for path in deck_files(folder / "deck") if path in documents]
    DeckRewrite(decks, gone, omissions).run()
    return {path: tomlkit.dumps(document) for path, document in documents.items()}, omissions.notes()


def is_newer(documents: Mapping[Path, Mapping[str, Any]]) -> bool:
    """Whether some file has what only the format of 0.92 has."""
    return any(_marks(tables) for tables in documents.values())


def _marks(tables: Mapping[str, Any]) -> bool:
    for name, table in tables.items():
        if name in {"search", "doc_gen", "judgment"}:
            return True
        if isinstance(table, dict) and not {"listed_constraints", "valued_constraints", "waterfalls"}.isdisjoint(table):
            return True
        if name in {"llm", "extract", "img_gen"} and isinstance(table, dict) and "aliases" in table:
            return True
    return False


def _switch_off(backends: TOMLDocument | None, names: list[str], omissions: Omissions) -> None:
    """Backends none of whose models can be called."""
    for name in names:
        table = backends.get(name) if backends is not None else None
        if isinstance(table, dict) and table.get("enabled", True) is not False:
            table["enabled"] = False
            omissions.add("switched off, because no plugin serves its models", f"backend {name}")


def _route_internal(profiles: TOMLDocument | None, backends: TOMLDocument | None) -> None:
    """The backend of this machine, which profiles of 0.92 do not name, is the last that a profile falls back to."""
    if profiles is None or backends is None or _ALWAYS_THERE not in backends:
        return
    for profile in _tables(profiles.get("profiles", {})):
        order = profile.get("fallback_order")
        if isinstance(order, list) and "default" not in profile and _ALWAYS_THERE not in order:
            order.append(_ALWAYS_THERE)


def _tables(tables: Mapping[str, Any]) -> Iterator[Any]:
    return (table for table in tables.values() if isinstance(table, dict))
