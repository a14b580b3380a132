"""Where a project's configuration is: finds the `inference/` folder, and the `.env` that belongs to it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pipelex_core.errors import ModelDeckNotFoundError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

CONFIG_VARIABLE = "PIPELEX_CONFIG_DIR"
FOLDER = ".pipelex"
INFERENCE = "inference"
_INIT = "run: pipelex init"

LOCK_FILE = "plugins.lock.toml"


def locate(
    root: str | Path | None = None,
    *,
    config: str | Path | None = None,
    environ: Mapping[str, str] | None = None,
    require: bool = True,
) -> Path:
    """The `inference/` folder.

    `config` names it, or the `.pipelex` folder around it. Without, `root` (a project's folder) is searched, and its
    parents; without that, the folder that `PIPELEX_CONFIG_DIR` names, else the nearest `.pipelex` from the working
    directory upwards. What none of them has is looked for in `~/.pipelex`.

    Raises:
        ModelDeckNotFoundError: There is none.
    """
    variables = os.environ if environ is None else environ
    if config is not None:
        return _inference(Path(config).expanduser(), "the folder that `config` names")
    named = variables.get(CONFIG_VARIABLE)
    if root is None and named:
        return _inference(Path(named).expanduser(), f"the folder that {CONFIG_VARIABLE} names")
    start = Path.cwd() if root is None else Path(root).expanduser().absolute()
    for folder in (start, *start.parents):
        if _is_dir(folder / FOLDER):
            return _inference(folder / FOLDER, f"the nearest {FOLDER} folder")
    home = Path(variables["HOME"]) if variables.get("HOME") else Path.home()
    if _is_dir(home / FOLDER):
        return _inference(home / FOLDER, f"the {FOLDER} folder of your home")
    if not require:
        return start / FOLDER / INFERENCE
    raise _not_found(
        f"there is no {FOLDER} folder in {start}, above it, or in {home}",
        expected=f"{FOLDER}/{INFERENCE}/ with backends.toml, routing_profiles.toml and deck/",
    )


def env_file_of(folder: Path) -> Path:
    """The `.env` beside the `.pipelex` folder that holds an `inference/` folder."""
    return folder.absolute().parent.parent / ".env"


def plugin_lock_of(folder: Path) -> Path:
    """The plugin lock in the `.pipelex` folder that holds an `inference/` folder; there need not be one."""
    return folder.absolute().parent / LOCK_FILE


def _inference(folder: Path, which: str) -> Path:
    if _is_dir(folder / INFERENCE):
        return folder / INFERENCE
    if _is_dir(folder) and (folder.name == INFERENCE or _is_file(folder / "backends.toml")):
        return folder
    if _is_dir(folder):
        message = f"{which} has no {INFERENCE} folder: {folder}"
        below = folder / FOLDER
        mend = f"did you mean '{below}'?" if _is_dir(below / INFERENCE) else _INIT
        raise _not_found(message, expected=f"{folder / INFERENCE}", file=folder, mend=mend)
    raise _not_found(f"{which} does not exist: {folder}", expected="a folder", file=folder)


def _is_dir(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # no permission to look, or a name no file can have
        return False


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def _not_found(message: str, *, expected: str, file: Path | None = None, mend: str = _INIT) -> ModelDeckNotFoundError:
    problem = Problem(
        code="missing-file",
        message=message,
        file=None if file is None else str(file),
        expected=expected,
        suggestion=mend,
    )
    return ModelDeckNotFoundError(message, [problem])
