"""What plugins ship: a file of models per backend, with the defaults of its table in backends.toml.

Of a file whose backend is off, the head and the names are read; its models are parsed when somebody wants to know more.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import tomli
from attrs import evolve, frozen

from pipelex_core.config.problems import Faults
from pipelex_core.config.spec_files import SpecFile, read_spec_file, read_spec_path
from pipelex_core.config.toml_file import read_toml
from pipelex_core.errors import ModelsManagerError
from pipelex_core.specs import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from importlib.resources.abc import Traversable

    from pipelex_core.plugins import Plugins
    from pipelex_core.toml import TomlDocument


T = TypeVar("T")

FOLDER = "catalogue"
"""The folder of the models of a newer catalogue."""
_HEADER = re.compile(r"^[ \t]*\[.*$", re.MULTILINE)
_NAMED = re.compile(r'\[(?:"([^"\\]+)"|([A-Za-z0-9_-]+))\]')
_OURS = ("backend", "defaults")


@frozen(kw_only=True, eq=False, repr=False, slots=False)
class ShippedFile:
    """One file of a plugin.

    Attributes:
        backend: The backend it is about.
        declares: Whether it has a `[backend]` table: else it only adds models to a backend that others declare.
        defaults: That table.
        names: The names of its models; None where only its tables tell.
        has_variables: Whether a `${` is in it.
        source: The plugin, and its version.
        file: Where it is.
    """

    backend: str
    declares: bool
    defaults: Mapping[str, Any]
    names: tuple[str, ...] | None
    has_variables: bool
    source: Source
    file: Traversable

    def tables(self, faults: Faults) -> Mapping[str, Any]:
        """Everything but `[backend]`; nothing where it has a fault, which is reported as a warning."""
        read = _once(_read, self.file)
        if read is None:
            read_toml(self.file, faults.lenient(), ModelsManagerError, source=self.source)
            return {}
        return {name: table for name, table in read.tables.items() if name != "backend"}

    def spec_file(self, faults: Faults) -> SpecFile:
        """Its models."""
        return read_spec_file(self.tables(faults), self.source, faults, has_variables=self.has_variables)

    def outline(self, faults: Faults) -> SpecFile:
        """The names of its models, whose tables are not read where that can be done without."""
        if self.names is None:
            return self.spec_file(faults)
        return SpecFile(source=self.source, models={name: {} for name in self.names})


def read_shipped(plugins: Plugins, faults: Faults) -> dict[str, list[ShippedFile]]:
    """The files of all plugins by backend; a file with a fault is left out, with a warning: it is not the user's."""
    found: dict[str, list[ShippedFile]] = {}
    for shipped in plugins.shipped_specs:
        source = Source(plugin=shipped.plugin.distribution or shipped.plugin.name, version=shipped.plugin.version)
        read = _once(_head, shipped.file)
        if read is None:
            read_toml(shipped.file, faults.lenient(), ModelsManagerError, source=source)
            continue
        declared = read.tables.get("backend")
        if declared is not None and not isinstance(declared, dict):
            faults.warning("bad-value", "the plugin's 'backend' is not a table", source)
            declared = None
        defaults = declared or {}
        file = ShippedFile(
            backend=shipped.backend,
            declares=declared is not None,
            defaults=defaults,
            names=read.names,
            has_variables=read.variables > sum(str(value).count("${") for value in defaults.values()),
            source=source,
            file=shipped.file,
        )
        found.setdefault(shipped.backend, []).append(file)
    return found


@frozen(eq=False, repr=False)
class _Head:
    """What is known of a file at once: the tables before its models, their names, and how many `${` are in it."""

    tables: Mapping[str, Any]
    names: tuple[str, ...] | None
    variables: int


def _once(read: Callable[[Traversable], T | None], file: Traversable) -> T | None:
    """What a function reads of a file, once as long as the file does not change; None where it is not there."""
    if not isinstance(file, Path):
        return read(file)
    try:
        status = file.stat()
    except OSError:
        return None
    found: T | None = _remembered(read, file, status.st_mtime_ns, status.st_size)
    return found


@lru_cache(maxsize=512)
def _remembered(read: Callable[[Traversable], Any], file: Path, _modified: int, _size: int) -> Any:
    return read(file)


def _head(file: Traversable) -> _Head | None:
    """The head of a file; all of it where its form does not tell the names of its models, None where it has a fault."""
    try:
        text = file.read_text(encoding="utf-8")
        outlined = _outline(text)
        head = None if outlined is None else tomli.loads(text[: outlined[0]])
    except (OSError, ValueError):
        return _whole(file)
    if outlined is None or head is None or not head.keys() <= {*_OURS}:
        return _whole(file)
    return _Head(head, outlined[1], text.count("${"))


def _whole(file: Traversable) -> _Head | None:
    read = _once(_read, file)
    return None if read is None else _Head(read.tables, None, read.variables)


def _outline(text: str) -> tuple[int, tuple[str, ...]] | None:
    """Where the first model begins, and the names of all; None where a table has a name of several parts, or may be none."""
    names: list[str] = []
    start = len(text)
    if '"""' in text or "'''" in text:
        return None
    for header in _HEADER.finditer(text):
        named = _NAMED.fullmatch(header[0].strip())
        before = text[max(0, header.start() - 200) : header.start()].rstrip()
        if named is None or before.endswith(("[", ",")):
            return None
        name = named[1] or named[2]
        if name in _OURS:
            if names:
                return None
            continue
        start = start if names else header.start()
        names.append(name)
    return (start, tuple(names)) if names else None


def _read(file: Traversable) -> TomlDocument | None:
    """A plugin's file, or None where it has a fault."""
    return read_toml(file, Faults(), ModelsManagerError, parse_float=Decimal)


def with_newer(shipped: list[SpecFile], file: Path | None, faults: Faults) -> list[SpecFile]:
    """The files of a backend's models that plugins ship, under the newer models of a catalogue's file.

    `pipelex catalogue update` writes them to `inference/catalogue/`, one file a backend, in the form of those of
    `inference/backends/`. Of a model that a plugin ships too, the table counts whose facts are newer by their `as_of`: a plugin
    that is updated later wins again by itself. A file with a fault is left out, with a warning: what the plugins ship is sound.
    """
    if file is None or not shipped:
        return shipped
    source = Source(file=str(file), plugin=FOLDER)
    catalogue = read_spec_path(file, source, faults.lenient())
    models = {} if catalogue is None else catalogue.models
    newer = {name: table for name, table in models.items() if catalogue and is_newer(name, catalogue, shipped)}
    if catalogue is None or not newer:
        return shipped
    return [evolve(catalogue, models=newer), *filter(None, (_without(newer, each) for each in shipped))]


def is_newer(name: str, catalogue: SpecFile, shipped: list[SpecFile]) -> bool:
    """Whether the catalogue's table of a model is newer than those that plugins ship, or they have none."""
    day = _day(catalogue, name)
    return all(day > _day(file, name) for file in shipped if name in file.models)


def _day(file: SpecFile, name: str) -> str:
    """The day on which a model's facts were true, as `2026-11-30`; empty where nothing says so."""
    return str(file.models[name].get("as_of") or file.defaults.get("as_of") or "")


def _without(names: Mapping[str, Any], file: SpecFile) -> SpecFile | None:
    """A file without some of its models; None where it has no other, so that its defaults speak for nothing."""
    models = {name: table for name, table in file.models.items() if name not in names}
    return evolve(file, models=models) if models or not file.models else None
