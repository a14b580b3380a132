"""Step 1: backends.toml, and the backends that plugins bring along, with variables filled in.

An explicit table wins over a plugin's defaults key by key. A backend that only a plugin declares comes after those of
the file, and is on where all its variables have values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, fields_dict, frozen

from pipelex_core.config.problems import Faults, listed
from pipelex_core.config.structure import is_table, structure
from pipelex_core.config.tables import BackendTable
from pipelex_core.errors import ModelsManagerError
from pipelex_core.hiding import WHOLE_WORDS_BELOW
from pipelex_core.sparse import made
from pipelex_core.specs import Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pipelex_core.config.context import Context
    from pipelex_core.config.shipped import ShippedFile

NEWER_BACKEND_KEYS: dict[str, str] = {
    "model_specs_section": "models come from the files in backends/, not from a service",
    "valued_constraints": "write the constraints of each model in its spec",
}
"""Keys that newer releases of the format use in backends.toml, and why each is left out."""

_FAULTY = "has a fault in its table"
_COMMON = {*fields_dict(BackendTable), *NEWER_BACKEND_KEYS}
_FILLED = ("endpoint", "api_key", "display_name", "sdk")
"""The keys of `BackendTable` in which variables are filled in."""


@frozen(kw_only=True, eq=False, repr=False, slots=False)
class BackendDraft:
    """A backend on its way: its table is read, but the plugins of its models have not been asked about its options.

    Attributes:
        name: Its name.
        table: The keys every backend has, variables filled in where it is on.
        options: The other keys, likewise.
        sources: Where each key was written.
        source: Where its table was written.
        explicit: Whether backends.toml has a table for it.
        api_key_variable: The variable its key came from.
        hidden: What variables gave to its tables, such as `headers`, and to its address beside the host and path.
        off: Why its models cannot be used, as it follows its name in a sentence; None where it is on.
        help: What would turn it on, or None.
        reported: Whether a problem says why it is off, so that nothing that follows from it is one more.
        missing: The variables it needs that have no value.
    """

    name: str
    table: BackendTable
    options: Mapping[str, Any] = field(factory=dict)
    sources: Mapping[str, Source] = field(factory=dict)
    source: Source
    explicit: bool = True
    api_key_variable: str | None = None
    hidden: tuple[str, ...] = ()
    off: str | None = None
    help: str | None = None
    reported: bool = False
    missing: tuple[str, ...] = ()

    def where(self, key: str) -> Source:
        """Where one of its keys was written; its table for a key that was not."""
        return self.sources.get(key, self.source)

    def where_needed(self, key: str) -> Source:
        """Where a project needs the variables of one of its keys: the table, where the plugin has the key."""
        written = self.where(key)
        return written if written.file or not self.explicit else self.source

    def turned_off(self, why: str, help: str | None = None, *, reported: bool = False) -> BackendDraft:
        """The same backend, off."""
        return made(BackendDraft, {**vars(self), "off": why, "help": help, "reported": reported})


def read_backends(
    tables: Mapping[str, Any],
    file: str,
    shipped: Mapping[str, list[ShippedFile]],
    context: Context,
) -> dict[str, BackendDraft]:
    """Every backend: those of the file in its order, then those that only plugins declare."""
    drafts: dict[str, BackendDraft] = {}
    missing: dict[str, list[Source]] = {}
    for name, table in tables.items():
        source = Source(file=file, key=(name,))
        of = ", not the table of a backend"
        if not is_table(table, source, context.faults, ModelsManagerError, f"[{name}]", of=of):
            drafts[name] = BackendDraft(name=name, table=BackendTable(), source=source, off=_FAULTY, reported=True)
            continue
        drafts[name] = _draft(name, table, source, shipped.get(name, ()), context, missing=missing)
    for name, files in shipped.items():
        if name not in drafts and any(file.declares for file in files):
            drafts[name] = _draft(name, None, files[0].source.at("backend"), files, context.lenient(), missing={})
    _report_missing(missing, context)
    return drafts


def _draft(
    name: str,
    table: dict[str, Any] | None,
    source: Source,
    shipped: Iterable[ShippedFile],
    context: Context,
    *,
    missing: dict[str, list[Source]],
) -> BackendDraft:
    """A backend of the file, or without a table one that only plugins declare: missing variables turn that off."""
    merged = dict(table or {})
    sources = {key: source.child(key) for key in merged}
    replaced = {option.replaces for option in context.plugins.options if merged.get(option.name)}
    faults = context.faults.lenient() if merged.get("enabled") is False else context.faults
    for key, (value, origin) in defaults_of(shipped).items():
        if key not in merged and key not in replaced and (table is None or key != "enabled"):
            merged[key], sources[key] = value, origin
    draft = _structured(name, merged, sources, source, faults, explicit=table is not None)
    return draft if draft.off is not None else _filled(draft, context, missing)


def defaults_of(shipped: Iterable[ShippedFile]) -> dict[str, tuple[Any, Source]]:
    """The keys of a backend's table that plugins ship, and where; the first plugin wins."""
    found: dict[str, tuple[Any, Source]] = {}
    for file in shipped:
        for key, value in file.defaults.items():
            found.setdefault(key, (value, file.source.at("backend", key)))
    return found


