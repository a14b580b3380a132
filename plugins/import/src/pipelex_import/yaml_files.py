"""Reading YAML: a fault is an error with its file and line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from pipelex_cli.text_input import file_text
from pipelex_core.errors import PipelexError

if TYPE_CHECKING:
    from pathlib import Path


def read_yaml(file: Path) -> Any:
    """What a file holds.

    Raises:
        PipelexError: It cannot be read, or is not YAML.
    """
    try:
        return yaml.safe_load(file_text(file))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        msg = f"{file}{place}: not valid YAML: {error.problem or error.context}"
        raise PipelexError(msg) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        msg = f"{file}: not valid YAML: {error}"
        raise PipelexError(msg) from error


def read_mapping(file: Path) -> dict[str, Any]:
    """What a file holds that is to be a table.

    Raises:
        PipelexError: It cannot be read, or holds something else.
    """
    found = read_yaml(file)
    if not isinstance(found, dict):
        what = "nothing" if found is None else f"a {type(found).__name__}"
        msg = f"{file}: a table of settings is expected, and it holds {what}"
        raise PipelexError(msg)
    return {str(key): value for key, value in found.items()}
