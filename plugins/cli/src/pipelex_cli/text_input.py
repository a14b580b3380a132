"""What a command reads: a prompt from stdin, a text file; a fault of either is an error with a name."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pipelex_core.errors import PipelexError, UnsupportedInputError

if TYPE_CHECKING:
    from pathlib import Path


def prompt_text(prompt: str) -> str:
    """The prompt itself, or for `-` what stdin holds.

    Raises:
        UnsupportedInputError: There is no stdin, or it is not UTF-8.
    """
    if prompt != "-":
        return prompt
    if sys.stdin is None:
        msg = "there is no stdin to read the prompt from"
        raise UnsupportedInputError(msg)
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        msg = f"stdin is not UTF-8: {error.reason} at byte {error.start}"
        raise UnsupportedInputError(msg) from error


def file_text(path: Path) -> str:
    """The text of a file.

    Raises:
        PipelexError: It cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        msg = f"'{path}' is not UTF-8: {error.reason} at byte {error.start}"
        raise PipelexError(msg) from error
    except (OSError, ValueError) as error:
        msg = f"'{path}' cannot be read: {getattr(error, 'strerror', None) or error}"
        raise PipelexError(msg) from error
