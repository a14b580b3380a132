"""The command `pipelex`: one module a command; a command imports what it needs, when it runs."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line of this process, and end it."""
    from pipelex_core.cli.app import run

    _show_warnings()
    sys.exit(run(sys.argv[1:]))


def _show_warnings() -> None:
    """What the library warns of goes to stderr; a program that uses it decides that for itself."""
    import logging

    shown = logging.StreamHandler()
    shown.setLevel(logging.WARNING)
    shown.setFormatter(logging.Formatter("pipelex: %(message)s"))
    logging.getLogger("pipelex_core").addHandler(shown)
