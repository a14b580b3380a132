"""The command `pipelex`: one module a command; a command imports what it needs, when it runs."""

from __future__ import annotations

import gc
import os
import signal
import sys
import time

_INTERRUPTED = 130
"""The exit code after Ctrl-C, as a shell counts: 128 and the number of the signal."""


_OBJECTS_BEFORE_GARBAGE = 20_000
"""Objects that are made before Python looks for garbage: classes and tables of a start are not garbage, and 700 would have it look often."""


def main() -> None:
    """Run the command line of this process, and end it; Ctrl-C ends it in silence, also while it starts and stops."""
    if sys.argv[1:2] == ["__complete"]:
        from pipelex_cli.completion import complete

        complete(sys.argv[2:])
        return
    gc.set_threshold(_OBJECTS_BEFORE_GARBAGE, *gc.get_threshold()[1:])
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:  # and not ignored, as in the background of a shell without job control
        signal.signal(signal.SIGINT, _end_at_once)
    from pipelex_cli.app import run

    _show_warnings()
    try:
        signal.signal(signal.SIGINT, before)
        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        code = _INTERRUPTED
    finally:
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, _end_at_once)
    _end_in_any_case(code)
    sys.exit(code)


def _end_at_once(_number: int, _frame: object) -> None:
    os._exit(_INTERRUPTED)


_PATIENCE = 5.0
"""Seconds for what a plugin or an SDK left running to come to its end."""


def _end_in_any_case(code: int) -> None:
    """End the process, some seconds later, where a thread that somebody else started would keep it alive for ever."""
    import threading

    others = [thread for thread in threading.enumerate() if thread is not threading.current_thread()]
    remaining = [thread for thread in others if not thread.daemon]
    if not remaining:
        return

    def end() -> None:
        time.sleep(_PATIENCE)
        names = ", ".join(thread.name for thread in remaining if thread.is_alive())
        if not names:
            return  # they have ended, and whatever Python still does is its own
        os.write(2, f"pipelex: ended in spite of a thread that a plugin or SDK left running: {names}\n".encode())
        os._exit(code)

    threading.Thread(target=end, name="pipelex-end", daemon=True).start()


def _show_warnings() -> None:
    """What the library warns of goes to stderr; a program that uses it decides that for itself."""
    import logging

    from pipelex_cli.terminal import shown

    class Shown(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            return shown(super().format(record), sys.stderr)

    handler = logging.StreamHandler()
    handler.setLevel(logging.WARNING)
    handler.setFormatter(Shown("pipelex: %(message)s"))
    logging.getLogger("pipelex_core").addHandler(handler)
