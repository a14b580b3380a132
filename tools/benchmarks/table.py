"""What a benchmark tells, and how runs are interleaved."""

from __future__ import annotations

import gc
import os
import statistics
import sys
import tempfile
import time
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@frozen
class Row:
    """One figure.

    Attributes:
        name: What was measured.
        value: The figure; None where the tool that takes it is missing.
        unit: Its unit, `x` for a ratio.
        target: What it should be at most, or None.
        note: What it was compared with.
    """

    name: str
    value: float | None
    unit: str
    target: float | None = None
    note: str = ""


def print_rows(rows: Sequence[Row]) -> None:
    """A table on stdout."""
    width = max(len(row.name) for row in rows)
    for row in rows:
        figure = f"{row.value:10.3f}" if row.value is not None else f"{'-':>10}"
        target = f"<= {row.target:g}" if row.target is not None else ""
        sys.stdout.write(f"{row.name:{width}}  {figure} {row.unit:6} {target:10} {row.note}\n")


def interleaved(tasks: Mapping[str, Callable[[], object]], *, rounds: int) -> dict[str, float]:
    """The median CPU seconds of each task, one of each per round."""
    taken: dict[str, list[float]] = {name: [] for name in tasks}
    for task in tasks.values():
        task()  # warm
    for _ in range(rounds):
        for name, task in tasks.items():
            gc.collect()
            started = time.process_time()
            task()
            taken[name].append(time.process_time() - started)
    return {name: statistics.median(values) for name, values in taken.items()}


@frozen
class ProcessCost:
    """What a process took: CPU seconds, and at its peak, kilobytes of memory."""

    cpu: float
    rss: int


_PEAK = "\nimport sys; sys.stderr.write(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')))"
"""Ends a program with its peak of memory; what `wait4` tells of that is the parent's, from before the exec."""


def run_process(*arguments: str, env: dict[str, str] | None = None) -> ProcessCost:
    """Run Python with cached bytecode, and measure it; memory is known of programs given with `-c` only."""
    environ = {**os.environ, **(env or {})}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    is_program = arguments[0] == "-c"
    command = [sys.executable, "-c", arguments[1] + _PEAK] if is_program else [sys.executable, *arguments]
    with tempfile.TemporaryFile("w+") as reported:
        pid = os.fork()
        if pid == 0:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.dup2(reported.fileno(), 2)
            os.execve(sys.executable, command, environ)
        _, status, used = os.wait4(pid, 0)
        reported.seek(0)
        text = reported.read()
    if status:
        msg = f"{arguments} ended with {status}: {text}"
        raise RuntimeError(msg)
    peak = int(text.rsplit("VmHWM:", 1)[1].split()[0]) if is_program else 0
    return ProcessCost(cpu=used.ru_utime + used.ru_stime, rss=peak)


def processes(
    commands: dict[str, tuple[str, ...]], *, rounds: int, env: dict[str, str] | None = None
) -> dict[str, ProcessCost]:
    """The median cost of each command line of Python, one of each per round."""
    taken: dict[str, list[ProcessCost]] = {name: [] for name in commands}
    for arguments in commands.values():
        run_process(*arguments, env=env)  # writes the bytecode
    for _ in range(rounds):
        for name, arguments in commands.items():
            taken[name].append(run_process(*arguments, env=env))
    return {
        name: ProcessCost(
            cpu=statistics.median(cost.cpu for cost in costs), rss=int(statistics.median(cost.rss for cost in costs))
        )
        for name, costs in taken.items()
    }
