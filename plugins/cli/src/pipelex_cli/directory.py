"""The directory of plugins: those of this project, and those of others that asked to be listed."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from importlib.util import find_spec

import tomli
from attrs import frozen


@frozen
class Listed:
    """One distribution.

    Attributes:
        distribution: Its name.
        summary: What it brings, in a sentence.
        by: Who makes it; empty for this project.
        installed: Its version here, or None.
    """

    distribution: str
    summary: str
    by: str
    installed: str | None


COMMANDS = {"batch": "pipelex-batch", "chat": "pipelex-chat", "logs": "pipelex-chat", "import": "pipelex-import"}
COMMANDS |= {"serve": "pipelex-serve", "cache": "pipelex-middleware-cache"}
COMMANDS |= dict.fromkeys(("certify", "record", "new-backend"), "pipelex-testing")
"""Commands that plugins of this project bring, and which."""


def listed(words: str = "") -> list[Listed]:
    """The plugins whose name or summary has all of some words: those of the installed catalogue, else those known at release."""
    tables = tomli.loads(files("pipelex_cli").joinpath("directory.toml").read_text(encoding="utf-8"))
    if find_spec("pipelex_catalogue") is not None:
        further = files("pipelex_catalogue").joinpath("plugins.toml")
        if further.is_file():
            tables |= tomli.loads(further.read_text(encoding="utf-8"))
    found = [
        Listed(name, str(table.get("summary", "")), str(table.get("by", "")), _installed(name))
        for name, table in sorted(tables.items())
    ]
    wanted = words.lower().split()
    return [each for each in found if all(word in f"{each.distribution} {each.summary}".lower() for word in wanted)]


def _installed(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
