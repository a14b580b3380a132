"""Work that would hold up an event loop, such as the import of an SDK or a tool, in a thread of its own."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_MOMENT = 0.02
"""Seconds for which a loop may stand still."""


def in_thread(work: Callable[[], T], *, patience: float = _MOMENT) -> asyncio.Future[T]:
    """What the work gives, which runs in a thread of its own; for one loop, and for once.

    An import takes a second or two, and a file of a network that hangs for ever, in which a loop that did it itself would see
    no deadline pass, and serve nobody. Work that is done within `patience` seconds is done when this returns. Cancelling the
    future does not end the thread, which no end of the program waits for.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if done.done():
            return
        if error is None:
            done.set_result(result)  # type: ignore[arg-type]  # where there is no error there is a result
        else:
            done.set_exception(error)
            done.exception()  # whoever waited may be gone

    def run() -> None:
        result: T | None = None
        failed: BaseException | None = None
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 -- whatever it is, it goes to who waits
            failed = error
        ended.append((result, failed))
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(settle, result, failed)

    ended: list[tuple[T | None, BaseException | None]] = []
    thread = Thread(target=run, name="pipelex-work", daemon=True)
    thread.start()
    thread.join(patience)
    if ended:
        settle(*ended[0])
    return done
