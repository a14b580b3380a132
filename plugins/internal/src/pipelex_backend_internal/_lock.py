"""The one lock of PDFium, which is not thread-safe: whoever calls it holds this, in every thread of the process."""

from __future__ import annotations

import os
import threading


class _ProcessLock:
    """A lock that a forked child gets anew: the thread that held it may not exist there."""

    def __init__(self) -> None:
        self.renew()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.renew)

    def renew(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


PDFIUM = _ProcessLock()
