"""What every step of a load needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field, frozen

from pipelex_core.config.environment import Environment, Expansion, expand, has_variables
from pipelex_core.errors import ModelsManagerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from pipelex_core.config.problems import Faults
    from pipelex_core.plugins import Plugins
    from pipelex_core.specs import Source


@define(eq=False, repr=False)
class Filled:
    """A table with its variables filled in.

    Attributes:
        values: Its keys.
        used: Key -> the variables that gave its value, for each key that had any in it.
        missing: The variables that have no value, and where each is needed.
        withheld: Those that the plugin lock keeps from its backend.
        hidden: What variables gave, and may be secret.
    """

    values: dict[str, Any]
    used: dict[str, list[str]] = field(factory=dict)
    missing: list[tuple[str, Source]] = field(factory=list)
    withheld: list[str] = field(factory=list)
    hidden: list[str] = field(factory=list)


@frozen(kw_only=True, eq=False, repr=False)
class Context:
    """One load.

    Attributes:
        folder: The `inference/` folder.
        plugins: Who serves the sdks, and ships models.
        environment: What `${…}` is filled with.
        faults: Where to report.
        strict: Whether an enabled backend that lacks a variable, a key or models is an error.
        bare: Whether there is no folder, so that plugins bring everything.
    """

    folder: Path
    plugins: Plugins
    environment: Environment
    faults: Faults
    strict: bool
    bare: bool = False

    def lenient(self) -> Context:
        """The same load, for what must not stop it."""
        return evolve(self, faults=self.faults.lenient())

    def fill(self, value: Any, source: Source) -> Expansion:
        """Fill in the variables of a value; what is wrong with them is reported, and secrets are kept out of problems."""
        filled = expand(value, self.environment)
        for fault in filled.faults:
            self.faults.error(ModelsManagerError, "bad-variable", fault, source)
        for secret in filled.secrets:
            self.faults.hide(secret)
        return filled

    def fill_table(self, table: Mapping[str, Any], backend: str, where: Callable[[str], Source]) -> Filled:
        """Fill in the variables of a table of a backend; `where` gives the source of a key."""
        filled = Filled(dict(table))
        for key, value in table.items():
            if has_variables(value):
                source = where(key)
                found = self.fill(value, source)
                filled.values[key], filled.used[key] = found.value, found.used
                filled.missing += [(name, source) for name in found.missing]
                filled.withheld += self._withhold(backend, found.used, source)
                filled.hidden += found.hidden
        return filled

    def report_lack(self, code: str, message: str, source: Source, mend: str) -> None:
        """Report what an enabled backend lacks: an error where the load is strict."""
        faults = self.faults if self.strict else self.faults.lenient()
        faults.error(ModelsManagerError, code, message, source, suggestion=mend)

    def _withhold(self, backend: str, variables: Iterable[str], source: Source) -> tuple[str, ...]:
        """Those of some variables that the plugin lock does not let a backend have, each reported."""
        withheld = self.plugins.withheld(backend, variables)
        for name in withheld:
            message = f"the plugin lock does not let backend '{backend}' have {name}"
            self.report_lack("missing-variable", message, source, "run: pipelex plugins lock")
        return withheld
