"""The plugin lock of a project: which distributions may be loaded, for which backends, and with which variables.

A plugin that it does not know, or that is not as it was locked, is not imported. Nothing is hashed without a lock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from pipelex_core.plugins.finding import Found, normal
from pipelex_core.plugins.records import Candidate, PluginRecord, described
from pipelex_core.toml import TomlError, parse
from pipelex_lock.beside import Unidentified
from pipelex_lock.fingerprints import fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path


VERSION = 1
COMMAND = "pipelex plugins lock"


@frozen(kw_only=True)
class LockedPlugin:
    """One distribution.

    Attributes:
        version: Its version.
        record: The digest of its RECORD; None where its files were hashed instead.
        files: The digest of its files; None where its RECORD says all.
        backends: The backends it may serve.
        variables: The variables that these may be given, `secret:NAME` for one of the keyring.
    """

    version: str
    record: str | None = None
    files: str | None = None
    backends: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()


@frozen(kw_only=True)
class Lock:
    """A plugin lock.

    Attributes:
        file: Where it is.
        plugins: Distribution -> what was locked.
        fault: Why it cannot be read, so that nothing may be loaded; or None.
    """

    file: Path
    plugins: Mapping[str, LockedPlugin] = field(factory=dict)
    fault: str | None = None

    def objection(self, found: Found) -> str | None:
        """Why a plugin must not be loaded, or None."""
        if self.fault:
            return f"the plugin lock {self.file} cannot be read, so nothing is loaded: {self.fault}"
        locked = self.plugins.get(normal(found.distribution or ""))
        if locked is None:
            return f"it is not in the plugin lock {self.file}; if you trust it, run: {COMMAND}"
        if locked.version != found.version:
            return f"version {locked.version} is in the plugin lock {self.file}; if you trust this one, run: {COMMAND}"
        reason = _difference(locked, found)
        return f"it is not what is in the plugin lock {self.file}: {reason}" if reason else None

    def missing(self, found: Iterable[Found]) -> Iterator[Candidate]:
        """What is locked and not installed."""
        there = {normal(each.distribution) for each in found if each.distribution}
        for name, locked in self.plugins.items():
            if name not in there:
                record = PluginRecord(name=name, distribution=name, version=locked.version)
                reason = f"it is in the plugin lock {self.file}, and not installed"
                yield Candidate(record=record).out_of_use("missing", reason)

    def may_serve(self, distribution: str | None, backend: str) -> bool:
        """Whether a plugin may serve a backend; one that was passed as an object may serve all."""
        locked = self.plugins.get(normal(distribution)) if distribution else None
        return distribution is None or (locked is not None and backend in locked.backends)

    def variables(self, backend: str) -> frozenset[str] | None:
        """The variables that every plugin which may serve a backend may be given; None where none may serve it."""
        allowed = [frozenset(locked.variables) for locked in self.plugins.values() if backend in locked.backends]
        return frozenset.intersection(*allowed) if allowed else None


def _difference(locked: LockedPlugin, found: Found) -> str | None:
    """What is wrong with the files of a distribution of the right version, or None."""
    try:
        print_ = fingerprint(found.point)
    except Unidentified as reason:
        return str(reason)
    except Exception as error:  # noqa: BLE001 -- what cannot be identified is not loaded
        return described(error)
    if getattr(locked, print_.kind) != print_.digest:
        return f"its files are others; if you trust them, run: {COMMAND}"
    return None


def read_lock(file: Path) -> Lock | None:
    """A project's lock; None where there is none. One that cannot be read lets nothing through."""
    try:
        return Lock(file=file, plugins=_plugins(parse(file.read_bytes()).tables))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TomlError) as error:
        return Lock(file=file, fault=str(error))


def _plugins(document: dict[str, Any]) -> dict[str, LockedPlugin]:
    if document.get("version") != VERSION:
        raise ValueError(f"its version is {document.get('version')!r}, not {VERSION}")
    tables = document.get("plugins", {})
    if not isinstance(tables, dict):
        raise ValueError("'plugins' is not a table")  # noqa: TRY004 -- a fault of the file, as every other
    return {normal(name): _locked(name, table) for name, table in tables.items()}


def _locked(name: str, table: Any) -> LockedPlugin:
    allowed = {"version": str, "record": str, "files": str, "backends": list, "variables": list}
    good = (
        isinstance(table, dict)
        and all(isinstance(value, allowed.get(key, ())) for key, value in table.items())
        and "version" in table
        and ("record" in table) != ("files" in table)
        and all(isinstance(item, str) for key in ("backends", "variables") for item in table.get(key, ()))
    )
    if not good:
        raise ValueError(f"the table of '{name}' is not one that '{COMMAND}' writes")
    fields: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    return LockedPlugin(**fields)
