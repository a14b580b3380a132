"""`pipelex disable`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from pipelex_cli.completion import backends
from pipelex_cli.switching import switch_backends
from pipelex_core.command_line import Context


def disable(
    backend: Annotated[str, Parameter(completer=backends)],
    *more: Annotated[str, Parameter(completer=backends)],
    dry_run: bool = False,
    json: bool = False,
    context: Annotated[Context, Parameter(parse=False)],
) -> int:
    """Switch backends off in backends.toml; their tables stay, with all that is in them.

    Args:
        backend: Its name.
        more: Further ones.
        dry_run: Show what would change, and write nothing.
        json: Print one JSON document.
    """
    return switch_backends((backend, *more), on=False, dry_run=dry_run, json=json, context=context)
