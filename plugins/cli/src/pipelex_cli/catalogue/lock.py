"""Which catalogue is in effect in a project, and whose signature counts: `inference/catalogue.lock.toml`."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import tomli
from attrs import frozen

from pipelex_cli.catalogue.trust import read_hash, read_key
from pipelex_cli.edits.files import as_text, read_bytes
from pipelex_core.errors import PipelexError

if TYPE_CHECKING:
    from pathlib import Path

LOCK_FILE = "catalogue.lock.toml"
_VERSION = 1
_COMMENT = (
    "# The catalogue of models in effect, and the key whose signature counts. Written by: pipelex catalogue update"
)


@frozen(kw_only=True)
class CatalogueLock:
    """What a project knows of its catalogue.

    Attributes:
        day: The day of the catalogue in effect; None before the first.
        digest: SHA-256 of its file, in hexadecimal digits; None before the first.
        key: The pinned public key, as `ed25519:…`; None where no signature counts.
    """

    day: date | None = None
    digest: str | None = None
    key: str | None = None

    def text(self) -> str:
        """The lock's text."""
        lines = [_COMMENT, "", f"version = {_VERSION}"]
        if self.day is not None:
            lines.append(f"date = {self.day}")
        if self.digest is not None:
            lines.append(f'hash = "sha256:{self.digest}"')
        if self.key is not None:
            lines.append(f'key = "{self.key}"')
        return "\n".join([*lines, ""])


def read_lock(file: Path) -> CatalogueLock:
    """Read a lock; an empty one where there is no file.

    Raises:
        PipelexError: It cannot be read, or is malformed.
    """
    data = read_bytes(file)
    if data is None:
        return CatalogueLock()
    try:
        found = tomli.loads(as_text(data, file))
    except tomli.TOMLDecodeError as error:
        msg = f"'{file}' is damaged: {error}; put it right, or take it back from version control"
        raise PipelexError(msg) from error
    day, digest, key = found.get("date"), found.get("hash"), found.get("key")
    if found.get("version") != _VERSION or not (day is None or type(day) is date):
        msg = f"'{file}' is not a lock of version {_VERSION} with a date"
        raise PipelexError(msg)
    if key is not None:
        read_key(str(key))
    return CatalogueLock(day=day, digest=None if digest is None else read_hash(str(digest)), key=key)
