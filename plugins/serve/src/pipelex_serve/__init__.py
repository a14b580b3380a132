"""A gateway: any client of OpenAI's or Anthropic's protocol is answered through the handles of a deck.

It adds the command `pipelex serve`. What it needs is imported when the command runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_core.commands import Command
from pipelex_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["pipelex_commands"]


@hookimpl
def pipelex_commands() -> Mapping[str, Command]:
    """`pipelex serve`."""
    return {
        "serve": Command(
            "pipelex_serve.serve_command:serve", help="Answer clients of OpenAI's and Anthropic's protocols."
        )
    }
