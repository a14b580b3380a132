"""The configuration that the global options name, and everything that is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelex_cli.validation import Validation
    from pipelex_core.command_line import Context
    from pipelex_core.plugins import Plugins


def validation_of(context: Context, plugins: Plugins) -> Validation:
    """The configuration, and everything that is wrong with it; further checks may be asked for."""
    from pipelex_cli.validation import Validation

    return Validation(**context.where(), plugins=plugins)
