"""One file of models, whichever generation of the format it is written in; and one model, put together from several."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from attrs import field, fields_dict, frozen

from pipelex_core.config.problems import Faults, listed
from pipelex_core.config.structure import is_table, report_unknown, report_unquoted, unquoted
from pipelex_core.config.tables import SpecTable
from pipelex_core.config.toml_file import read_toml
from pipelex_core.errors import ModelsManagerError
from pipelex_core.specs import NOWHERE, Source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pipelex_core.specs import Source


DEFAULT_KEYS: dict[str, str] = {"default_sdk": "sdk", "default_prompting_target": "prompting_target"}
"""Keys at the top of a file, and the key of `[defaults]` that means the same."""

_SPEC_KEYS = frozenset(fields_dict(SpecTable))
_PARTS = frozenset({*DEFAULT_KEYS, "backend", "defaults"})
_TELLING = frozenset({"sdk", "model_id", "model_type", "inputs", "outputs", "costs"})
"""The keys that tell a model from a plugin's option."""


@frozen(kw_only=True, eq=False, repr=False)
class SpecFile:
    """One file of models, split into its parts.

    Attributes:
        source: The file, or the plugin that ships it.
        defaults: Its file-wide defaults.
        default_paths: For each default, its place in the file.
        models: Name -> table, as it was read.
        paths: The place of each model whose name lacks its quotes.
        older: Whether it is of the older generation: `[models.name]`, prices per thousand tokens.
        has_variables: Whether a value of it may hold a `${`.
    """

    source: Source
    defaults: dict[str, Any] = field(factory=dict)
    default_paths: dict[str, tuple[str, ...]] = field(factory=dict)
    models: dict[str, dict[str, Any]] = field(factory=dict)
    paths: dict[str, tuple[str, ...]] = field(factory=dict)
    older: bool = False
    has_variables: bool = True

    def at(self, *key: str) -> Source:
        """The source of something inside it."""
        return self.source.at(*key)

    def at_model(self, name: str, *key: str) -> Source:
        """The source of a model's table, or of a key in it."""
        path = self.paths.get(name, (name,)) if self.paths else (name,)
        return self.source.at("models", *path, *key) if self.older else self.source.at(*path, *key)


def read_spec_path(path: Path, source: Source, faults: Faults) -> SpecFile | None:
    """The models of a file; None where it cannot be read, which is reported."""
    read = read_toml(path, faults, ModelsManagerError, source=source, parse_float=Decimal)
    return None if read is None else read_spec_file(read.tables, source, faults, has_variables=read.variables > 0)


def read_spec_file(
    tables: Mapping[str, Any], source: Source, faults: Faults, *, has_variables: bool = True
) -> SpecFile:
    """Tell the parts of a file of models apart; what belongs nowhere is reported."""
    container = _older_models(tables)
    file = SpecFile(source=source, older=container is not None, has_variables=has_variables)
    _read_defaults(tables, file, faults)
    models: dict[str, dict[str, Any]] = {}
    others: dict[str, dict[str, Any]] = {}
    for name, value in (container or {}).items():
        at, expected, of = file.at("models", name), f"[models.{name}]", ", not the table of a model"
        if is_table(value, at, faults, ModelsManagerError, expected, of=of):
            models[name] = value
    for key, value in tables.items():
        if value.__class__ is dict and container is None and key not in _PARTS:
            models[key] = value
            continue
        if key in DEFAULT_KEYS or key == "defaults" or (key == "models" and container is not None):
            continue
        if key == "backend" and isinstance(value, dict):
            message = "the table [backend] belongs in a plugin's file only; a project writes it in backends.toml"
            faults.error(ModelsManagerError, "unknown-key", message, file.at(key))
        elif not isinstance(value, dict):
            report_unknown(key, ("defaults", *DEFAULT_KEYS), faults, ModelsManagerError, file.at(key))
        else:
            (models if container is None else others)[key] = value
    if others:
        _report_mixed(list(models), list(others), file, faults)
    file.models.update(others)
    file.models.update(models)
    _quote(file, faults)
    return file


