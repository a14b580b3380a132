"""Where the keys of a backend and of its models were written: the files read once more, for `explain` and the report.

A load keeps none of this: a value's origin is asked for by people, and a call needs the value alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from pipelex_core.config.backends import defaults_of
from pipelex_core.config.problems import Faults
from pipelex_core.config.shipped import FOLDER, ShippedFile, read_shipped, with_newer
from pipelex_core.config.spec_files import Layers, SpecFile, read_spec_path
from pipelex_core.config.toml_file import read_toml
from pipelex_core.errors import ModelsManagerError
from pipelex_core.specs import Source

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pipelex_core.plugins import Plugins


@frozen
class Written:
    """One key.

    Attributes:
        value: Its value as written in the file, `${…}` not filled in.
        source: Its place.
    """

    value: Any
    source: Source


@define
class WrittenValues:
    """What the files of a configuration say of backends and models, each file read when it is first asked about.

    Attributes:
        folder: The `inference/` folder.
        plugins: Who ships backends and models.
    """

    folder: Path
    plugins: Plugins
    _tables: Mapping[str, Any] | None = field(default=None, init=False)
    _shipped: Mapping[str, list[ShippedFile]] | None = field(default=None, init=False)
    _files: dict[str, list[SpecFile]] = field(factory=dict, init=False)

    def backend(self, name: str) -> dict[str, Written]:
        """The keys of a backend's table: the project's, over those that its plugin ships."""
        file = self.folder / "backends.toml"
        if self._tables is None:
            read = read_toml(file, Faults(), ModelsManagerError)
            self._tables = read.tables if read else {}
        table = self._tables.get(name)
        shipped = defaults_of(self._shipped_files().get(name, ()))
        keys = {key: Written(value, source) for key, (value, source) in shipped.items()}
        if isinstance(table, dict):
            keys.pop("enabled", None)
            keys.update({key: Written(value, Source(file=str(file), key=(name, key))) for key, value in table.items()})
        return keys

    def model(self, backend: str, name: str) -> dict[str, Written]:
        """The keys of a model's spec, by what wins: project's table, project's defaults, plugin's table, its defaults."""
        own = self.backend(backend).get("sdk")
        layers = Layers(name, self._spec_files(backend), (own.value, own.source) if own else None)
        return {key: Written(value, layers.where(key)) for key, value in layers.merged().items()}

    def _shipped_files(self) -> Mapping[str, list[ShippedFile]]:
        if self._shipped is None:
            self._shipped = read_shipped(self.plugins, Faults())
        return self._shipped

    def _spec_files(self, backend: str) -> list[SpecFile]:
        """The files of a backend's models, the strongest first; what is wrong in them a load has reported."""
        if backend not in self._files:
            own = next((file for file in self._toml_files("backends") if file.stem == backend), None)
            read = None if own is None else read_spec_path(own, Source(file=str(own)), Faults())
            files = [] if read is None else [read]
            shipped = [each.spec_file(Faults()) for each in self._shipped_files().get(backend, ())]
            newer = next((file for file in self._toml_files(FOLDER) if file.stem == backend), None)
            self._files[backend] = files + with_newer(shipped, newer, Faults())
        return self._files[backend]

    def _toml_files(self, folder: str) -> list[Path]:
        return [file for file in sorted((self.folder / folder).glob("*.toml")) if not file.name.startswith(".")]
