"""`pipelex --install-completion`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from cyclopts.completion.detect import ShellDetectionError

from pipelex_cli.output import note
from pipelex_core.errors import PipelexError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import TypeAlias

    from cyclopts import App

    Shell: TypeAlias = Literal["bash", "zsh", "fish", "powershell"]


def install_completion(app: App, shell: Shell | None, output: Path | None) -> int:
    """Write the script of a command line for a shell, and have the shell load it.

    Args:
        app: The command line, with the commands of plugins.
        shell: The shell; the one that runs this where it is None.
        output: Write the script to this file, and nothing else.
    """
    try:
        path = app.install_completion(shell=shell, output=output, add_to_startup=output is None)
    except ShellDetectionError as error:
        msg = "the shell is not known; name it: pipelex --install-completion bash, zsh, fish or powershell"
        raise PipelexError(msg) from error
    note(f"written {path}" if output else f"written {path}; it works in the next shell that you open")
    return 0
