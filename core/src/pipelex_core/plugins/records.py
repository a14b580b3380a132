"""What is known of a plugin: when it is found, on its way through discovery, and in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from attrs import evolve, field, frozen

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable

    from pipelex_core.backend import BackendFactory
    from pipelex_core.hookspecs import Middleware


@frozen(kw_only=True)
class PluginRecord:
    """One plugin that was found.

    Attributes:
        name: Name of its entry point.
        distribution: Name of its distribution; None for a plugin that was passed as an object.
        version: Version of that distribution.
        sdks: The sdks it serves.
        hooks: The hooks it implements.
        status: Whether it is in use.
        reason: Why it is not, or None.
        seconds: How long it took to import it and to ask its declaring hooks.
    """

    name: str
    distribution: str | None
    version: str | None
    sdks: tuple[str, ...] = ()
    hooks: tuple[str, ...] = ()
    status: Literal["ok", "quarantined"] = "ok"
    reason: str | None = None
    seconds: float = field(default=0.0, eq=False)

    @property
    def label(self) -> str:
        """Distribution and version, or the name of a plugin without one."""
        return f"{self.distribution} {self.version}" if self.distribution else self.name


@frozen(kw_only=True, eq=False, repr=False)
class Candidate:
    """A plugin on its way through discovery: its record, its module, and what its declaring hooks returned."""

    record: PluginRecord
    module: object | None = None
    factories: Mapping[str, BackendFactory] = field(factory=dict)
    specs: Mapping[str, Traversable] = field(factory=dict)
    middlewares: tuple[Middleware, ...] = ()

    def quarantined(self, reason: str) -> Candidate:
        """The same plugin, out of use, with the reason."""
        return Candidate(record=evolve(self.record, status="quarantined", reason=reason))


@frozen(kw_only=True)
class ShippedSpecs:
    """A TOML file of models that a plugin ships for one backend."""

    backend: str
    file: Traversable
    plugin: PluginRecord
