"""What plugins ship: a file of models per backend, with the defaults of its table in backends.toml."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from pipelex_core.config.problems import Faults
from pipelex_core.config.toml_file import read_toml
from pipelex_core.errors import ModelsManagerError
from pipelex_core.specs import Source

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable

    from pipelex_core.plugins import Plugins
    from pipelex_core.toml import TomlDocument


@frozen(kw_only=True, eq=False, repr=False)
class ShippedFile:
    """One file of a plugin.

    Attributes:
        backend: The backend it is about.
        declares: Whether it has a `[backend]` table: else it only adds models to a backend that others declare.
        defaults: That table.
        tables: Everything else: `[defaults]` and the models.
        has_variables: Whether a `${` is in it.
        source: The plugin, and its version.
    """

    backend: str
    declares: bool
    defaults: Mapping[str, Any]
    tables: Mapping[str, Any]
    has_variables: bool
    source: Source


def read_shipped(plugins: Plugins, faults: Faults) -> dict[str, list[ShippedFile]]:
    """The files of all plugins by backend; a file with a fault is left out, with a warning: it is not the user's."""
    found: dict[str, list[ShippedFile]] = {}
    for shipped in plugins.shipped_specs:
        source = Source(plugin=shipped.plugin.distribution or shipped.plugin.name, version=shipped.plugin.version)
        read = _read(shipped.file)
        if read is None:
            read_toml(shipped.file, faults.lenient(), ModelsManagerError, source=source)
            continue
        declared = read.tables.get("backend")
        if declared is not None and not isinstance(declared, dict):
            faults.warning("bad-value", "the plugin's 'backend' is no table", source)
            declared = None
        defaults = declared or {}
        models = {name: table for name, table in read.tables.items() if name != "backend"}
        variables = read.variables - sum(str(value).count("${") for value in defaults.values())
        file = ShippedFile(
            backend=shipped.backend,
            declares=declared is not None,
            defaults=defaults,
            tables=models,
            has_variables=variables > 0,
            source=source,
        )
        found.setdefault(shipped.backend, []).append(file)
    return found


def _read(file: Traversable) -> TomlDocument | None:
    """A plugin's file, or None where it has a fault; parsed once as long as it does not change."""
    if isinstance(file, Path):
        try:
            status = file.stat()
        except OSError:
            return None
        return _remembered(file, status.st_mtime_ns, status.st_size)
    return read_toml(file, Faults(), ModelsManagerError, parse_float=Decimal)


@lru_cache(maxsize=256)
def _remembered(file: Path, _modified: int, _size: int) -> TomlDocument | None:
    return read_toml(file, Faults(), ModelsManagerError, parse_float=Decimal)
