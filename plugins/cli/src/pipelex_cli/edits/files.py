"""A file before and after: the difference for people, and the writing, whole or not at all."""

from __future__ import annotations

import os
import re
import stat
from contextlib import contextmanager
from difflib import unified_diff
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

from attrs import frozen

from pipelex_core.errors import PipelexError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SECRET = 0o600


@frozen(kw_only=True)
class FileChange:
    """What becomes of one file.

    Attributes:
        path: The file; a symbolic link leads to the one that is written.
        old: Its bytes as they were read; None where there is no such file yet.
        new: Its bytes to be.
        secret: Whether it holds keys: only its owner may read it, and its text is shown to nobody.
    """

    path: Path
    old: bytes | None
    new: bytes
    secret: bool = False

    @property
    def changes(self) -> bool:
        """Whether there is anything to write."""
        return self.old != self.new

    def diff(self) -> str:
        """The difference, as `diff -u` writes it; nothing of a secret file."""
        if self.secret or not self.changes:
            return ""
        old, new = ((data or b"").decode("utf-8", "replace") for data in (self.old, self.new))
        before = "/dev/null" if self.old is None else str(self.path)
        lines = unified_diff(_lines(old), _lines(new), before, str(self.path), n=2)
        return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)

    def write(self) -> None:
        """Write it beside its place and move it there, so that there is the old file or the new one, never half of it.

        Raises:
            PipelexError: It cannot be written, or was changed by somebody else in the meantime.
        """
        try:
            _replace(Path(os.path.realpath(self.path)), self)
        except OSError as error:
            msg = f"'{self.path}' cannot be written: {error.strerror or error}"
            raise PipelexError(msg) from error


def read_bytes(path: Path) -> bytes | None:
    """The bytes of a file; None where there is none.

    Raises:
        PipelexError: It cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        msg = f"'{path}' cannot be read: {getattr(error, 'strerror', None) or error}"
        raise PipelexError(msg) from error


def as_text(data: bytes, path: Path) -> str:
    """The text of a file, with the line ends and the byte-order mark it has.

    Raises:
        PipelexError: It is not UTF-8.
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        msg = f"'{path}' is not UTF-8: {error.reason} at byte {error.start}"
        raise PipelexError(msg) from error


def write_all(changes: Iterable[FileChange]) -> None:
    """Write file after file; an interruption leaves each of them whole."""
    for change in changes:
        if change.changes or change.secret:
            change.write()


def _lines(text: str) -> list[str]:
    """Lines as TOML has them: a line feed alone ends one."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _replace(path: Path, change: FileChange) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    status = path.stat() if path.exists() else None
    with written_beside(path, change.new, sync=True) as written:
        _keep_owner(written, status)
        written.chmod(_SECRET if change.secret else stat.S_IMODE(status.st_mode) if status else 0o666 & ~umask())
        _refuse_if_changed(path, change.old)
        written.replace(path)
    _sync_folder(path.parent)


@contextmanager
def written_beside(path: Path, data: bytes, *, sync: bool = False) -> Iterator[Path]:
    """A new file beside another, whose place it is to take; whatever interrupts that, it leaves nothing behind.

    Its name is known before it is made, so that not even the moment between the two leaves one.
    """
    beside = path.with_name(
        f".pipelex-{token_hex(8)}"
    )  # a name of its own: one longer than that of the file may be too long
    try:
        with open(beside, "xb", opener=_private) as file:
            file.write(data)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        yield beside
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, _SECRET)


def _refuse_if_changed(path: Path, old: bytes | None) -> None:
    if read_bytes(path) != old:
        msg = f"'{path}' was changed in the meantime; nothing was written to it"
        raise PipelexError(msg)


def _keep_owner(name: Path, status: os.stat_result | None) -> None:
    if os.name == "posix" and status and (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
        os.chown(name, status.st_uid, status.st_gid)


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def umask() -> int:
    """The permissions that a new file is not to have."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
