"""Bringing a model's file into the cache: once, whole, and checked."""

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

from attrs import evolve
from filelock import FileLock, Timeout

from pipelex_backend_llamacpp._sources import Download, SourceError, StoppedError, sources
from pipelex_core.errors import CallError, InvalidAnswerError, ProviderConnectionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipelex_backend_llamacpp._catalogue import CatalogueModel, Progress, SourceFile

_log = logging.getLogger("pipelex_backend_llamacpp")

_WORK = ".fetch-"


class _WrongFileError(SourceError):
    """A source gave another file than the catalogue describes."""


def is_there(entry: CatalogueModel, path: Path) -> bool:
    """Whether the file is in the cache, whole; its hash was checked when it came."""
    try:
        return path.stat().st_size == entry.size
    except OSError:
        return False


def bring(
    entry: CatalogueModel,
    path: Path,
    *,
    progress: Progress | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> Path:
    """Bring a model's file to `path`, unless it is there; of several processes, one fetches and the others wait.

    Args:
        entry: What to fetch.
        path: Where to; the file appears there whole or not at all.
        progress: Told the bytes done and the bytes in all.
        stopped: Asked several times a second whether to give up.

    Raises:
        ProviderConnectionError: No source could be reached, or `stopped` is set.
        InvalidAnswerError: What came is not the file that the catalogue describes.
        CallError: The file could not be written.
    """
    if is_there(entry, path):
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path.parent / ".lock", stopped):
            if not is_there(entry, path):
                _fetch(entry, path, progress or _untold, stopped)
    except OSError as error:
        msg = f"model '{entry.name}' cannot be kept in {path.parent}: {error.strerror or error}"
        raise CallError(msg) from error
    except StoppedError:
        msg = f"fetching model '{entry.name}' was given up"
        raise ProviderConnectionError(msg) from None
    return path


def _untold(done: int, total: int | None) -> None:
    """Nobody watches."""


@contextmanager
def _locked(file: Path, stopped: Callable[[], bool]) -> Iterator[None]:
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


def _fetch(entry: CatalogueModel, path: Path, progress: Progress, stopped: Callable[[], bool]) -> None:
    for left in path.parent.glob(f"{_WORK}*"):  # by a process that was killed: we hold the lock, so nobody uses it
        shutil.rmtree(left)
    if entry.made_of:
        _make(entry, path, progress, stopped)
        return
    _log.info("fetching model '%s' (%d MB) to %s", entry.name, entry.size // 1_000_000, path)
    with tempfile.TemporaryDirectory(prefix=_WORK, dir=path.parent) as work:
        download = Download(folder=Path(work), progress=progress, stopped=stopped)
        _bring_file(entry, entry, Path(work), path, download, failed=set())
        Path(work, entry.file).replace(path)
    progress(entry.size, entry.size)


def _make(entry: CatalogueModel, path: Path, progress: Progress, stopped: Callable[[], bool]) -> None:
    """Bring what the file is made of, make it, and check its hash: it is the same wherever it is made."""
    from pipelex_backend_llamacpp._bert_gguf import make

    _log.info("fetching what model '%s' is made of, to %s", entry.name, path)
    with tempfile.TemporaryDirectory(prefix=_WORK, dir=path.parent) as work:
        folder = Path(work)
        failed: set[int] = set()
        for part in entry.made_of:
            download = Download(folder=folder, progress=progress, stopped=stopped)
            _bring_file(entry, part, folder, path, download, failed=failed)
        weights, tokenizer = (folder / part.file for part in entry.made_of)
        made = folder / entry.file
        if not make(entry.file.partition(".")[0], weights, tokenizer, made, stopped=stopped):
            raise StoppedError
        digest = hashlib.sha256(made.read_bytes()).hexdigest()
        if digest != entry.sha256:
            msg = f"model '{entry.name}' was made with the hash {digest[:12]}…, not {entry.sha256[:12]}…"
            raise InvalidAnswerError(msg)
        made.replace(path)
    progress(entry.size, entry.size)


def _bring_file(
    entry: CatalogueModel,
    file: CatalogueModel | SourceFile,
    work: Path,
    path: Path,
    download: Download,
    *,
    failed: set[int],
) -> None:
    """Bring one file into the folder `work`, whole and checked, from the first source that has it.

    Each source has a folder there; those in `failed` could not give an earlier file of the model, and are asked last.
    """
    failures: list[str] = []
    wrong = False
    for number, (name, open_file) in sorted(enumerate(sources(file)), key=lambda each: each[0] in failed):
        folder = work / f"source-{number}"
        folder.mkdir(exist_ok=True)
        try:
            with open_file(evolve(download, folder=folder)) as opened:
                _copied(file, opened, work / file.file, download.stopped)
        except SourceError as error:
            wrong = wrong or isinstance(error, _WrongFileError)
            failed.add(number)
            failures.append(f"{name}: {error}")
            _log.info("model '%s' did not come from %s", entry.name, failures[-1])
            shutil.rmtree(folder, ignore_errors=True)
            continue
        return
    reasons = "; ".join(failures) or "it has no source"
    msg = f"model '{entry.name}' could not be fetched ({reasons}); or put the file there yourself: {path}"
    raise InvalidAnswerError(msg) if wrong else ProviderConnectionError(msg)


def _copied(entry: CatalogueModel | SourceFile, file: IO[bytes], target: Path, stopped: Callable[[], bool]) -> None:
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
            msg = f"its {entry.file} cannot be unpacked: {error}"
            raise _WrongFileError(msg) from error
        out.flush()
        os.fsync(out.fileno())
    if digest.hexdigest() != entry.sha256:
        msg = f"its {entry.file} has the hash {digest.hexdigest()[:12]}…, not {entry.sha256[:12]}…"
        raise _WrongFileError(msg)
