"""Steps 1 and 2: every backend there is, with its models."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from attrs import evolve, field, frozen

from pipelex_core.config.backends import BackendDraft, read_backends
from pipelex_core.config.finish import ReadBackend, read_backend
from pipelex_core.config.lack import Lack, lack_of
from pipelex_core.config.shipped import FOLDER, read_shipped, with_newer
from pipelex_core.config.spec_files import read_spec_path
from pipelex_core.config.structure import checked
from pipelex_core.config.tables import BackendTable
from pipelex_core.config.toml_file import read_filled
from pipelex_core.config.values import exactly
from pipelex_core.errors import ModelsManagerError, PluginError
from pipelex_core.first_party import LIMITER, brought
from pipelex_core.specs import Secret, Source

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from pipelex_core.config.context import Context


LIMITS_URL = "limits_url"
"""The one key of backends.toml outside its tables."""

_GROUP = "pipelex_core.limits_url"
_EXPECTED = "an address such as redis://localhost:6379/0"
_ADDRESS = exactly(str, _EXPECTED)


@frozen(eq=False, repr=False)
class Catalogue:
    """Backends and models.

    Attributes:
        backends: Name -> backend, those of backends.toml first, in its order.
        complete: False where a file could not be read, so that a name may be missing.
        lost: Backend -> why it has no models, for those whose plugin is not in use any more.
        limits_url: Where processes share their limits, or None.
    """

    backends: Mapping[str, ReadBackend]
    complete: bool
    lost: Mapping[str, Lack] = field(factory=dict)
    limits_url: Secret | None = None


def read_catalogue(context: Context) -> Catalogue:
    """Read backends.toml and the files of models, those of plugins included."""
    file = context.folder / "backends.toml"
    read = None if context.bare else read_filled(file, context.faults, ModelsManagerError)
    complete = context.bare or read is not None
    shipped = read_shipped(context.plugins, context.faults)
    tables = read.tables if read else {}
    limits_url = read_limits_url(tables, str(file), context)
    tables = {name: table for name, table in tables.items() if name != LIMITS_URL or isinstance(table, dict)}
    drafts = read_backends(tables, str(file), shipped, context)
    own_files, newer = own_files_of(context.folder / "backends"), own_files_of(context.folder / FOLDER)
    for name, path in own_files.items():
        if name not in drafts:
            drafts[name] = _orphan(name, path, drafts if complete else None, context)
    backends: dict[str, ReadBackend] = {}
    lost: dict[str, Lack] = {}
    for name, draft in drafts.items():
        own = context if draft.off is None or (draft.reported and context.strict) else context.lenient()
        is_read = draft.off is None or (draft.reported and bool(draft.sources))
        from_plugins = [
            file.spec_file(own.faults) if is_read else file.outline(own.faults) for file in shipped.get(name, ())
        ]
        from_plugins = with_newer(from_plugins, newer.get(name), own.faults)
        backend, own_file = draft, own_files.get(name)
        written = None if own_file is None else read_spec_path(own_file, Source(file=str(own_file)), own.faults)
        files = [*filter(None, [written]), *from_plugins]
        if own_file is not None and written is None:
            files, complete = [], False
        elif not any(file.models for file in files) and name in tables:
            lack = lack_of(name, context.plugins, has_file=name in own_files)
            if lack is not None:
                backend, lost[name] = _without_models(draft, lack, own)
            elif draft.off is None:
                _report_no_models(draft, own)
                complete = complete and not context.strict  # its models are names that are missing
        backends[name] = read_backend(backend, files, own)
    return Catalogue(backends, complete, lost, limits_url)


def own_files_of(folder: Path) -> dict[str, Path]:
    """Backend -> the file of its models in a folder of the project; names come from the folder, never from a table."""
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208 -- names, which sort faster than paths
    except OSError:
        return {}
    return {name[:-5]: folder / name for name in names if name.endswith(".toml") and not name.startswith(".")}


def _orphan(name: str, file: Path, backends: Collection[str] | None, context: Context) -> BackendDraft:
    """A file of models whose backend no table declares: its names are known, and that is all."""
    source = Source(file=str(file))
    if backends is not None:
        message = f"the models of {file.name} cannot be used: there is no backend '{name}' in backends.toml"
        context.faults.warning("orphan-file", message, source, near=(name, backends))
    return BackendDraft(
        name=name,
        table=BackendTable(enabled=False),
        source=source,
        explicit=False,
        off="has no table in backends.toml",
        help=f"write a table [{name}] in backends.toml",
    )


def _without_models(draft: BackendDraft, lack: Lack, context: Context) -> tuple[BackendDraft, Lack]:
    """A backend whose plugin is not in use any more: off, with a warning where it was on."""
    if draft.off is not None:
        return draft, evolve(lack, why=f"{draft.off}, and {lack.why}")
    message = f"backend '{draft.name}' {lack.why}"
    context.faults.warning("plugin-missing", message, draft.source, suggestion=lack.help, on_key=True)
    return draft.turned_off(lack.why, lack.help, reported=True), lack


def _report_no_models(draft: BackendDraft, context: Context) -> None:
    message = (
        f"backend '{draft.name}' has no models: there is no file backends/{draft.name}.toml, "
        "and no installed plugin ships any for it"
    )
    mend = f"write backends/{draft.name}.toml, install its plugin, or set enabled = false"
    context.report_lack("missing-file", message, draft.source, mend)


def read_limits_url(tables: Mapping[str, Any], file: str, context: Context) -> Secret | None:
    """The address where limits are shared, password included; None where the key is missing or has a fault."""
    value = tables.get(LIMITS_URL)
    if value is None or isinstance(value, dict):  # the table of a backend of that name
        return None
    source, faults = Source(file=file, key=(LIMITS_URL,)), context.faults
    if checked(_ADDRESS, value, source, faults, ModelsManagerError) is None:
        return None
    filled = context.fill(value, source)
    for name in filled.missing:
        message = f"{name} is not set or empty, and '{LIMITS_URL}' needs it"
        context.report_lack("missing-variable", message, source, f"set {name}, or remove '{LIMITS_URL}'")
    if filled.faults or filled.missing:
        return None
    url = str(filled.value)
    faults.hide(url)
    try:
        parts = urlsplit(url)
        password, _ = parts.password, parts.port
    except ValueError:  # a port that is not a number, brackets that are not closed
        message = f"'{LIMITS_URL}' is not an address"
        faults.error(ModelsManagerError, "bad-value", message, source, expected=_EXPECTED)
        return None
    if password:
        faults.hide(password)
        faults.hide(unquote(password))
    secret = Secret(url)
    try:
        brought(_GROUP, LIMITER, "what keeps limits is not installed")(context.plugins, secret)
    except PluginError as error:
        message, _, mend = f"'{LIMITS_URL}' cannot be used: {error}".partition("; ")
        faults.error(ModelsManagerError, "bad-value", message, source, expected=_EXPECTED, suggestion=mend or None)
        return None
    return secret
