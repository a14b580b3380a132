"""The command `pipelex`: one module a command; a command imports what it needs, when it runs."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line of this process, and end it."""
    from pipelex_core.cli.app import run

    sys.exit(run(sys.argv[1:]))
