"""The model references of the pipes in bundles: does each lead to a model, and to one for what the pipe does?

Read are the forms of all generations of the language: `model = "…"` and `model = { model = …, settings }`, and before
them `llm`, `llm_to_structure`, `ocr`, `img_gen` with `llm_handle`, `ocr_handle`, `img_gen_handle`. Nothing else of a
bundle is judged: it is another program's to run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_cli.validation.bundle_files import bundle_files
from pipelex_cli.validation.handles import gives_no
from pipelex_core.config.toml_file import read_toml
from pipelex_core.errors import ConfigError
from pipelex_core.near import nearest
from pipelex_core.settings import check_settings
from pipelex_core.specs import Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pipelex_core.capabilities import Kind
    from pipelex_core.config import ReadConfig
    from pipelex_core.deck import Resolution

PIPES: dict[str, str] = {
    "PipeLLM": "llm",
    "PipeExtract": "extract",
    "PipeOcr": "extract",
    "PipeOCR": "extract",
    "PipeImgGen": "img_gen",
}
"""The pipes that call a model, and for what."""

FIELDS: dict[str, tuple[str, ...]] = {
    "llm": ("model", "llm", "model_to_structure", "llm_to_structure", "llm_to_structure_direct"),
    "extract": ("model", "ocr", "ocr_model", "extract_model"),
    "img_gen": ("model", "img_gen"),
}
"""The keys of each that name a model."""

HANDLE_KEYS = ("model", "llm_handle", "ocr_handle", "extract_handle", "img_gen_handle", "llm", "handle")
_STRUCTURES = {"model_to_structure", "llm_to_structure", "llm_to_structure_direct"}
_NOTES = {"description", "definition"}


def check_bundles(project: Path, read: ReadConfig, reported: set[str]) -> int:
    """Check every bundle below a folder; how many there are. A model in `reported` has been reported already."""
    files = bundle_files(project)
    checking = _References(read, reported)
    for file in files:
        found = read_toml(file, read.faults, ConfigError)
        if found is not None:
            for capability, field, value, source in _references(found.tables, Source(file=str(file))):
                checking.check(capability, field, value, source)
    return len(files)


def _references(tables: Mapping[str, Any], file: Source) -> Iterator[tuple[str, str, Any, Source]]:
    """Each model reference of a bundle: for what, which key, its value, and where."""
    pipes = tables.get("pipe")
    if not isinstance(pipes, dict):
        return
    for name, pipe in pipes.items():
        if not isinstance(pipe, dict):
            continue
        written = pipe.get("type")
        kind = written if isinstance(written, str) else next((key for key in PIPES if key in pipe), "")
        capability = PIPES.get(kind)
        if capability is None:
            continue
        for field in FIELDS[capability]:
            if field in pipe:
                yield capability, field, pipe[field], file.at("pipe", name, field)


class _References:
    """Checks references against one deck."""

    def __init__(self, read: ReadConfig, reported: set[str]) -> None:
        self._read = read
        self._deck = read.loaded.deck
        self._reported = reported

    def _kind(self, capability: str) -> Kind:
        return self._deck.capabilities[capability]

    def check(self, capability: str, field: str, value: Any, source: Source) -> None:
        """Report what is wrong with one."""
        if isinstance(value, dict):
            handle = self._checked_table(capability, value, source)
            key = next((key for key in HANDLE_KEYS if key in value), None)
            source = source.child(key) if key else source
        else:
            handle = value
        if handle is None:
            return
        if not isinstance(handle, str) or not handle:
            message = f"'{source.key[-1]}' of pipe '{source.key[1]}' names no model"
            expected = "a preset, model or alias, or a table { model = …, settings }"
            self._read.faults.error(ConfigError, "bad-value", message, source, expected=expected)
            return
        resolution = self._resolved(handle, capability, source)
        if resolution is not None:
            self._check_use(resolution, handle, field, source)

    def _checked_table(self, capability: str, table: Mapping[str, Any], source: Source) -> Any:
        """The handle that an inline table names; its settings are checked. None where a fault is reported."""
        handles = [key for key in HANDLE_KEYS if key in table]
        provided = {key: value for key, value in table.items() if key not in HANDLE_KEYS and key not in _NOTES}
        for fault in check_settings(self._kind(capability), provided):
            code = "unknown-key" if fault.unknown else "bad-value"
            near = nearest(fault.name, HANDLE_KEYS) if fault.unknown and not handles else None
            mend = f"did you mean '{near or fault.suggestion}'?" if near or fault.suggestion else None
            at = source.child(fault.name)
            self._read.faults.error(ConfigError, code, fault.message, at, expected=fault.expected, suggestion=mend)
        if not handles and any(
            nearest(key, HANDLE_KEYS) for key in provided if key not in self._kind(capability).settings
        ):
            return None  # it is misspelt, and reported as a key that means nothing
        if len(handles) != 1:
            message = (
                f"'{source.key[-1]}' of pipe '{source.key[1]}' names {'no' if not handles else 'more than one'} model"
            )
            self._read.faults.error(ConfigError, "missing-key", message, source, expected='{ model = "…", settings }')
            return None
        return table[handles[0]]

    def _resolved(self, handle: str, capability: str, source: Source) -> Resolution | None:
        try:
            return self._deck.resolve(handle, capability)
        except ConfigError as error:
            code = error.problems[0].code
            message = f"pipe '{source.key[1]}': {error.problems[0].message}"
            if code == "unknown-handle" and not self._is_the_decks(handle, capability):
                self._report_unknown(handle, capability, message, source)
            elif code == "wrong-capability" and handle.removeprefix("$") not in self._deck.presets.get(capability, {}):
                self._read.faults.error(self._kind(capability).handle_error, "wrong-capability", message, source)
            return None  # what else there is, a cycle, is the deck's

    def _is_the_decks(self, handle: str, capability: str) -> bool:
        """Whether a name exists, or may exist in what could not be read, so that its fault is the deck's."""
        unknown, bare = self._read.unknown, handle.lstrip("$@")
        presets = {*self._deck.presets.get(capability, {}), *unknown.presets.get(capability, set())}
        aliases = {*self._deck.aliases, *unknown.aliases}
        named = presets if handle.startswith("$") else aliases if handle.startswith("@") else {*presets, *aliases}
        return bare in named or unknown.names_missing

    def _report_unknown(self, handle: str, capability: str, message: str, source: Source) -> None:
        bare, presets = handle.lstrip("$@~"), self._deck.presets.get(capability, {})
        names = [*presets, *self._deck.models, *self._deck.aliases]
        kind = self._kind(capability)
        error = kind.preset_error if handle.startswith("$") else kind.handle_error
        mend = f"did you mean '{bare}'?" if bare in names else None  # it is there, and no preset, or no alias
        near = None if mend else (bare, [*presets] if handle.startswith("$") else names)
        self._read.faults.error(error, "unknown-handle", message, source, suggestion=mend, near=near)

    def _check_use(self, resolution: Resolution, handle: str, field: str, source: Source) -> None:
        """Warn where no member of the chain can be called for it, or none gives objects where one is asked for."""
        specs = [member.spec for member in resolution.chain if member.spec is not None]
        capability = resolution.capability
        if specs and all(self._deck.capabilities.of_type(spec.model_type).name != capability for spec in specs):
            message = f"pipe '{source.key[1]}': every model that '{handle}' leads to is for something else"
            self._read.faults.error(self._kind(capability).handle_error, "wrong-capability", message, source)
        elif field in _STRUCTURES and gives_no(resolution, "structured", self._reported):
            message = f"pipe '{source.key[1]}': '{handle}' leads to '{specs[0].name}', which gives no objects"
            self._read.faults.warning("cannot-do", message, source)
        elif resolution.kind == "model" and resolution.chosen is None and handle not in self._reported:
            self._reported.add(handle)
            member, unknown = resolution.chain[0], self._read.unknown
            if member.spec is None and handle not in unknown.models and not unknown.routes_missing:
                message = f"pipe '{source.key[1]}': '{handle}' cannot be called: {member.entry.reason}"
                self._read.faults.warning("no-available-model", message, source)
