"""`pipelex use`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from pipelex_cli.completion import profiles
from pipelex_cli.editing import carry_out, inference_folder
from pipelex_core.command_line import Context


def use(
    profile: Annotated[str, Parameter(completer=profiles)],
    *,
    dry_run: bool = False,
    json: bool = False,
    context: Annotated[Context, Parameter(parse=False)],
) -> int:
    """Make a routing profile the active one; every handle follows. Every other line stays.

    Args:
        profile: A profile of routing_profiles.toml.
        dry_run: Show what would change, and write nothing.
        json: Print one JSON document.
    """
    from pipelex_cli.edits.backends import use as use_profile
    from pipelex_cli.edits.folder import read_text

    file = read_text(inference_folder(context) / "routing_profiles.toml")
    carry_out([file.changed(use_profile(file.text, profile))], dry_run=dry_run, json=json)
    return 0
