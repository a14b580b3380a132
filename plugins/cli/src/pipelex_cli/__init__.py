"""The command `pipelex`: one module a command; a command imports what it needs, when it runs."""

from __future__ import annotations

import os
import sys
import time


def main() -> None:
    """Run the command line of this process, and end it."""
    from pipelex_cli.app import run

    _show_warnings()
    code = run(sys.argv[1:])
    _end_in_any_case(code)
    sys.exit(code)


_PATIENCE = 5.0
"""Seconds for what a plugin or an SDK left running to come to its end."""


def _end_in_any_case(code: int) -> None:
    """End the process, some seconds later, where a thread that somebody else started would keep it alive for ever."""
    import threading

    others = [thread for thread in threading.enumerate() if thread is not threading.current_thread()]
    left = [thread for thread in others if not thread.daemon]
    if not left:
        return

    def end() -> None:
        time.sleep(_PATIENCE)
        names = ", ".join(thread.name for thread in left if thread.is_alive())
        if not names:
            return  # they have ended, and whatever Python still does is its own
        os.write(2, f"pipelex: ended in spite of a thread that a plugin or SDK left running: {names}\n".encode())
        os._exit(code)

    threading.Thread(target=end, name="pipelex-end", daemon=True).start()


def _show_warnings() -> None:
    """What the library warns of goes to stderr; a program that uses it decides that for itself."""
    import logging

    shown = logging.StreamHandler()
    shown.setLevel(logging.WARNING)
    shown.setFormatter(logging.Formatter("pipelex: %(message)s"))
    logging.getLogger("pipelex_core").addHandler(shown)
