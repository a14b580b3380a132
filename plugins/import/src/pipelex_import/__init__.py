"""`pipelex import`: another tool's configuration becomes one of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_core.commands import Command
from pipelex_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping


@hookimpl
def pipelex_commands() -> Mapping[str, Command]:
    """`import`."""
    text = "Make a configuration of LiteLLM, or of the command llm, into one of ours."
    return {"import": Command("pipelex_import.import_command:import_configuration", help=text)}
