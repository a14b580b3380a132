"""The file of a catalogue, a wheel of `pipelex-catalogue` or a ZIP of the same form: read whole, and nothing of it executed.

It holds `pipelex_catalogue/catalogue.toml` with its form and its date, and a file of models for each backend in
`pipelex_catalogue/models/`, in the form of `.pipelex/inference/backends/<backend>.toml`.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from datetime import date
from decimal import Decimal
from functools import partial
from hashlib import sha256
from io import BytesIO
from typing import TYPE_CHECKING, Any

from attrs import field, fields_dict, frozen

from pipelex_core.config.problems import Faults
from pipelex_core.config.spec_files import SpecFile, read_spec_file
from pipelex_core.config.structure import READERS, structured_values
from pipelex_core.config.tables import SpecTable
from pipelex_core.errors import ModelsManagerError, PipelexError
from pipelex_core.specs import Source
from pipelex_core.toml import TomlError, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FORM = 1
"""The form of a catalogue that is read here."""

_HEAD = "pipelex_catalogue/catalogue.toml"
_MODELS = re.compile(r"pipelex_catalogue/models/([A-Za-z0-9_-]{1,80})\.toml")
_SPEC_KEYS = frozenset(fields_dict(SpecTable))
_LARGEST = 20_000_000
_LARGEST_MEMBER = 4_000_000
_MOST_MEMBERS = 500


@frozen(kw_only=True)
class CatalogueFile:
    """A catalogue as its file has it.

    Attributes:
        day: The day on which it was true.
        digest: SHA-256 of the file, in hexadecimal digits.
        backends: Backend -> its models.
    """

    day: date
    digest: str
    backends: Mapping[str, SpecFile] = field(repr=False)


def digest_of(data: bytes) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    return sha256(data).hexdigest()


def read_archive(data: bytes) -> CatalogueFile:
    """Read the bytes of a catalogue's file.

    Raises:
        PipelexError: It is damaged, of another form, or too large; or a model in it could not be one.
    """
    if len(data) > _LARGEST:
        msg = f"the file of the catalogue is larger than {_LARGEST // 1_000_000} MB"
        raise PipelexError(msg)
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            members = dict(_members(archive))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError) as error:
        msg = f"the file of the catalogue is damaged: {error}"
        raise PipelexError(msg) from error
    if _HEAD not in members:
        msg = f"the file is not a catalogue of models: it has no {_HEAD}"
        raise PipelexError(msg)
    head = _parsed(_HEAD, members.pop(_HEAD))
    form, day = head.get("form"), head.get("date")
    if form != FORM:
        msg = f"the catalogue is of form {form!r}, and this version reads form {FORM}: update pipelex-cli"
        raise PipelexError(msg)
    if type(day) is not date:
        msg = f"the catalogue has no date in {_HEAD}, such as date = 2026-12-01"
        raise PipelexError(msg)
    backends = {
        name: _spec_file(name, _parsed(file, text)) for file, text in members.items() for name in _backend(file)
    }
    if not backends:
        msg = "the catalogue has no models"
        raise PipelexError(msg)
    return CatalogueFile(day=day, digest=digest_of(data), backends=backends)


def _members(archive: zipfile.ZipFile) -> Iterator[tuple[str, bytes]]:
    """The files that matter, unpacked in memory; a wheel has others."""
    infos = [info for info in archive.infolist() if info.filename == _HEAD or _MODELS.fullmatch(info.filename)]
    if len(infos) > _MOST_MEMBERS or len({info.filename for info in infos}) < len(infos):
        msg = "it has too many files, or one of them twice"
        raise ValueError(msg)
    for info in infos:
        with archive.open(info) as member:
            text = member.read(_LARGEST_MEMBER + 1)
        if len(text) > _LARGEST_MEMBER:
            msg = f"{info.filename} is larger than {_LARGEST_MEMBER // 1_000_000} MB"
            raise ValueError(msg)
        yield info.filename, text


def _backend(file: str) -> Iterator[str]:
    match = _MODELS.fullmatch(file)
    if match is not None:
        yield match[1]


def _parsed(file: str, text: bytes) -> Mapping[str, Any]:
    try:
        return parse(text, parse_float=Decimal).tables
    except TomlError as error:
        msg = f"the file of the catalogue is damaged: {file} {error.message}"
        raise PipelexError(msg) from error


def _spec_file(backend: str, tables: Mapping[str, Any]) -> SpecFile:
    if "${" in str(tables):
        msg = f"the catalogue names a variable in models/{backend}.toml: only a project may do so"
        raise PipelexError(msg)
    faults, source = Faults(), Source(file=f"models/{backend}.toml")
    file = read_spec_file(tables, source, faults, has_variables=False)
    for name, table in file.models.items():
        known = {key: value for key, value in table.items() if key in _SPEC_KEYS}
        structured_values(
            READERS[SpecTable], known, faults, kind=ModelsManagerError, where=partial(file.at_model, name)
        )
    if faults.stop:
        msg = f"the file of the catalogue is damaged: models/{backend}.toml: {faults.errors[0].message}"
        raise PipelexError(msg)
    return file
