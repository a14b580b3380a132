"""A command that is run in a child process, which gets the signals that its parent gets."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from pipelex_testing.recording import RECORD, REPLAY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_FORWARDED = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGINT") if hasattr(signal, name))


def exit_code(command: Sequence[str], variables: Mapping[str, str]) -> int:
    """Run a command to its end.

    Args:
        command: The program and its arguments.
        variables: Environment variables besides those of this process.

    Returns:
        Its exit code; 128 and the number of the signal where one ended it, as a shell counts.
    """
    environ = {name: value for name, value in os.environ.items() if name not in {RECORD, REPLAY}}
    with _signals() as child:
        child.start([*command], {**environ, **variables})
        code = child.process.wait()
    return code if code >= 0 else 128 - code


class _Child:
    """The child, and what is to be sent to it once it runs."""

    process: subprocess.Popen[bytes]

    def __init__(self) -> None:
        self._waiting: list[int] = []
        self._runs = False

    def start(self, command: list[str], environ: dict[str, str]) -> None:
        self.process = subprocess.Popen(command, env=environ)  # noqa: S603 -- the command is what the user wrote
        self._runs = True
        while self._waiting:
            self.process.send_signal(self._waiting.pop())

    def send(self, number: int, _frame: Any) -> None:
        if number == signal.SIGINT and _has_terminal():
            return  # Ctrl-C goes to the whole foreground group: the child has it
        if self._runs:
            self.process.send_signal(number)
        else:
            self._waiting.append(number)


@contextmanager
def _signals() -> Iterator[_Child]:
    """Send the signals that this process gets to the child."""
    child = _Child()
    before = {}
    with suppress(ValueError):  # another thread than the main one gets no signals
        for number in _FORWARDED:
            before[number] = signal.signal(number, child.send)
    try:
        yield child
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _has_terminal() -> bool:
    """Whether this process is in the foreground of a terminal."""
    try:
        return os.tcgetpgrp(sys.__stdin__.fileno()) == os.getpgrp()  # type: ignore[union-attr]
    except (AttributeError, OSError, ValueError):
        return False
