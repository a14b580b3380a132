"""What a shell completes where the command line names handles, backends or profiles: read from files alone, in milliseconds.

The script that `--install-completion` writes knows commands and options by itself; at a place with such names it runs
`pipelex __complete WORDS`, which comes here before anything else is imported. No plugin is loaded, and nothing checked.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_TABLE = re.compile(r"^[ \t]*\[(?:models\.)?(?:\"([^\"\n]+)\"|([A-Za-z0-9_-]+))\][ \t]*(?:#.*)?$", re.MULTILINE)
_NO_MODELS = frozenset({"backend", "defaults", "models"})
_WANTED = {"-m": "handles", "--model": "handles", "--handle": "handles", "-t": "templates", "--template": "templates"}
_WANTED |= {"--profile": "profiles", "--backend": "backends"}
_POSITIONAL = {"explain": "handles", "use": "profiles", "pull": "handles"}
_POSITIONAL |= dict.fromkeys(("enable", "disable", "set-key"), "backends")


def complete(words: Sequence[str]) -> None:
    """Print what the last word may become, as the completion scripts of cyclopts read it.

    Args:
        words: The command line behind the program's name, up to the cursor; the last one is being written.
    """
    sys.stdout.write("\x1fbegin\n" + "".join(f"{name}\n" for name in _candidates(words)))


def handles(_context: Any = None) -> list[str]:
    """The aliases, presets and models that the files name."""
    return list(_names("handles", None))


def backends(_context: Any = None) -> list[str]:
    """The backends that the files name."""
    return list(_names("backends", None))


def profiles(_context: Any = None) -> list[str]:
    """The routing profiles."""
    return list(_names("profiles", None))


def templates(_context: Any = None) -> list[str]:
    """The prompt templates."""
    return list(_names("templates", None))


def _candidates(words: Sequence[str]) -> Iterator[str]:
    """The names that begin as the last word does."""
    *before, last = words or ("",)
    kind = _WANTED.get(before[-1]) if before else None
    if kind is None:
        kind = next((found for word in before if (found := _POSITIONAL.get(word))), None)
    option, equals, rest = last.partition("=")
    if equals and option in _WANTED:
        kind, last = _WANTED[option], rest
    if kind is not None:
        config = before[before.index("--config") + 1] if "--config" in before[:-1] else None
        yield from (name for name in _names(kind, config) if name.startswith(last) and name.isprintable())


def _names(kind: str, config: str | None) -> Iterable[str]:
    folder = _folder(config)
    if kind == "profiles":
        return _table(_read(folder / "routing_profiles.toml"), "profiles") if folder else ()
    if kind == "backends":
        own = _read(folder / "backends.toml") if folder else {}
        return dict.fromkeys([*(name for name in own if isinstance(own[name], dict)), *(f.stem for f in _shipped())])
    decks = [_read(file) for file in sorted(folder.glob("deck/**/*.toml"))] if folder else [_starter()]
    if kind == "templates":
        return dict.fromkeys(name for deck in decks for name in _table(_table(deck, "llm"), "prompts"))
    files = [*(sorted(folder.glob("backends/*.toml")) if folder else ()), *_shipped()]
    models = (name for file in files for name in _models(file))
    return dict.fromkeys([*(name for deck in decks for name in _handles(deck)), *models])


def _folder(config: str | None) -> Path | None:
    """The `inference/` folder, as `pipelex_core.locate` finds it; None where there is none."""
    named = config or os.environ.get("PIPELEX_CONFIG_DIR")
    here = Path.cwd()
    around = [folder / ".pipelex" for folder in (here, *here.parents, Path.home())]
    for folder in [Path(named)] if named else around:
        for found in (folder / "inference", folder):
            if (found / "backends.toml").is_file():
                return found
    return None


def _handles(deck: dict[str, Any]) -> Iterator[str]:
    yield from _table(deck, "aliases")
    yield from _table(deck, "llm_presets")
    for tables in deck.values():
        if isinstance(tables, dict):
            yield from _table(tables, "presets")


def _shipped() -> list[Path]:
    """The files of models that installed distributions ship."""
    return sorted(file for place in sys.path if place for file in Path(place).glob("pipelex_backend_*/specs/*.toml"))


def _models(file: Path) -> Iterator[str]:
    """The names of models in a file, by its headings."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return
    for quoted, bare in _TABLE.findall(text):
        if (name := quoted or bare) not in _NO_MODELS:
            yield name


def _starter() -> dict[str, Any]:
    """The handles that hold without a folder."""
    from importlib.util import find_spec

    core = find_spec("pipelex_core")
    places = list(core.submodule_search_locations or ()) if core else []
    return _read(Path(places[0], "config", "starter.toml")) if places else {}


def _read(file: Path) -> dict[str, Any]:
    import tomli

    try:
        return tomli.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _table(tables: Any, name: str) -> dict[str, Any]:
    found = tables.get(name) if isinstance(tables, dict) else None
    return found if isinstance(found, dict) else {}
