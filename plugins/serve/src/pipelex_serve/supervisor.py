"""Several workers on one socket: started, started again when one dies, and sent the signals that the supervisor gets."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING

from pipelex_serve.metrics import MULTIPROCESS
from pipelex_serve.settings import VARIABLE

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from types import FrameType

    from pipelex_serve.settings import Settings

_log = logging.getLogger("pipelex_serve")

_LOOK_S = 0.1
_SHORT_S = 5.0
"""A worker that ends sooner than this after its start did not start well."""

_MOST_SHORT = 5
"""So many bad starts in a row end the gateway: there is a fault that another start does not mend."""

_BEYOND_S = 15.0
"""Seconds beyond its time to drain after which a worker is killed."""


class Supervisor:
    """The workers of one gateway."""

    def __init__(self, settings: Settings, listener: socket.socket, counters: str) -> None:
        self._settings = settings
        self._listener = listener
        self._environment = {**os.environ, VARIABLE: settings.to_json(), MULTIPROCESS: counters}
        self._workers: dict[subprocess.Popen[bytes], float] = {}
        self._bad_starts = 0
        self._ends_at: float | None = None

    def start(self) -> None:
        """Start as many workers as are missing."""
        while len(self._workers) < self._settings.workers:
            number = self._listener.fileno()
            command = [sys.executable, "-m", "pipelex_serve.worker", str(number)]
            made = subprocess.Popen(command, env=self._environment, pass_fds=(number,))  # noqa: S603 -- this program itself
            self._workers[made] = time.monotonic()

    def tell(self, number: int, _frame: FrameType | None = None) -> None:
        """Send a signal to all workers; one that ends the gateway lets no further worker start."""
        if number in (signal.SIGTERM, signal.SIGINT) and self._ends_at is None:
            self._ends_at = time.monotonic() + self._settings.limits.drain_seconds + _BEYOND_S
        for worker in self._workers:
            if worker.poll() is None:
                worker.send_signal(number)

    def watch(self) -> int:
        """Keep the workers running until they are to end; the exit code."""
        while self._workers:
            time.sleep(_LOOK_S)
            for worker, started in [*self._workers.items()]:
                if worker.poll() is None:
                    continue
                del self._workers[worker]
                _forget(worker.pid, self._environment[MULTIPROCESS])
                if self._ends_at is None:
                    self._replace(worker, started)
            if self._ends_at is not None and time.monotonic() > self._ends_at:
                for worker in self._workers:
                    worker.kill()
        return 1 if self._bad_starts >= _MOST_SHORT else 0

    def _replace(self, worker: subprocess.Popen[bytes], started: float) -> None:
        is_short = time.monotonic() - started < _SHORT_S
        self._bad_starts = self._bad_starts + 1 if is_short else 0
        _log.error("worker %d ended with status %s", worker.pid, worker.returncode)
        if self._bad_starts >= _MOST_SHORT:
            _log.error("%d workers in a row did not start: the gateway ends", _MOST_SHORT)
            self.tell(signal.SIGTERM)
            return
        self.start()


def supervise(settings: Settings, listener: socket.socket, ready: Callable[[], None]) -> int:
    """Run the workers until a signal ends them; the exit code.

    Raises:
        PipelexError: The deck, or the store of keys and spend, cannot be used.
    """
    check(settings)
    with tempfile.TemporaryDirectory(prefix="pipelex-serve-") as counters:
        supervisor = Supervisor(settings, listener, counters)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, supervisor.tell)
        supervisor.start()
        ready()
        return supervisor.watch()


def check(settings: Settings) -> None:
    """Load the deck and open the store once, so that a fault shows before any worker starts.

    Raises:
        PipelexError: One of them cannot be used.
    """
    import asyncio

    from pipelex_serve.admin import admin_digest
    from pipelex_serve.keys.opening import opened_store
    from pipelex_serve.loading import load_deck

    async def look() -> None:
        async with opened_store(settings.spend) as store:
            await admin_digest(store)

    load_deck(settings)
    asyncio.run(look())


def _forget(pid: int, counters: str) -> None:
    """Leave the gauges of a worker that has ended out of the sums."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(pid, counters)
