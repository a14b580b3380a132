"""`python -m pipelex_core`: the command line, where a distribution brings one."""

from __future__ import annotations

import sys
from importlib.metadata import entry_points

GROUP = "pipelex_core.command_line"
"""The entry points that run a command line on `sys.argv` and end the process."""


def main() -> None:
    """Run the command line of this process; exit code 2 where none is installed."""
    found = next(iter(entry_points(group=GROUP)), None)
    if found is None:
        from pipelex_core.first_party import COMMAND_LINE

        sys.stderr.write(f"pipelex: the command line is not installed; run: pip install {COMMAND_LINE}\n")
        sys.exit(2)
    found.load()()


if __name__ == "__main__":
    main()
