"""`pipelex --install-completion`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from cyclopts.completion.detect import ShellDetectionError

from pipelex_cli.output import note
from pipelex_core.command_line import Context
from pipelex_core.errors import PipelexError

if TYPE_CHECKING:
    from typing import TypeAlias

Shell: TypeAlias = Literal["bash", "zsh", "fish", "powershell"]


def install_completion(
    shell: Shell | None = None,
    *,
    output: Annotated[Path | None, Parameter(name=("--output", "-o"))] = None,
    context: Annotated[Context, Parameter(parse=False)],
) -> int:
    """Have the shell complete commands, options, handles, backends and profiles.

    The script is written where the shell looks for completions, and loaded from its start-up file; a new shell has it.
    Run it again after installing a plugin with commands.

    Args:
        shell: The shell; the one that runs this where it is left out.
        output: Write the script to this file, and nothing else.
    """
    from pipelex_cli.app import make_app, plugin_commands

    app = make_app(commands=plugin_commands(context))
    try:
        path = app.install_completion(shell=shell, output=output, add_to_startup=output is None)
    except ShellDetectionError as error:
        msg = "the shell is not known; name it: pipelex --install-completion bash, zsh, fish or powershell"
        raise PipelexError(msg) from error
    note(f"written {path}" if output else f"written {path}; it works in the next shell that you open")
    return 0
