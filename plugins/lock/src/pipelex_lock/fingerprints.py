"""What identifies the files of an installed distribution: its RECORD, or where that says little, the files themselves.

Read and hashed, never imported. Python's own caches (`__pycache__`) are not hashed: they are made on each machine.
"""

from __future__ import annotations

import csv
import hashlib
from base64 import urlsafe_b64encode
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from attrs import frozen

from pipelex_lock.beside import Unidentified, check_caches, check_nothing_beside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.metadata import Distribution, EntryPoint

_OF_THE_INSTALLER = {"INSTALLER", "REQUESTED", "RECORD", "direct_url.json", "uv_cache.json", "uv_build.json"}


@frozen
class Fingerprint:
    """What identifies a distribution.

    Attributes:
        kind: `record`: the files are those of its RECORD, each as it says. `files`: its RECORD says little, as that of an
            editable install does, and the files of the module's package were hashed.
        digest: `sha256:` and a number.
    """

    kind: Literal["record", "files"]
    digest: str


def fingerprint(point: EntryPoint) -> Fingerprint:
    """What identifies the distribution of an entry point, as it would be imported now.

    Raises:
        Unidentified: It has no distribution, no module, or files that are not those of its RECORD.
    """
    distribution = point.dist
    if distribution is None:
        raise Unidentified("it is of no distribution")
    modules = list(_modules(point))
    rows = _record(distribution)
    listed = {Path(str(distribution.locate_file(row[0]))).resolve() for row in rows}
    own = [Path(module.origin).resolve() for module in modules if module.origin and module.has_location]
    if rows and own and listed.issuperset(own):
        _check_files(distribution, rows)
        check_nothing_beside(listed)
        return Fingerprint("record", _sha256(*(f"{','.join(row)}\n".encode() for row in rows)))
    return Fingerprint("files", _digest_of_files(distribution, modules))


def _modules(point: EntryPoint) -> Iterator[ModuleSpec]:
    """Every package on the way to the module of an entry point, and itself; found, but not imported."""
    name, _, rest = point.module.partition(".")
    spec = find_spec(name)
    while spec is not None:
        yield spec
        if not rest:
            return
        part, _, rest = rest.partition(".")
        name = f"{name}.{part}"
        spec = PathFinder.find_spec(name, spec.submodule_search_locations or ())
    raise Unidentified(f"its module '{point.module}' cannot be found")


def _record(distribution: Distribution) -> list[tuple[str, str, str]]:
    """The rows of RECORD that every installer writes alike: path, hash and size of what was in the wheel."""
    rows = []
    for row in csv.reader(StringIO(distribution.read_text("RECORD") or "", newline="")):
        path, digest, size = (*row, "", "")[:3] if row else ("", "", "")
        folder, _, name = path.rpartition("/")
        made_here = folder.endswith(".dist-info") and name in _OF_THE_INSTALLER
        if digest and not made_here and not path.startswith(("/", "..")) and not path.endswith(".pyc"):
            rows.append((path, digest, size))
    return sorted(rows)


def _check_files(distribution: Distribution, rows: list[tuple[str, str, str]]) -> None:
    for path, digest, _ in rows:
        algorithm, _, expected = digest.partition("=")
        try:
            data = Path(str(distribution.locate_file(path))).read_bytes()
        except OSError as error:
            raise Unidentified(f"its file {path} cannot be read: {error.strerror}") from None
        found = urlsafe_b64encode(hashlib.new(algorithm, data, usedforsecurity=True).digest()).rstrip(b"=").decode()
        if found != expected.rstrip("="):
            raise Unidentified(f"its file {path} was changed after it was installed")


def _digest_of_files(distribution: Distribution, modules: list[ModuleSpec]) -> str:
    """The files of the outermost package on the way, with the metadata that say what is loaded."""
    outermost = next((module for module in modules if module.origin and module.has_location), None)
    if outermost is None or outermost.origin is None:
        raise Unidentified("its module has no file")
    origin = Path(outermost.origin)
    root = origin.parent
    files = [origin]
    if outermost.submodule_search_locations is not None:
        files = sorted(file for file in root.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
        check_caches(root)
    lines = [f"{file.relative_to(root).as_posix()} {_sha256(file.read_bytes())}\n".encode() for file in files]
    metadata = [(distribution.read_text(name) or "").encode() for name in ("entry_points.txt", "METADATA", "PKG-INFO")]
    return _sha256(*lines, *(_sha256(text).encode() for text in metadata))


def _sha256(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return f"sha256:{digest.hexdigest()}"
