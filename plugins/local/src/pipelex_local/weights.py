"""The files of models: where they come from, where they lie, and bringing them there once, whole, and checked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from pipelex_local._files import HubFile, Make, Progress, SourceFile, Stopped, WheelFile, are_there

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "HubFile",
    "Make",
    "Model",
    "Progress",
    "SourceFile",
    "Stopped",
    "WheelFile",
    "are_there",
    "bring",
    "cache_folder",
]


@frozen(kw_only=True)
class Model:
    """A model that can be fetched by name.

    Attributes:
        name: What a spec's `model_id` says.
        title: For people.
        licence: SPDX name of the model's licence.
        homepage: Where the model is described.
        files: What it consists of; the first one is the weights.
    """

    name: str
    title: str
    licence: str
    homepage: str
    files: tuple[SourceFile, ...]

    def folder(self, engine: str, cache_dir: str | Path | None = None) -> Path:
        """Where its files lie, or will; the folder is named by the hash of the weights."""
        return cache_folder(engine, cache_dir) / self.files[0].sha256[:12]


def cache_folder(engine: str, cache_dir: str | Path | None = None) -> Path:
    """Where an engine's models lie: in `cache_dir`, else in `PIPELEX_CACHE_DIR`, else in the user's cache folder."""
    from platformdirs import user_cache_dir

    chosen = cache_dir or os.environ.get("PIPELEX_CACHE_DIR") or user_cache_dir("pipelex", appauthor=False)
    return Path(chosen).expanduser().absolute() / engine


def bring(
    name: str,
    files: Sequence[SourceFile],
    folder: Path,
    *,
    made_of: Sequence[SourceFile] = (),
    make: Make | None = None,
    progress: Progress | None = None,
    stopped: Stopped = lambda: False,
) -> Path:
    """Bring a model's files into a folder, unless they are there; of several processes, one fetches and the others wait.

    Args:
        name: What the model is called, for messages.
        files: What is to be there; each appears whole or not at all.
        folder: Where to.
        made_of: What is fetched instead, where nobody publishes the file.
        make: Makes the one file of what was fetched, all in the folder that it is called with; False where it was stopped.
        progress: Called with the bytes done and the bytes in all.
        stopped: Called several times a second: whether to give up.

    Raises:
        ProviderConnectionError: No source could be reached, or `stopped` is set.
        InvalidAnswerError: What came is not the file that is described.
        CallError: A file could not be written.
    """
    if not are_there(files, folder):
        from pipelex_local._fetching import Wanted, fetch

        fetch(Wanted(name=name, files=files, folder=folder, made_of=made_of, make=make), progress, stopped)
    return folder
