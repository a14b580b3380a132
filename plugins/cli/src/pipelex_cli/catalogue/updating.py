"""`pipelex catalogue update`: nothing is written before the file is known to be the one that was meant, sound and not older."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import tomli
from attrs import frozen

from pipelex_cli.catalogue.archive import read_archive
from pipelex_cli.catalogue.changes import newer_models, text_of
from pipelex_cli.catalogue.fetching import from_file, from_index
from pipelex_cli.catalogue.lock import LOCK_FILE, CatalogueLock, read_lock
from pipelex_cli.catalogue.trust import check_hash, check_signature, read_hash, read_key
from pipelex_cli.editing import carry_out, inference_folder
from pipelex_cli.edits.files import FileChange, read_bytes
from pipelex_core.config.shipped import FOLDER
from pipelex_core.errors import PipelexError

if TYPE_CHECKING:
    from pathlib import Path

    from pipelex_cli.catalogue.archive import CatalogueFile
    from pipelex_core.command_line import Context


@frozen(kw_only=True)
class Wish:
    """Which catalogue a person wants, as the command line says.

    Attributes:
        file: Its file; None for the package index.
        hash: The hash that it must have.
        signature: The file with its signature.
        key: The public key to be pinned.
        on: Its day, as text.
    """

    file: Path | None = None
    hash: str | None = None
    signature: Path | None = None
    key: str | None = None
    on: str | None = None

    def day(self) -> date | None:
        """Its day, read.

        Raises:
            PipelexError: It is not a date.
        """
        try:
            return None if self.on is None else date.fromisoformat(self.on)
        except ValueError as error:
            msg = f"'{self.on:.40}' is not a day such as 2026-12-01"
            raise PipelexError(msg) from error

    def signature_file(self) -> Path | None:
        """The file with the signature, where there is one."""
        if self.signature is not None:
            return self.signature
        beside = None if self.file is None else self.file.with_name(f"{self.file.name}.sig")
        return beside if beside is not None and beside.is_file() else None


def opened(wish: Wish) -> CatalogueFile:
    """The catalogue, for people to look at; checked against a hash that was given, and no more."""
    data = from_file(wish.file) if wish.file is not None else from_index(wish.day())
    if wish.hash is not None:
        check_hash(data, read_hash(wish.hash))
    return read_archive(data)


def update(context: Context, wish: Wish, *, dry_run: bool, json: bool) -> int:
    """Write what is newer in a catalogue, and which one it is.

    Raises:
        PipelexError: The file is not known to be the one that was meant, is damaged, or older; nothing was written then.
    """
    folder = inference_folder(context)
    lock = read_lock(folder / LOCK_FILE)
    key = _pinned(wish, lock)
    data = _trusted(wish, lock, key)
    found = read_archive(data)
    _refuse_older(found, lock, folder)
    newer = newer_models(found, context.plugins())
    texts = {each.backend: text_of(each, found) for each in newer}
    changes = [_change(folder / FOLDER / f"{backend}.toml", text) for backend, text in texts.items()]
    changes += [
        _change(file, "# Nothing is newer here than what the installed plugins ship.\n")
        for file in sorted((folder / FOLDER).glob("*.toml"))
        if file.stem not in texts
    ]
    written = CatalogueLock(day=found.day, digest=found.digest, key=key)
    changes.append(_change(folder / LOCK_FILE, written.text()))
    count = sum(len(each.models) for each in newer)
    carry_out(changes, dry_run=dry_run, json=json, notes=[f"the catalogue of {found.day}: {count} models are newer"])
    return 0


def _change(path: Path, text: str) -> FileChange:
    return FileChange(path=path, old=read_bytes(path), new=text.encode())


def _pinned(wish: Wish, lock: CatalogueLock) -> str | None:
    """The key whose signatures count."""
    if wish.key is None:
        return lock.key
    read_key(wish.key)
    if lock.key is not None and lock.key != wish.key.strip():
        msg = f"{LOCK_FILE} pins another key: take that out of it first, if the new one is right"
        raise PipelexError(msg)
    return wish.key.strip()


def _trusted(wish: Wish, lock: CatalogueLock, key: str | None) -> bytes:
    """The bytes of the file, by the hash of the command line, a signature, or the hash of the lock."""
    signature = wish.signature_file()
    if wish.hash is not None:
        data = _fetched(wish, None)
        check_hash(data, read_hash(wish.hash))
    elif signature is not None:
        if key is None:
            msg = "no key is pinned whose signature counts: name it, with --key ed25519:…"
            raise PipelexError(msg)
        data = _fetched(wish, None)
        check_signature(data, from_file(signature), read_key(key))
    elif lock.digest is not None:
        data = _fetched(wish, lock.day)
        check_hash(data, lock.digest)
    else:
        msg = "no hash is known for the catalogue: see what it changes with 'pipelex catalogue diff', which tells its hash, and name that with --hash"
        raise PipelexError(msg)
    return data


def _fetched(wish: Wish, day: date | None) -> bytes:
    return from_file(wish.file) if wish.file is not None else from_index(wish.day() or day)


def _refuse_older(found: CatalogueFile, lock: CatalogueLock, folder: Path) -> None:
    """Refuse a catalogue that is older than the one in effect, or another one of its day."""
    days = [lock.day] if lock.day is not None else _days_written(folder / FOLDER)
    latest = max(days, default=None)
    if latest is None or found.day > latest or (found.day == latest and lock.digest in {None, found.digest}):
        return
    why = "older than" if found.day < latest else "another one than"
    msg = f"the catalogue of {found.day} is {why} the one in effect, of {latest}; nothing was changed"
    raise PipelexError(msg)


def _days_written(folder: Path) -> list[date]:
    """The days in the files that an update wrote, for a project whose lock was lost."""
    days = []
    for file in folder.glob("*.toml"):
        try:
            tables = tomli.loads(file.read_text(encoding="utf-8"))
            days += [date.fromisoformat(str(table["as_of"])) for table in tables.values() if "as_of" in table]
        except (OSError, ValueError, TypeError):
            continue  # a load warns of it
    return days
