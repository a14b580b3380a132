"""Step 3: routing_profiles.toml: every profile, and the one that is active.

Faults of the active profile stop the load; those of the others are warnings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_core.config.lack import lack_of
from pipelex_core.config.structure import checked, is_table, report_unknown, structure
from pipelex_core.config.tables import ProfileTable
from pipelex_core.config.toml_file import read_filled
from pipelex_core.config.values import exactly
from pipelex_core.errors import ModelsManagerError
from pipelex_core.routing import Route, RoutingProfile
from pipelex_core.specs import Source

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from pipelex_core.config.catalogue import Catalogue
    from pipelex_core.config.problems import Faults
    from pipelex_core.plugins import Plugins

_TOP_KEYS = ("active", "profiles")
_NAME = exactly(str, "the name of a profile")


def read_profiles(
    path: Path, catalogue: Catalogue, plugins: Plugins, faults: Faults, *, chosen: str | None
) -> tuple[dict[str, RoutingProfile], RoutingProfile | None]:
    """Every profile, and the active one; None where there is none, which is reported.

    Args:
        path: The file.
        catalogue: The backends there are, on or off.
        plugins: The plugins in use, and those that are not.
        faults: Where to report.
        chosen: The profile to use in place of the file's `active`.
    """
    read = read_filled(path, faults, ModelsManagerError)
    if read is None:
        return {}, None
    tables, file = read.tables, str(path)
    for key in tables:
        if key not in _TOP_KEYS:
            report_unknown(key, _TOP_KEYS, faults, ModelsManagerError, Source(file=file, key=(key,)))
    written = tables.get("profiles", {})
    at = Source(file=file, key=("profiles",))
    if not is_table(written, at, faults, ModelsManagerError, "tables [profiles.name]"):
        return {}, None
    active = _active(tables, file, written, faults, chosen)
    profiles: dict[str, RoutingProfile] = {}
    for name, table in written.items():
        own = faults if name == active else faults.lenient()
        profile = _profile(name, table, file, own)
        if profile is not None:
            profiles[name] = profile
            if catalogue.complete:
                _check_backends(profile, catalogue.backends, plugins, own)
    return profiles, profiles.get(active or "")


def _active(
    tables: Mapping[str, Any], file: str, written: Mapping[str, Any], faults: Faults, chosen: str | None
) -> str | None:
    name = tables.get("active") if chosen is None else chosen
    source = Source(file=file, key=("active",) if chosen is None else ())
    if name is None:
        message, expected = "no profile is active", 'active = "<profile>"'
        faults.error(ModelsManagerError, "missing-key", message, source, line=1, column=1, expected=expected)
        return None
    name = checked(_NAME, name, source, faults, ModelsManagerError)
    if name is not None and name not in written:
        message = f"there is no routing profile '{name}'"
        expected = f"one of {', '.join(written)}" if written else f"a table [profiles.{name}]"
        faults.error(ModelsManagerError, "unknown-profile", message, source, expected=expected, near=(name, written))
        return None
    return str(name) if name is not None else None


def _profile(name: str, table: Any, file: str, faults: Faults) -> RoutingProfile | None:
    source = Source(file=file, key=("profiles", name))
    of = ", not the table of a profile"
    if not is_table(table, source, faults, ModelsManagerError, f"[profiles.{name}]", of=of):
        return None
    read = structure(ProfileTable, table, faults, kind=ModelsManagerError, where=source.child)
    if read is None:
        return None
    routes = []
    for section, written in (("routes", read.routes), ("optional_routes", read.optional_routes)):
        for pattern, backend in written.items():
            at = source.child(section, pattern)
            if pattern:
                routes.append(Route(pattern, backend, section == "optional_routes", at))
            else:
                message, expected = "a route has an empty pattern", "a model's name, or a pattern"
                faults.error(ModelsManagerError, "bad-value", message, at, expected=expected, on_key=True)
    return RoutingProfile(
        name=name,
        description=read.description,
        default=read.default or None,
        routes=tuple(routes),
        fallback_order=read.fallback_order,
        source=source,
    )


def _check_backends(profile: RoutingProfile, backends: Collection[str], plugins: Plugins, faults: Faults) -> None:
    """Report every backend a profile names that there is not."""
    named = [(route.backend, f"route '{route.pattern}'", route.source) for route in profile.routes]
    if profile.default is not None:
        named.append((profile.default, "the default", profile.source.child("default")))
    for number, backend in enumerate(profile.fallback_order):
        named.append((backend, "fallback_order", profile.source.child("fallback_order", str(number))))
    for backend, what, source in named:
        if backend in backends:
            continue
        lack = lack_of(backend, plugins, has_file=False)
        if lack is not None:
            message = f"{what} of profile '{profile.name}' leads to '{backend}', which {lack.why}"
            faults.warning("plugin-missing", message, source, suggestion=lack.help)
        else:
            message = f"{what} of profile '{profile.name}' leads to '{backend}', and there is no such backend"
            expected = f"one of {', '.join(backends)}" if len(backends) <= 20 else "a backend of backends.toml"
            near = (backend, backends)
            faults.error(ModelsManagerError, "unknown-backend", message, source, expected=expected, near=near)
