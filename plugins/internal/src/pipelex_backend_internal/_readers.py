"""The processes of one event loop that read documents, and the threads that wait for them.

Nothing interrupts PDFium. So it runs in processes that can be killed: a call that ends takes its process with it, and
nobody else's. A document has a process to itself; the last one stays for the next document.
"""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import threading
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from pipelex_backend_internal._frames import receive, send
from pipelex_core import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")

_log = logging.getLogger(__name__)

BOOT = "import sys; sys.path[:] = sys.argv[1:]; from pipelex_backend_internal._reader import main; main()"
MOST_AT_ONCE = max(1, min(4, os.cpu_count() or 1))
"""Processes at work at a time; further documents wait for one."""


class Reader:
    """One process; used by one thread at a time, but `kill` by any."""

    def __init__(self, boot: str) -> None:
        self.process = subprocess.Popen(  # noqa: S603 -- this interpreter, and our own module
            [sys.executable, "-c", boot, *sys.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.end = weakref.finalize(self, _end, self.process, os.getpid())

    def ask(self, question: Mapping[str, Any], *parts: bytes) -> tuple[dict[str, Any], list[bytes]]:
        """What it answers.

        Raises:
            CallError: What is wrong with the document.
            EOFError, OSError: The process has ended.
        """
        assert self.process.stdin is not None  # noqa: S101 -- pipes were asked for
        assert self.process.stdout is not None  # noqa: S101
        send(self.process.stdin, question, parts)
        answer, images = receive(self.process.stdout)
        for warning in answer["warnings"]:
            _log.warning("%s", warning)
        if "error" in answer:
            raise getattr(errors, answer["error"])(answer["message"])
        return answer, images

    def kill(self) -> None:
        """Let it read nothing any more; whoever waits for it gets an `EOFError`."""
        self.process.kill()


def _end(process: subprocess.Popen[bytes], owner: int) -> None:
    if owner != os.getpid():
        return  # a fork's: the process is its parent's
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):  # what was not written yet concerns nobody
                pipe.close()


class Readers:
    """The processes of one event loop.

    Args:
        boot: The program of a process, whose arguments are the module search path; None for the one that reads PDFs.
        most_at_once: Processes at work at a time; further documents wait for one.
    """

    def __init__(self, boot: str | None = None, *, most_at_once: int = MOST_AT_ONCE) -> None:
        self._boot = boot
        self._idle: list[Reader] = []
        self._jobs: set[_Job] = set()
        self._places = asyncio.Semaphore(most_at_once)
        self._closed = False

    async def run(self, work: Callable[[Reader], T]) -> T:
        """What the work gives, which runs in a thread with a process of its own; cancelling this kills the process.

        Raises:
            CallError: What the work raised; the process ended; or the readers were closed.
        """
        loop = asyncio.get_running_loop()
        async with self._places:
            job = _Job(self._idle.pop() if self._idle else None, self._boot or BOOT)
            done: asyncio.Future[T] = loop.create_future()

            def settle(result: T | None, error: Exception | None) -> None:
                if done.done():
                    return
                if error is not None:
                    done.set_exception(error)
                else:
                    done.set_result(result)  # type: ignore[arg-type]  # where there is no error there is a result

            def run() -> None:
                result: T | None = None
                error: Exception | None = None
                try:
                    result = work(job.reader_for())
                except (EOFError, OSError) as lost:
                    error = self._lost(job, lost)
                except Exception as raised:  # noqa: BLE001 -- it goes to who waits
                    error = raised
                if not isinstance(error, (errors.CallError, type(None))) or job.is_abandoned:
                    job.end()
                with suppress(RuntimeError):  # the loop is closed: nobody waits
                    loop.call_soon_threadsafe(settle, result, error)

            self._check_open()
            self._jobs.add(job)
            threading.Thread(target=run, name="pipelex-pdf", daemon=True).start()
            try:
                return await done
            except BaseException as error:
                if not done.done() or not isinstance(error, errors.CallError):
                    job.give_up()
                raise
            finally:
                self._jobs.discard(job)
                self._keep(job)

    def close(self) -> None:
        """Kill them all; who waits for one hears that the client was closed."""
        self._closed = True
        for job in self._jobs:
            job.give_up()
        for reader in self._idle:
            reader.end()
        self._idle.clear()

    def _keep(self, job: _Job) -> None:
        reader = job.reader
        if reader is None or job.is_abandoned or not reader.end.alive:
            return
        if self._closed or self._idle:
            reader.end()
        else:
            self._idle.append(reader)

    def _check_open(self) -> None:
        if self._closed:
            msg = "the client was closed before the document was read"
            raise errors.CallError(msg)

    def _lost(self, job: _Job, lost: Exception) -> errors.CallError:
        if self._closed:
            return errors.CallError("the client was closed before the document was read")
        if job.reader is None:
            return errors.ProviderConnectionError(f"no process to read documents can be started: {lost}")
        job.end()
        code = job.reader.process.returncode
        return errors.BadRequestError(f"the document cannot be read: the process that read it ended with {code}")


class _Job:
    """One document's reader, which may be given up before there is one."""

    def __init__(self, reader: Reader | None, boot: str) -> None:
        self.reader = reader
        self._boot = boot
        self.is_abandoned = False
        self._lock = threading.Lock()

    def reader_for(self) -> Reader:
        """Its reader, started unless it has one; for the thread."""
        if self.reader is None or self.reader.process.poll() is not None:
            self.end()
            reader = Reader(self._boot)
            with self._lock:
                self.reader = reader
        if self.is_abandoned:
            raise EOFError
        return self.reader

    def give_up(self) -> None:
        """Have it read nothing any more; its thread, woken by that, ends the process."""
        with self._lock:
            self.is_abandoned = True
            if self.reader is not None:
                self.reader.kill()

    def end(self) -> None:
        """End the process and close its pipes; for the thread."""
        if self.reader is not None:
            self.reader.end()
