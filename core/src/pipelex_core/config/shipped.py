"""What plugins ship: a file of models per backend, with the defaults of its table in backends.toml."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from attrs import frozen

from pipelex_core.config.toml_file import read_toml
from pipelex_core.errors import ModelsManagerError
from pipelex_core.specs import Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_core.config.problems import Faults
    from pipelex_core.plugins import Plugins


@frozen(kw_only=True)
class ShippedFile:
    """One file of a plugin.

    Attributes:
        backend: The backend it is about.
        defaults: Its `[backend]` table.
        tables: Everything else: `[defaults]` and the models.
        source: The plugin, and its version.
    """

    backend: str
    defaults: Mapping[str, Any]
    tables: dict[str, Any]
    source: Source


def read_shipped(plugins: Plugins, faults: Faults) -> dict[str, list[ShippedFile]]:
    """The files of all plugins by backend; a file with a fault is left out, with a warning: it is not the user's."""
    found: dict[str, list[ShippedFile]] = {}
    for shipped in plugins.shipped_specs:
        source = Source(plugin=shipped.plugin.distribution or shipped.plugin.name, version=shipped.plugin.version)
        tables = read_toml(shipped.file, faults.lenient(), ModelsManagerError, source=source, parse_float=Decimal)
        if tables is None:
            continue
        defaults = tables.pop("backend", {})
        if not isinstance(defaults, dict):
            faults.warning("bad-value", "the plugin's 'backend' is no table", source)
            defaults = {}
        file = ShippedFile(backend=shipped.backend, defaults=defaults, tables=tables, source=source)
        found.setdefault(shipped.backend, []).append(file)
    return found