def _structured(
    name: str, merged: dict[str, Any], sources: dict[str, Source], source: Source, faults: Faults, *, explicit: bool
) -> BackendDraft:
    common = {key: merged.pop(key) for key in [*merged] if key in _COMMON}
    literal = common.get("api_key")
    if isinstance(literal, str) and "${" not in literal:
        faults.hide(literal)
    kind, later = ModelsManagerError, NEWER_BACKEND_KEYS
    table = structure(BackendTable, common, faults, kind=kind, where=lambda key: sources.get(key, source), later=later)
    off, on = _FAULTY if table is None else None, f"set enabled = true for '{name}' in backends.toml"
    if table is not None and not table.enabled:
        off = f"is disabled in {'backends.toml' if explicit else f'its plugin ({source})'}"
    return BackendDraft(
        name=name,
        table=table or BackendTable(enabled=False),
        options=merged,
        sources=sources,
        source=source,
        explicit=explicit,
        off=off,
        reported=table is None,
        help=None if table is None else on if explicit else f"write [{name}] in backends.toml",
    )


def _filled(draft: BackendDraft, context: Context, missing: dict[str, list[Source]]) -> BackendDraft:
    """The backend with its variables filled in; off where one is missing."""
    table = {**{key: getattr(draft.table, key) for key in _FILLED}, **draft.options}
    filled = context.fill_table(table, draft.name, draft.where_needed)
    values = filled.values
    for name, source in filled.missing:
        missing.setdefault(name, []).append(source)
    for key in filled.used.keys() - {"display_name", "sdk"}:
        if isinstance(values[key], str) and (key == "api_key" or len(values[key]) >= WHOLE_WORDS_BELOW):
            context.faults.hide(values[key])
    missed = tuple(dict.fromkeys(name for name, _ in filled.missing))
    changes = {
        "table": BackendTable(**{**vars(draft.table), **{key: values.pop(key) or None for key in _FILLED}}),
        "options": values,
        "api_key_variable": next(iter(filled.used.get("api_key", ())), None),
        "hidden": tuple(filled.hidden),
        "missing": missed,
    }
    filled_draft = made(BackendDraft, {**vars(draft), **changes})
    if filled.withheld:
        why = f"needs {', '.join(dict.fromkeys(filled.withheld))}, which the plugin lock does not let it have"
        return filled_draft.turned_off(why, "run: pipelex plugins lock", reported=draft.explicit)
    if missed:
        names = ", ".join(missed)
        verb = "is" if len(missed) == 1 else "are"
        return filled_draft.turned_off(f"needs {names}, which {verb} not set", f"set {names}", reported=draft.explicit)
    return filled_draft


def _report_missing(missing: Mapping[str, list[Source]], context: Context) -> None:
    """One problem a variable, at the first place that needs it."""
    looked_in = context.environment.looked_in
    for name, places in missing.items():
        backends = list(dict.fromkeys(place.key[0] for place in places))
        noun, verb = ("backend", "needs") if len(backends) == 1 else ("backends", "need")
        message = f"{name} is not set or empty ({looked_in}), and {noun} {listed(backends)} {verb} it"
        mend = f"set {name}, or set enabled = false for {listed(backends)}"
        context.report_lack("missing-variable", message, places[0], mend)
