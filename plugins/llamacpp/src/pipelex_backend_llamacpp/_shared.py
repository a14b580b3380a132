"""The engines of this process: one a model and its settings, however many event loops and clients use it.

This is the one piece of state that belongs to the process and not to a client: a model is loaded into the process's
memory, and llama.cpp's threads are the process's.
"""

from __future__ import annotations

import atexit
import os
import threading
from typing import TYPE_CHECKING

from pipelex_backend_llamacpp._engine import Engine, done
from pipelex_backend_llamacpp._server import abandon_after_fork

if TYPE_CHECKING:
    from concurrent.futures import Future

    from pipelex_backend_llamacpp._settings import EngineSettings


class Engines:
    """The engines in use, counted."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._engines: dict[EngineSettings, Engine] = {}

    def acquire(self, settings: EngineSettings) -> Engine:
        """The engine of these settings; loads nothing yet. Each `acquire` needs its `release`."""
        with self._lock:
            engine = self._engines.get(settings)
            if engine is None or engine.closing:
                engine = self._engines[settings] = Engine(settings, after=engine)
            engine.users += 1
            return engine

    def release(self, engine: Engine) -> Future[None]:
        """Let go of an engine; done when it is freed, or at once where others use it."""
        with self._lock:
            engine.users -= 1
            if engine.users:
                return done()
            freed = engine.close()
        freed.add_done_callback(lambda _: self._forget(engine))
        return freed

    def _forget(self, engine: Engine) -> None:
        with self._lock:
            if self._engines.get(engine.settings) is engine:
                del self._engines[engine.settings]

    def close_all(self) -> None:
        """Free every engine, and wait: a thread inside llama.cpp must not outlive the interpreter."""
        with self._lock:
            engines = list(self._engines.values())
        for engine in engines:
            engine.close(tell=False)  # the interpreter ends, and with it every event loop
        for engine in engines:
            engine.freed.result()

    def abandon(self) -> None:
        """In a child process: begin anew, and leave the parent's engines alone."""
        self._lock = threading.Lock()
        engines, self._engines = list(self._engines.values()), {}
        abandon_after_fork(engine.server for engine in engines if engine.server is not None)


ENGINES = Engines()
atexit.register(ENGINES.close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=ENGINES.abandon)
