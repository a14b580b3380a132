"""The files of an `inference/` folder as they are edited: read, sound, changed in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from pipelex_cli.edits.files import FileChange
from pipelex_core.config.problems import Faults
from pipelex_core.config.toml_file import read_toml
from pipelex_core.errors import ModelsManagerError

if TYPE_CHECKING:
    from pathlib import Path

    from pipelex_core.toml import TomlDocument


@frozen
class TomlText:
    """A sound TOML file.

    Attributes:
        path: The file.
        document: Its text, with its byte-order mark and line ends, and its tables, floats as they are written.
    """

    path: Path
    document: TomlDocument

    @property
    def text(self) -> str:
        """All of it."""
        return self.document.text

    @property
    def tables(self) -> dict[str, Any]:
        """What it says."""
        return self.document.tables

    def changed(self, text: str) -> FileChange:
        """The file with another text."""
        return FileChange(path=self.path, old=self.text.encode(), new=text.encode())


def read_text(path: Path) -> TomlText:
    """A file that can be edited.

    Raises:
        ConfigError: It is missing, unreadable, not UTF-8 or no TOML; its problem says where.
    """
    faults = Faults()
    document = read_toml(path, faults, ModelsManagerError, parse_float=str)
    if document is None:
        raise faults.error_class()(problems=faults.problems())
    return TomlText(path, document)
