"""How busy the machine is: how much too late a thread wakes up that only sleeps."""

from __future__ import annotations

import threading
import time
from typing import Self

NAP = 0.01


class Sleeper:
    """Sleeps beside what runs in its `with`.

    Attributes:
        late: The most seconds by which it woke up too late.
    """

    def __init__(self) -> None:
        self.late = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sleep, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _sleep(self) -> None:
        while not self._over.is_set():
            started = time.monotonic()
            time.sleep(NAP)
            self.late = max(self.late, time.monotonic() - started - NAP)
