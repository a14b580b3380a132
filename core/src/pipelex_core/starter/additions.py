"""What a new plugin adds to files that are there already: tables and keys they lack; not a line of theirs is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import MutableMapping


def additions(name: str, old: str, new: str) -> str:
    """A file's text with what the new one has besides.

    Tables of TOML files gain the tables and keys they lack, and a value that is there stays; `.env.example` gains the
    variables it lacks.

    Raises:
        ModelsManagerError: The old file is no TOML.
    """
    if name.endswith(".env.example"):
        return _more_variables(old, new)
    if "/backends/" in name or name.endswith("overrides.toml"):
        return old  # the user's own, from the first line on
    return _more_tables(name, old, new)


def _more_variables(old: str, new: str) -> str:
    known = {line.split("=")[0].strip() for line in old.splitlines() if "=" in line and not line.startswith("#")}
    blocks = [block for block in new.split("\n\n") if "=" in block]
    missing = [block for block in blocks if block.splitlines()[-1].split("=")[0] not in known]
    if not missing:
        return old
    return old.rstrip("\n") + "\n\n" + "\n\n".join(block.strip("\n") for block in missing) + "\n"


def _more_tables(name: str, old: str, new: str) -> str:
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    from pipelex_core.errors import ModelsManagerError, Problem

    try:
        document = tomlkit.parse(old)
    except TOMLKitError as error:
        message = f"'{name}' is no valid TOML: {error}"
        raise ModelsManagerError(message, [Problem(code="bad-toml", message=str(error), file=name)]) from error
    changed = _add(document, tomlkit.parse(new))
    return tomlkit.dumps(document) if changed else old


def _add(old: MutableMapping[str, Any], new: MutableMapping[str, Any]) -> bool:
    """Put into `old` what only `new` has; whether there was anything."""
    changed = False
    for key, value in new.items():
        if key not in old:
            old[key] = value
            changed = True
        elif isinstance(value, dict) and isinstance(old[key], dict) and not _is_inline(value):
            changed = _add(old[key], value) or changed
    return changed


def _is_inline(value: object) -> bool:
    from tomlkit.items import InlineTable

    return isinstance(value, InlineTable)
