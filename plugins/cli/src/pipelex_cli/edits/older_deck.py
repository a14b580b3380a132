"""A file of a deck in the current form: `[llm_presets]` is `[llm.presets]`, `llm_handle` and `ocr_handle` are `model`."""

from __future__ import annotations

from typing import Any

from pipelex_cli.edits.document import read, replaced
from pipelex_cli.edits.syntax import Path, scan
from pipelex_core.capabilities import BUILT_IN
from pipelex_core.config.deck_files import OLDER_SECTIONS
from pipelex_core.errors import PipelexError
from pipelex_core.settings import MODEL_KEYS

_OLDER_MODEL_KEYS = MODEL_KEYS[1:]


def current_deck(text: str) -> str:
    """The text in the current form; a text of that form itself.

    Raises:
        PipelexError: It mixes both in a way that only its author can mend.
    """
    syntax = scan(text)
    keys = [head.parts[0] for head in syntax.heads]
    keys += [pair.parts[0] for pair in syntax.pairs if pair.head == -1 and not pair.inline]
    models = [pair.parts[-1] for pair in syntax.pairs if _names_model(current_path(pair.path))]
    changes = [(key.start, key.end, ".".join(OLDER_SECTIONS[key.name])) for key in keys if key.name in OLDER_SECTIONS]
    changes += [(key.start, key.end, MODEL_KEYS[0]) for key in models if key.name in _OLDER_MODEL_KEYS]
    if not changes:
        return text
    new = replaced(text, changes)
    _check(text, new)
    return new


def current_path(path: Path) -> Path:
    """Where a value of an older section is in the current form."""
    section = OLDER_SECTIONS.get(path[0])
    return (*section, *path[1:]) if section else path


def _names_model(path: Path) -> bool:
    """Whether a key of that name, at that path, says which model is meant: in a preset, an alias or a choice."""
    if path[0] == "aliases":
        return len(path) == 3
    if path[0] not in BUILT_IN or len(path) < 3:
        return False
    within = 4 if path[1] == "presets" or len(BUILT_IN[path[0]].choices) > 1 else 3
    return len(path) == within


def _check(old: str, new: str) -> None:
    """The new text must mean what the old one meant."""
    try:
        stated = read(new)
    except ValueError:
        stated = None
    if stated is None or stated != _current(read(old)):
        msg = "it uses both forms of the format, or a form that only you can rewrite: write its tables as [llm_presets]"
        raise PipelexError(msg)


def _current(tables: dict[str, Any], path: Path = ()) -> dict[str, Any]:
    """The same tables under their current names."""
    made: dict[str, Any] = {}
    for name, value in tables.items():
        at = (*path, name)
        here = current_path(at)
        stated = _current(value, here) if isinstance(value, dict) else value
        key = MODEL_KEYS[0] if name in _OLDER_MODEL_KEYS and _names_model(here) else name
        if not path and name in OLDER_SECTIONS:
            section, part = OLDER_SECTIONS[name]
            made.setdefault(section, {})[part] = stated
        elif isinstance(stated, dict) and isinstance(made.get(key), dict):
            made[key].update(stated)
        else:
            made[key] = stated
    return made
