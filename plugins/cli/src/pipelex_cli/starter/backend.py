"""A backend as a plugin ships it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

_VARIABLE = re.compile(r"(?<!\$)\$\{([^}]*)\}")
_NAME = re.compile(r"\A(?:env:)?([A-Za-z_][A-Za-z0-9_]*)\Z")


@frozen(kw_only=True)
class ShippedBackend:
    """A backend as a plugin ships it.

    Attributes:
        name: Its name.
        table: Its `[backend]` table: the defaults of its table in backends.toml.
        models: The names of its models.
        plugin: Distribution that ships it.
    """

    name: str
    table: Mapping[str, Any]
    models: tuple[str, ...]
    plugin: str

    @property
    def display_name(self) -> str:
        """For people."""
        return str(self.table.get("display_name", self.name))

    @property
    def model_names(self) -> tuple[str, ...]:
        """What a deck may name: its models, each also pinned to it."""
        return (*self.models, *(f"{model}@{self.name}" for model in self.models))

    @property
    def variables(self) -> dict[str, str]:
        """Variable -> the key of the table that reads it."""
        found: dict[str, str] = {}
        for key, value in self.table.items():
            for expression in _VARIABLE.findall(value) if isinstance(value, str) else ():
                for part in expression.split(":-")[0].split("|"):
                    named = _NAME.match(part.strip())
                    if named:
                        found.setdefault(named.group(1), key)
        return found

    @property
    def needed(self) -> tuple[str, ...]:
        """The variables it cannot do without: those that have no default."""
        return tuple(
            name
            for name, key in self.variables.items()
            if ":-" not in str(self.table[key]) and "|" not in str(self.table[key])
        )

    def enabled(self, environ: Mapping[str, str]) -> bool:
        """Whether a new project switches it on: its keys are there, or it needs none and is not off by default."""
        if self.table.get("enabled", True) is False:
            return False
        return all(environ.get(name) for name in self.needed)
