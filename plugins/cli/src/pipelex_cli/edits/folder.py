"""The files of an `inference/` folder as they are edited: read, sound, changed in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from pipelex_cli.edits.document import read
from pipelex_cli.edits.files import FileChange, as_text
from pipelex_core.config.problems import Faults
from pipelex_core.config.toml_file import read_toml
from pipelex_core.errors import ModelsManagerError

if TYPE_CHECKING:
    from pathlib import Path


@frozen
class TomlText:
    """A sound TOML file.

    Attributes:
        path: The file.
        data: Its bytes.
        text: Its text, with its byte-order mark and line ends.
    """

    path: Path
    data: bytes
    text: str

    @property
    def tables(self) -> dict[str, Any]:
        """What it says; floats as they are written."""
        return read(self.text)

    def changed(self, text: str) -> FileChange:
        """The file with another text."""
        return FileChange(path=self.path, old=self.data, new=text.encode())


def read_text(path: Path) -> TomlText:
    """A file that can be edited.

    Raises:
        ConfigError: It is missing, unreadable, not UTF-8 or no TOML; its problem says where.
    """
    faults = Faults()
    if read_toml(path, faults, ModelsManagerError) is None:
        raise faults.error_class()(problems=faults.problems())
    data = path.read_bytes()
    return TomlText(path, data, as_text(data, path))
