"""Bringing a model's files into the cache: once, whole, and checked."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import tempfile
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from attrs import evolve, frozen
from filelock import FileLock, Timeout

from pipelex_core.errors import CallError, InvalidAnswerError, ProviderConnectionError
from pipelex_local._files import are_there
from pipelex_local._sources import Download, SourceError, StoppedError, sources

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipelex_local._files import Make, Progress, SourceFile, Stopped

_log = logging.getLogger("pipelex_local")

_WORK = ".fetch-"


class _WrongFileError(SourceError):
    """A source gave another file than the one described."""


@frozen(kw_only=True)
class Wanted:
    """A model's files and where they are to be; see the arguments of `bring`."""

    name: str
    files: Sequence[SourceFile]
    folder: Path
    made_of: Sequence[SourceFile] = ()
    make: Make | None = None


def fetch(wanted: Wanted, progress: Progress | None, stopped: Stopped) -> None:
    """Bring the files into the folder; errors are those of `bring`."""
    folder = wanted.folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder / ".lock", stopped):
            if not are_there(wanted.files, folder):
                _fetch(wanted, progress or _untold, stopped)
    except OSError as error:
        msg = f"model '{wanted.name}' cannot be kept in {folder}: {error.strerror or error}"
        raise CallError(msg) from error
    except StoppedError:
        msg = f"fetching model '{wanted.name}' was given up"
        raise ProviderConnectionError(msg) from None


def _untold(done: int, total: int | None) -> None:
    """Nobody watches."""


@contextmanager
def _locked(file: Path, stopped: Stopped) -> Iterator[None]:
    """Hold a lock file, which a process that ends lets go of."""
    lock = FileLock(file, thread_local=False)
    while True:
        try:
            lock.acquire(timeout=0.2)
            break
        except Timeout:
            if stopped():
                raise StoppedError from None
    try:
        yield
    finally:
        lock.release()


def _fetch(wanted: Wanted, progress: Progress, stopped: Stopped) -> None:
    folder, files = wanted.folder, wanted.files
    for remains in folder.glob(f"{_WORK}*"):  # of a process that was killed: we hold the lock, so nobody uses it
        shutil.rmtree(remains)
    size = sum(file.size for file in files)
    _log.info("fetching model '%s' (%d MB) to %s", wanted.name, size // 1_000_000, folder)
    with tempfile.TemporaryDirectory(prefix=_WORK, dir=folder) as work:
        download = Download(folder=Path(work), progress=progress, stopped=stopped)
        failed: set[int] = set()
        for file in wanted.made_of or files:
            _bring_file(wanted.name, file, folder / files[0].file, download, failed=failed)
        if wanted.make is not None:
            _make(wanted.name, files[0], Path(work), wanted.make, stopped)
        for file in reversed(files):  # the weights last: they say that the others are there
            Path(work, file.file).replace(folder / file.file)
    progress(size, size)


def _make(name: str, file: SourceFile, work: Path, make: Make, stopped: Stopped) -> None:
    """Make the file, and check its hash: it is the same wherever it is made."""
    if not make(work, stopped):
        raise StoppedError
    digest = hashlib.sha256((work / file.file).read_bytes()).hexdigest()
    if digest != file.sha256:
        msg = f"model '{name}' was made with the hash {digest[:12]}…, not {file.sha256[:12]}…"
        raise InvalidAnswerError(msg)


def _bring_file(name: str, file: SourceFile, place: Path, download: Download, *, failed: set[int]) -> None:
    """Bring one file into the folder of the download, whole and checked, from the first source that has it.

    Each source has a folder there; those in `failed` could not give an earlier file of the model, and are asked last.
    """
    failures: list[str] = []
    wrong = False
    for number, (source, open_file) in sorted(enumerate(sources(file)), key=lambda each: each[0] in failed):
        folder = download.folder / f"source-{number}"
        folder.mkdir(exist_ok=True)
        try:
            with open_file(evolve(download, folder=folder)) as opened:
                _copied(file, opened, download.folder / file.file, download.stopped)
        except SourceError as error:
            wrong = wrong or isinstance(error, _WrongFileError)
            failed.add(number)
            failures.append(f"{source}: {error}")
            _log.info("model '%s' did not come from %s", name, failures[-1])
            shutil.rmtree(folder, ignore_errors=True)
            continue
        return
    reasons = "; ".join(failures) or "it has no source"
    msg = f"model '{name}' could not be fetched ({reasons}); or put the file there yourself: {place}"
    raise InvalidAnswerError(msg) if wrong else ProviderConnectionError(msg)


def _copied(described: SourceFile, file: IO[bytes], target: Path, stopped: Stopped) -> None:
    """Write the file to `target` and to the disk, its hash checked on the way."""
    digest = hashlib.sha256()
    with target.open("wb") as out:
        try:
            while block := file.read(1 << 20):
                if stopped():
                    raise StoppedError
                digest.update(block)
                out.write(block)
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            msg = f"its {described.file} cannot be unpacked: {error}"
            raise _WrongFileError(msg) from error
        out.flush()
        os.fsync(out.fileno())
    if digest.hexdigest() != described.sha256:
        msg = f"its {described.file} has the hash {digest.hexdigest()[:12]}…, not {described.sha256[:12]}…"
        raise _WrongFileError(msg)