def _quote(file: SpecFile, faults: Faults) -> None:
    """Report the models whose names lack their quotes, and put each where it belongs."""
    models = file.models
    form = "[models.{}]" if file.older else "[{}]"
    for name, table in list(models.items()):
        if _SPEC_KEYS.issuperset(table):
            continue
        holds = {key: value for key, value in table.items() if isinstance(value, dict) and key not in _SPEC_KEYS}
        implied = len(holds) == len(table)
        for parts, value in unquoted(name, holds, _SPEC_KEYS if implied else _TELLING):
            if not isinstance(value, dict) or not (value or implied):
                continue  # a table that is a plugin's option
            whole = report_unquoted(parts, faults, ModelsManagerError, file.at_model(name, *parts[1:]), form)
            file.paths[whole] = parts
            models[whole] = value
            models[name] = {key: value for key, value in models[name].items() if key != parts[1]}
        if table and not models[name]:
            del models[name]


def _report_mixed(older: list[str], current: list[str], file: SpecFile, faults: Faults) -> None:
    """One problem for a file of both generations, at the first model of the one that fewer are of."""
    message = (
        f"the file mixes two generations of the format: {listed(older)} as [models.name], {listed(current)} as [name]"
    )
    expected = "every model as [models.name], or every model as [name]; their prices differ by a thousand"
    at = file.at("models", older[0]) if 0 < len(older) < len(current) else file.at(current[0])
    faults.error(ModelsManagerError, "mixed-generations", message, at, expected=expected)


def _read_defaults(tables: Mapping[str, Any], file: SpecFile, faults: Faults) -> None:
    defaults, paths = file.defaults, file.default_paths
    for key, meaning in DEFAULT_KEYS.items():
        if key in tables:
            defaults[meaning], paths[meaning] = tables[key], (key,)
    table = tables.get("defaults", {})
    if not is_table(table, file.at("defaults"), faults, ModelsManagerError):
        return
    for key, value in table.items():
        if key in defaults and defaults[key] != value:
            message = f"'{paths[key][0]}' and [defaults] {key} say different things"
            faults.error(ModelsManagerError, "mixed-generations", message, file.at(*paths[key]), expected="one of them")
        defaults[key], paths[key] = value, ("defaults", key)


def _older_models(tables: Mapping[str, Any]) -> dict[str, Any] | None:
    """The tables of `[models.…]`, or None where `models` is not such a container but a model of that name."""
    container = tables.get("models")
    if not isinstance(container, dict) or not any(isinstance(value, dict) for value in container.values()):
        return None
    return container if _SPEC_KEYS.isdisjoint(container) else None


@frozen(eq=False, repr=False, slots=False)
class Layers:
    """One model and the files its keys may come from, the strongest first; and the sdk that its backend's table names.

    What wins, key by key: the project's table, the project's `[defaults]`, the plugin's table, for `sdk` the backend's table,
    the plugin's `[defaults]`. `[defaults]` speaks for the models of its own file; in a project's file without models, for all
    that the plugin ships.
    """

    name: str
    files: Sequence[SpecFile]
    sdk: tuple[str, Source] | None = None

    def where(self, key: str) -> Source:
        """Where a key was written; the model's strongest table for one that was not."""
        if key == "sdk" and self.sdk is not None and not self._names_sdk():
            return self.sdk[1]
        for file in self.files:
            if key in file.models.get(self.name, ()):
                return file.at_model(self.name, key)
            if key in file.defaults and (self.name in file.models or not file.models):
                return file.source.at(*file.default_paths[key])
        return self.source

    @property
    def source(self) -> Source:
        """Where the model was written: in the project, else by the plugin."""
        for file in self.files:
            if self.name in file.models:
                return file.at_model(self.name)
        return NOWHERE

    def merged(self) -> dict[str, Any]:
        """All keys, the strongest file winning, and in a file the model over the defaults."""
        merged: dict[str, Any] = {}
        for file in reversed(self.files):
            if self.name in file.models:
                merged.update(file.defaults)
                merged.update(file.models[self.name])
            elif not file.models:
                merged.update(file.defaults)
        if self.sdk is not None and not self._names_sdk():
            merged["sdk"] = self.sdk[0]
        return merged

    def _names_sdk(self) -> bool:
        """Whether the model names its sdk, or the project does for the models of its file: not a plugin for all of its."""
        own = (
            file for file in self.files if file.source.plugin is None and (self.name in file.models or not file.models)
        )
        return any("sdk" in file.models.get(self.name, ()) for file in self.files) or any(
            "sdk" in f.defaults for f in own
        )

    def is_older(self, key: str) -> bool:
        """Whether a key comes from a file of the older generation."""
        source = self.where(key)
        return any(file.older and file.source.at(*source.key) == source for file in self.files)
