"""Append-only files of whole lines, written by `os.write`: what a killed process wrote is there, and at most the last line is torn.

A line is in the file (as far as the system is concerned) when `append` returns; `sync` has the disk take it. Where the file
takes no more, the lines that are still to come go into a file of their own, which the next run reads too.
"""

from __future__ import annotations

import os
import tempfile
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from pipelex_batch.settings import BatchError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_BLOCK = 1 << 16
_RESERVE = 1 << 20
"""Bytes kept on the disk for the answers under way when it is full."""


class Log:
    """A file of lines that only grows.

    Attributes:
        path: Where it is.
        failure: Why it takes no more, or None.
        rescue: Where the lines went that it did not take, or None.
        lost: Lines that nothing took.
    """

    def __init__(self, path: Path, *, guard: Callable[[int], None] | None = None, reserve: bool = False) -> None:
        """Open it, or make it; a torn last line is cut off.

        Args:
            path: Where it is.
            guard: Called with the number of the open file before anything in it is changed.
            reserve: Whether to keep room on the disk for lines that come when it is full.

        Raises:
            BatchError: It cannot be written.
        """
        self.path = path
        self.failure: OSError | None = None
        self.rescue: Path | None = None
        self.lost = 0
        self._dirty = False
        self._reserve = path.with_name(f"{path.name}.reserve") if reserve else None
        self._rescuing: int | None = None
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o666)
        except OSError as error:
            raise _unwritable(path, error) from error
        try:
            if guard is not None:
                guard(self._file)
            self._size = whole_lines(self._file)
            os.ftruncate(self._file, self._size)
            if self._reserve is not None:
                _keep(self._reserve)
        except BaseException as error:
            os.close(self._file)
            self.free()
            if isinstance(error, OSError):
                raise _unwritable(path, error) from error
            raise

    @property
    def size(self) -> int:
        """Its bytes."""
        return self._size

    def append(self, line: bytes) -> None:
        """Add a whole line; it never raises for want of room, but `failure` is set."""
        if self.failure is None:
            try:
                self.add(line)
            except OSError as error:
                self.failure = error
                self.free()
            else:
                return
        self._write_elsewhere(line)

    def add(self, line: bytes) -> None:
        """Add a whole line, or nothing.

        Raises:
            OSError: The file does not take it.
        """
        self._dirty = True
        try:
            _write(self._file, line)
        except OSError:
            os.ftruncate(self._file, self._size)
            raise
        self._size += len(line)

    def sync(self) -> None:
        """Have the disk take what was written since the last time."""
        if self._dirty:
            self._dirty = False
            _sync(self._file)
            if self._rescuing is not None:
                _sync(self._rescuing)

    def close(self) -> None:
        """Sync and close."""
        try:
            self.sync()
        finally:
            self.free()
            os.close(self._file)
            if self._rescuing is not None:
                os.close(self._rescuing)

    def free(self) -> None:
        """Give back what was kept on the disk."""
        if self._reserve is not None:
            self._reserve.unlink(missing_ok=True)

    def _write_elsewhere(self, line: bytes) -> None:
        for path in rescues(self.path):
            if self._rescuing is not None and path != self.rescue:
                continue
            try:
                if self._rescuing is None:
                    self._rescuing = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
                    self.rescue = path
                size = os.fstat(self._rescuing).st_size
                try:
                    _write(self._rescuing, line)
                except OSError:
                    os.ftruncate(self._rescuing, size)
                    raise
            except OSError:
                if self._rescuing is not None:
                    os.close(self._rescuing)
                self._rescuing = None
                continue
            return
        self.lost += 1


def rescues(path: Path) -> tuple[Path, ...]:
    """Where lines go that a file does not take: beside it, or into the system's temporary folder."""
    name = blake2b(str(path.absolute()).encode(errors="surrogateescape"), digest_size=8).hexdigest()
    return path.with_name(f"{path.name}.rescued"), Path(tempfile.gettempdir()) / f"pipelex-batch-{name}.rescued"


def take_in(log: Log) -> int:
    """Move lines that had to go elsewhere back into a file; how many there were.

    Raises:
        BatchError: It does not take them yet.
    """
    count = 0
    for path in rescues(log.path):
        if not path.is_file():
            continue
        try:
            for line in read_lines(path):
                log.add(line)
                count += 1
            log.sync()
        except OSError as error:
            msg = f"'{log.path}' has no room for what '{path}' holds, {path.stat().st_size} bytes: {error.strerror}"
            raise BatchError(msg) from error
        path.unlink()
    return count


def read_lines(path: Path) -> Iterator[bytes]:
    """The whole lines of a file, each with its line feed; a torn last one is left out."""
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield line


def whole_lines(file: int) -> int:
    """How many bytes of an open file are whole lines."""
    end = os.lseek(file, 0, os.SEEK_END)
    while end > 0:
        start = max(end - _BLOCK, 0)
        os.lseek(file, start, os.SEEK_SET)
        found = os.read(file, end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def _write(file: int, data: bytes) -> None:
    written = os.write(file, data)
    while written < len(data):
        written += os.write(file, data[written:])


def _unwritable(path: Path, error: OSError) -> BatchError:
    return BatchError(f"'{path}' cannot be written: {error.strerror}")


def _sync(file: int) -> None:
    getattr(os, "fdatasync", os.fsync)(file)


def _keep(path: Path) -> None:
    """Take room on the disk, really: a sparse file takes none."""
    with path.open("wb") as file:
        file.write(bytes(_RESERVE))
