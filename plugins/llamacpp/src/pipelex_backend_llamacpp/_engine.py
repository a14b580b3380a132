"""A model and the threads that use it: loaded at the first call, freed when its last user lets go."""

from __future__ import annotations

import os
import threading
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TYPE_CHECKING

from pipelex_backend_llamacpp import _server
from pipelex_backend_llamacpp._fetch import bring
from pipelex_core.errors import CallError, ServerError

if TYPE_CHECKING:
    import xllamacpp

    from pipelex_backend_llamacpp._generation import Job
    from pipelex_backend_llamacpp._settings import EngineSettings


def done() -> Future[None]:
    """A future that is done."""
    future: Future[None] = Future()
    future.set_result(None)
    return future


class Engine:
    """A queue of calls, and one thread a slot of the server that takes from it.

    The threads are daemons, so that a call which nobody awaits any more does not keep the interpreter alive, and are
    ended before it goes: see `_shared`.

    Args:
        settings: How to load the model.
        after: An engine of the same settings that is about to be freed; the model is not loaded twice at a time.

    Attributes:
        users: How many backends hold it; kept by `_shared`.
        freed: Done when the threads have ended and the model's memory is given back.
    """

    def __init__(self, settings: EngineSettings, after: Engine | None = None) -> None:
        self.settings = settings
        self.users = 0
        self.freed: Future[None] = Future()
        self.freed.set_running_or_notify_cancel()  # so that nobody who awaits it can cancel it
        self.server: xllamacpp.Server | None = None
        self._after = after
        self._pid = os.getpid()
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._loading = threading.Lock()
        self._open: set[Job] = set()
        self._threads = 0
        self._closing = False

    @property
    def closing(self) -> bool:
        """Whether it takes no more calls."""
        return self._closing

    def submit(self, generation: Job) -> None:
        """Queue a call; returns at once."""
        if self._pid != os.getpid():
            _server.check_process()
            msg = "this backend was opened in the parent process: open a client in this one"
            raise CallError(msg)
        with self._lock:
            if self._closing:
                msg = "the backend is closed"
                raise CallError(msg)
            self._open.add(generation)
            while self._threads < self.settings.n_parallel:
                self._threads += 1
                threading.Thread(target=self._work, name="pipelex-llamacpp", daemon=True).start()
        self._queue.put(generation)

    def close(self, *, tell: bool = True) -> Future[None]:
        """End every call (and tell whoever awaits it), then the threads, and free the model; returns at once."""
        if self._pid != os.getpid():
            return done()  # the threads and the model are the parent's
        with self._lock:
            if not self._closing:
                self._closing = True
                for generation in self._open:
                    generation.close() if tell else generation.cancel()
                for _ in range(self._threads):
                    self._queue.put(None)
                if not self._threads:
                    self.freed.set_result(None)
        return self.freed

    def _work(self) -> None:
        while (generation := self._queue.get()) is not None:
            self._serve(generation)
            with self._lock:
                self._open.discard(generation)
        with self._lock:
            self._threads -= 1
            last = not self._threads
        if last:
            self.server = None  # ends the server's own threads, and waits for them
            self.freed.set_result(None)

    def _serve(self, generation: Job) -> None:
        if generation.cancelled:
            return
        try:
            generation.run(self._loaded(generation))
        except CallError as error:
            generation.end(error)
        except Exception as error:  # noqa: BLE001 -- whatever it is, the caller awaits it in another thread
            generation.end(ServerError(f"llama.cpp failed: {type(error).__name__}: {error}"))

    def _loaded(self, generation: Job) -> xllamacpp.Server:
        """The server; loaded, and its file fetched, by the first call. A load that failed is tried again by the next."""
        with self._loading:
            if self.server is None:
                file = self.settings.file
                if file.entry is not None:
                    bring(file.entry, file.path, stopped=lambda: generation.cancelled)
                if self._after is not None:
                    self._after.freed.result()
                    self._after = None
                self.server = _server.start(self.settings)
            return self.server
