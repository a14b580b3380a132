"""What the command line adds through the same hook as any plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_core.commands import Command
from pipelex_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping


@hookimpl
def pipelex_commands() -> Mapping[str, Command]:
    """`pull`, which only plugins with local models have a use for."""
    return {"pull": Command("pipelex_cli.commands.pull:pull", help="Fetch the file of a local model.")}
