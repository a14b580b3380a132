"""The journal of a run, beside its output: what it is to do, which rows were begun, and what happened.

It is a file of lines. An array is a row: `[12,"9f…"]` was begun and holds what has this digest, `[12,"9f…",1]` is in a batch
at a provider, `[-12]` was not sent after all. An object is an event, the first of them with the settings. The outcomes are in the file of rows: the output itself
where that is JSONL, else a file beside it.
"""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from pipelex_batch.logs import Log, read_lines, take_in
from pipelex_batch.settings import BatchError, BatchSettings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FORMAT = 1


def journal_of(output: Path) -> Path:
    """Where the journal of an output is."""
    return output.with_name(f"{output.name}.journal")


def rows_of(output: Path) -> Path:
    """Where the outcomes of a run are: the output, or a file beside it."""
    if output.suffix.lower() in {".jsonl", ".ndjson"}:
        return output
    return output.with_name(f"{output.name}.rows.jsonl")


def sizes_of(output: Path) -> list[int]:
    """The bytes of the journal and of the outcomes."""
    return [path.stat().st_size if path.is_file() else 0 for path in (journal_of(output), rows_of(output))]


def read_settings(output: Path) -> BatchSettings:
    """What the run of an output was to do.

    Raises:
        BatchError: No run has written it, or a later version has.
    """
    path = journal_of(output)
    if not path.is_file():
        msg = f"there is no run of '{output}': its journal '{path}' does not exist"
        raise BatchError(msg)
    first = next(read_lines(path), b"")
    try:
        header = msgspec.json.decode(first)
        if header["pipelex_batch"] != FORMAT:
            msg = f"'{path}' was written by another version of pipelex-batch (format {header['pipelex_batch']})"
            raise BatchError(msg)
        return BatchSettings.from_dict(header["settings"])
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        msg = f"'{path}' is not the journal of a run"
        raise BatchError(msg) from error


class Journal:
    """The open journal of a run, which only one process has at a time, and the file of its outcomes.

    Attributes:
        rows: The file of outcomes.
        rescued: Outcomes that an earlier run had to keep elsewhere, and that are in it again.
        is_new: Whether no run has written it before.
    """

    def __init__(self, settings: BatchSettings) -> None:
        """Open them, or make them.

        Raises:
            BatchError: Another process has them open, they cannot be written, or the output exists and is not a run's.
        """
        output = settings.path
        path, rows = journal_of(output), rows_of(output)
        fresh = not path.exists()
        if fresh:
            _refuse_others(output, rows)
        if not output.parent.is_dir():
            msg = f"there is no folder '{output.parent}'"
            raise BatchError(msg)
        self._log = Log(path, guard=partial(_lock, path))
        try:
            self.is_new = self._log.size == 0
            if self.is_new:
                header = {"pipelex_batch": FORMAT, "settings": settings.to_dict()}
                self._log.append(msgspec.json.encode(header) + b"\n")
            self.rows = Log(rows, reserve=True)
            take_in(self._log)
            self.rescued = take_in(self.rows)
            if fresh:
                _sync_folder(output.parent)
            self.sync()
        except BaseException:
            self._log.close()
            raise

    @property
    def failure(self) -> OSError | None:
        """Why one of the files takes no more, or None."""
        return self.rows.failure or self._log.failure

    def begin(self, number: int, digest: int) -> None:
        """Write down that the call of a row is about to be sent."""
        self._log.append(b'[%d,"%x"]\n' % (number, digest))

    def put(self, number: int, digest: int) -> None:
        """Write down what a row holds that goes into a batch."""
        self._log.append(b'[%d,"%x",1]\n' % (number, digest))

    def unsent(self, number: int) -> None:
        """Write down that it was not sent after all."""
        self._log.append(b"[-%d]\n" % number)

    def event(self, name: str, **facts: Any) -> dict[str, Any]:
        """Write down what happened, and return it as it is written; it is on the disk then.

        Raises:
            BatchError: The journal cannot be written.
        """
        at = datetime.now(UTC).isoformat(timespec="seconds")
        event = {"event": name, "at": at, **facts}
        self._log.append(msgspec.json.encode(event) + b"\n")
        self._log.sync()
        return event

    def start(self, in_flight: Iterable[int], models: list[str]) -> None:
        """Write down who runs, which rows were under way when an earlier process ended, and which models answer."""
        rows = list(in_flight)
        self.event("started", pid=os.getpid(), host=socket.gethostname(), in_flight=rows, models=models)

    def sync(self) -> None:
        """Have the disk take everything."""
        self._log.sync()
        self.rows.sync()

    def close(self) -> None:
        """Sync and close both; another process may have them then."""
        try:
            self.rows.close()
        finally:
            self._log.close()


def is_running(output: Path) -> bool:
    """Whether a process has the journal of an output open."""
    path = journal_of(output)
    with path.open("r+b") as file:
        try:
            _lock(path, file.fileno())
        except BatchError:
            return True
        return False


def _refuse_others(output: Path, rows: Path) -> None:
    for path in dict.fromkeys((output, rows)):
        if any(path.iterdir()) if path.is_dir() else path.exists() and path.stat().st_size:
            msg = f"'{path}' exists, and no run of this kind wrote it: name another output, or remove it"
            raise BatchError(msg)


def _lock(path: Path, file: int) -> None:
    """Have the file to oneself until it is closed, also by the end of the process."""
    try:
        import fcntl
    except ImportError:
        import msvcrt

        lock: Any = msvcrt
        try:
            os.lseek(file, 1 << 40, os.SEEK_SET)
            lock.locking(file, lock.LK_NBLCK, 1)
        except OSError:
            raise _taken(path) from None
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise _taken(path) from None


def _taken(path: Path) -> BatchError:
    output = str(path).removesuffix(".journal")
    return BatchError(f"another process is running '{output}'; `pipelex batch status {output}` shows how far it is")


def _sync_folder(folder: Path) -> None:
    """Have the disk know that the files exist, where folders can be opened."""
    try:
        file = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(file)
    finally:
        os.close(file)
