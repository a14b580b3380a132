"""What is known of a plugin: when it is found, on its way through discovery, and in the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol

from attrs import evolve, field, frozen

from pipelex_core.plain import Plain

Status = Literal["ok", "quarantined", "off", "missing"]

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


@frozen(kw_only=True)
class PluginRecord(Plain):
    """One plugin that was found, or that should have been.

    Attributes:
        name: Name of its entry point.
        distribution: Name of its distribution; None for a plugin that was passed as an object.
        version: Version of that distribution.
        sdks: The sdks it serves.
        hooks: The hooks it implements.
        status: `ok`, or why it is not in use: it is broken or not as it was locked (`quarantined`), was not asked for
            (`off`), or is asked for or locked and not installed (`missing`).
        reason: Why it is not in use, in words, or None.
        seconds: How long it took to import it and to ask its declaring hooks.
        times: The same for each of them: `import`, and the hooks' names.
        touched: What it changed in the process when it was loaded, such as `the working directory`; put back where
            nothing works without.
    """

    name: str
    distribution: str | None
    version: str | None
    sdks: tuple[str, ...] = ()
    hooks: tuple[str, ...] = ()
    status: Status = "ok"
    reason: str | None = None
    seconds: float = field(default=0.0, eq=False)
    times: Mapping[str, float] = field(factory=dict, eq=False)
    touched: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Distribution and version, or the name of a plugin without one."""
        return f"{self.distribution} {self.version}" if self.distribution else self.name

    @property
    def state(self) -> str:
        """That it is not in use, and why, as a clause."""
        how = "switched off" if self.status == "off" else self.status
        return f"the plugin {self.label} is {how}: {self.reason}"


@frozen(kw_only=True, eq=False, repr=False)
class Candidate:
    """A plugin on its way through discovery.

    Attributes:
        record: What is known of it.
        module: Its module, or the object that was passed; None where it is not in use.
        declared: Declaring hook -> what it returned, checked.
    """

    record: PluginRecord
    module: object | None = None
    declared: Mapping[str, Any] = field(factory=dict)

    def quarantined(self, reason: str) -> Candidate:
        """The same plugin, out of use, with the reason."""
        return self.out_of_use("quarantined", reason)

    def out_of_use(self, status: Status, reason: str) -> Candidate:
        """The same plugin with nothing that it declares, and why."""
        return Candidate(record=evolve(self.record, status=status, reason=reason))


@frozen(kw_only=True)
class ShippedSpecs:
    """A TOML file of models that a plugin ships for one backend."""

    backend: str
    file: Traversable
    plugin: PluginRecord


def described(error: BaseException) -> str:
    """Class and message of what a plugin raised, on one line; a message that cannot be had is left out."""
    try:
        message = " ".join(str(error).split())
    except Exception as another:  # noqa: BLE001 -- the plugin's own class may do anything here
        message = f"its message raised {type(another).__name__}"
    return f"{type(error).__name__}: {message:.500}" if message else type(error).__name__


class Lock(Protocol):
    """A plugin lock: which distributions may be loaded, for which backends, and with which variables."""

    def objection(self, found: Any) -> str | None:
        """Why a plugin that was found must not be loaded, or None."""

    def missing(self, found: Iterable[Any]) -> Iterable[Candidate]:
        """What is locked, and is not among what was found."""

    def may_serve(self, distribution: str | None, backend: str) -> bool:
        """Whether a plugin may serve a backend; one that was passed as an object may serve all."""

    def variables(self, backend: str) -> frozenset[str] | None:
        """The variables that every plugin which may serve a backend may be given; None where none may serve it."""
