"""A whole configuration from the older generation of the format to the current one, its meaning unchanged."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import tomli

from pipelex_cli.edits.folder import read_text
from pipelex_cli.edits.older_deck import current_deck
from pipelex_cli.edits.older_models import current_models
from pipelex_cli.written import WrittenValues
from pipelex_core.config.context import Context
from pipelex_core.config.deck_files import deck_files
from pipelex_core.config.environment import Environment
from pipelex_core.config.model_specs import SpecReader
from pipelex_core.config.problems import Faults
from pipelex_core.config.shipped import read_shipped
from pipelex_core.config.spec_files import Layers, read_spec_file
from pipelex_core.errors import ConfigError, ModelsManagerError, PipelexError, Problem
from pipelex_core.specs import Source

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipelex_cli.edits.files import FileChange
    from pipelex_cli.edits.folder import TomlText
    from pipelex_core.config.spec_files import SpecFile
    from pipelex_core.plugins import Plugins


def migrate(folder: Path, plugins: Plugins) -> list[FileChange]:
    """What becomes of each file that is of the older generation; the others are not in the list.

    Args:
        folder: The `inference/` folder.
        plugins: The installed plugins: what they ship decides what kind a model is that a file says nothing of.

    Raises:
        ConfigError: Files that are not TOML, or that only their author can rewrite; every one of them.
    """
    changes: list[FileChange] = []
    problems: list[Problem] = []
    models = sorted(path for path in (folder / "backends").glob("*.toml") if not path.name.startswith("."))
    for path in [*models, *deck_files(folder / "deck")]:
        try:
            file = read_text(path)
            new = current_deck(file.text) if path not in models else _models(file, plugins)
        except ConfigError as error:
            problems += error.problems
        except PipelexError as error:
            problems.append(Problem(code="mixed-generations", message=str(error), file=str(path)))
        else:
            if new != file.text:
                changes.append(file.changed(new))
    if problems:
        raise ModelsManagerError(problems=problems)
    return changes


def migrate_newer(folder: Path, plugins: Plugins) -> tuple[list[FileChange], list[str]]:
    """What becomes of each file where the configuration is one of pipelex 0.92, and what was left out; nothing where it is not.

    Args:
        folder: The `inference/` folder.
        plugins: The installed plugins, and what they serve.

    Raises:
        ConfigError: Files that are not TOML, every one of them.
    """
    paths = [folder / "backends.toml", folder / "routing_profiles.toml", *sorted((folder / "backends").glob("*.toml"))]
    files: dict[Path, TomlText] = {}
    problems: list[Problem] = []
    for path in [*(path for path in paths if path.is_file()), *deck_files(folder / "deck")]:
        try:
            files[path] = read_text(path)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ModelsManagerError(problems=problems)
    from pipelex_cli.edits.newer import is_newer, rewrite_newer

    if not is_newer({path: file.tables for path, file in files.items()}):
        return [], []
    new, notes = rewrite_newer(folder, {path: file.text for path, file in files.items()}, plugins)
    return [files[path].changed(text) for path, text in new.items() if text != files[path].text], notes


def _models(file: TomlText, plugins: Plugins) -> str:
    """A file of models in the current form."""
    faults = Faults()
    own = _read(file.text, file.path, faults)
    if any(problem.code == "mixed-generations" for problem in faults.problems()):
        raise ConfigError(problems=[each for each in faults.problems() if each.code == "mixed-generations"])
    if not own.older:
        return file.text
    is_llm = _is_llm(file.path, own, plugins)
    new = current_models(file.text, is_llm)
    try:
        read = _read(new, file.path, Faults())
    except tomli.TOMLDecodeError:
        read = None
    if read is None or read.older or _meaning(read) != _meaning(own, is_llm):
        msg = "its models are written in a form that only you can rewrite: write each as [models.name]"
        raise PipelexError(msg)
    return new


def _read(text: str, path: Path, faults: Faults) -> SpecFile:
    tables = tomli.loads(text.removeprefix("\ufeff"), parse_float=Decimal)
    return read_spec_file(tables, Source(file=str(path)), faults)


def _is_llm(file: Path, own: SpecFile, plugins: Plugins) -> Callable[[str], bool]:
    """Whether a model's prices are those of an LLM: by its table, the file's defaults, and what a plugin ships."""
    backend, folder = file.stem, file.parent.parent
    shipped = read_shipped(plugins, Faults()).get(backend, ())
    files = [own, *(each.spec_file(Faults()) for each in shipped)]
    context = Context(folder=folder, plugins=plugins, environment=Environment({}), faults=Faults(), strict=False)
    reader = SpecReader(backend, files, context)
    named = WrittenValues(folder, plugins).backend(backend).get("sdk")
    sdk = (str(named.value), named.source) if named else None

    unit = "million_tokens"

    def is_llm(name: str) -> bool:
        table = Layers(name, files, sdk).merged()
        stated, outputs = table.get("model_type"), table.get("outputs", ())
        if isinstance(stated, str):
            return plugins.capabilities.has_type(stated) and plugins.capabilities.of_type(stated).unit == unit
        words = frozenset(str(word) for word in outputs) if isinstance(outputs, list) else frozenset[str]()
        inferred = reader.inferred_type(str(table.get("sdk", "")), words, str(table.get("model_id", name)))
        return plugins.capabilities.of_type(inferred).unit == unit

    return is_llm


def _meaning(file: SpecFile, is_llm: Callable[[str], bool] | None = None) -> dict[str, dict[str, Any]]:
    """Each model with the defaults of its file, prices per million tokens; numbers exact, and `1` the same as `1.0`."""
    meant = {}
    for name, table in file.models.items():
        whole = {**file.defaults, **table}
        if is_llm is not None and is_llm(name) and isinstance(whole.get("costs"), dict):
            whole["costs"] = {price: _thousandfold(value) for price, value in whole["costs"].items()}
        meant[name] = whole
    return meant


def _thousandfold(value: Any) -> Any:
    return value * 1000 if isinstance(value, (int, Decimal)) and not isinstance(value, bool) else value
