"""One process that answers: it loads the deck, listens until it has to end, and records what was spent."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import uvicorn

from pipelex_core.capabilities.text import TEXT
from pipelex_core.errors import PipelexError
from pipelex_core.execution.plan import make_plan
from pipelex_serve.access_log import AccessLog
from pipelex_serve.accounts import Accounts
from pipelex_serve.admin import admin_digest
from pipelex_serve.decks import Decks
from pipelex_serve.gate import Gate
from pipelex_serve.gateway import Gateway
from pipelex_serve.keys.opening import open_store
from pipelex_serve.loading import loader
from pipelex_serve.metrics import Metrics
from pipelex_serve.openai.models import handles
from pipelex_serve.protocol import Protocol
from pipelex_serve.settings import VARIABLE, Settings, default_spend
from pipelex_serve.watching import watch

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from pipelex_core.deck import ModelDeck

_log = logging.getLogger("pipelex_serve")

_KEEP_ALIVE_S = 75
"""Seconds that an idle connection is kept: longer than the pools of clients keep theirs."""

_POLL_S = 0.02
_LAST_S = 5.0
"""Seconds that requests have to end which were cut short."""

_LEAST_DRAIN_S = 0.5
"""Seconds for which a gateway that is about to end still answers, so that balancers see it."""


_M_TRIM_THRESHOLD, _M_ARENA_MAX = -1, -8


class Server(uvicorn.Server):
    """uvicorn's server, whose process's signals are handled here."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


async def open_gateway(settings: Settings) -> Gateway:
    """What all requests share, ready to answer.

    Raises:
        PipelexError: The deck, or the store of keys and spend, cannot be used.
    """
    decks = Decks(loader(settings))
    name_what_is_missing(decks.current.deck)
    store = await open_store(settings.spend or default_spend())
    return Gateway(settings, decks, Accounts(store), Metrics(), await admin_digest(store))


def name_what_is_missing(deck: ModelDeck) -> None:
    """Log why no handle can be called, where none can: on a fresh machine a plugin is missing, or a key."""
    if any(handles(deck)):
        return
    try:
        make_plan(deck, TEXT, TEXT.read("Hello"))
    except PipelexError as error:
        _log.warning("no handle can be called yet: %s", error)


async def serve(
    gateway: Gateway, sockets: list[socket.socket], *, handle: Callable[[Gateway, Server], None] | None = None
) -> None:
    """Answer on sockets until the server is to exit; then what was spent is written down, and everything closed.

    Args:
        gateway: What all requests share; it is closed in the end.
        sockets: Where to listen.
        handle: Called once with the server, to end it and more.
    """
    log = AccessLog(is_on=gateway.settings.access_log)
    server = Server(_config(gateway.settings, Gate(gateway, log)))
    watching = asyncio.create_task(watch(gateway.decks)) if gateway.settings.watch else None
    if handle is not None:
        handle(gateway, server)
    try:
        await server.serve(sockets)
        await _wait(lambda: not gateway.in_flight, _LAST_S)
    finally:
        if watching is not None:
            watching.cancel()
        await gateway.memory.close()
        await gateway.accounts.close()
        await gateway.decks.close()
        log.flush()


def _spare_collections() -> None:
    """Have the garbage collector look at what requests leave behind, and seldom at what stays for ever."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _spare_memory() -> None:
    """Have glibc give back what is freed at the end of its heap, and keep one arena: one thread does nearly all the work here.

    https://man7.org/linux/man-pages/man3/mallopt.3.html
    """
    import ctypes

    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # other C libraries have none
        mallopt(_M_ARENA_MAX, 1)
        mallopt(_M_TRIM_THRESHOLD, 128 * 1024)


def _config(settings: Settings, app: Gate) -> uvicorn.Config:
    protocol = type("LimitedProtocol", (Protocol,), {"limits": settings.limits})
    return uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=int(_LAST_S),
    )


def handle_signals(gateway: Gateway, server: Server) -> None:
    """SIGTERM and SIGINT drain, a second one ends at once; SIGHUP reads the deck anew."""
    loop = asyncio.get_running_loop()
    tasks: set[asyncio.Task[object]] = set()

    def begin(work: Coroutine[Any, Any, object]) -> None:
        task = loop.create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    def end() -> None:
        if gateway.is_draining:
            server.should_exit = server.force_exit = True
        else:
            gateway.is_draining = True
            begin(drain(gateway, server))

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    if hasattr(signal, "SIGHUP"):
        loop.add_signal_handler(signal.SIGHUP, lambda: begin(gateway.decks.reload()))


async def drain(gateway: Gateway, server: Server) -> None:
    """Let what is under way end, while new calls are refused; then end the server."""
    gateway.is_draining = True
    _log.info("draining: %d requests under way", gateway.in_flight)
    await asyncio.sleep(_LEAST_DRAIN_S)
    await _wait(lambda: not gateway.in_flight, gateway.settings.limits.drain_seconds)
    server.should_exit = True


async def _wait(is_done: Callable[[], bool], seconds: float) -> None:
    ends_at = asyncio.get_running_loop().time() + seconds
    while not is_done() and asyncio.get_running_loop().time() < ends_at:  # noqa: ASYNC110 -- no event tells of it
        await asyncio.sleep(_POLL_S)


def set_up_logging() -> None:
    """Messages for people go to stderr; stdout has the access log."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    _log.setLevel(logging.INFO)


def listen(settings: Settings) -> socket.socket:
    """The socket to listen on.

    Raises:
        OSError: The address is in use, or not this machine's.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
        listener.listen(2048)
    except OSError:
        listener.close()
        raise
    listener.set_inheritable(True)
    return listener


def run(settings: Settings, listener: socket.socket, *, ready: Callable[[], None] | None = None) -> None:
    """Answer on a socket, in this process, until a signal ends it."""

    async def main() -> None:
        gateway = await open_gateway(settings)
        _spare_collections()
        if ready is not None:
            ready()
        await serve(gateway, [listener], handle=handle_signals)

    if sys.platform == "win32":
        asyncio.run(main())
    else:
        if sys.platform == "linux":
            _spare_memory()
        import uvloop

        uvloop.run(main())


if __name__ == "__main__":
    set_up_logging()
    provided = Settings.from_json(os.environ[VARIABLE])
    try:
        run(provided, socket.socket(fileno=int(sys.argv[1])))
    except PipelexError as failure:
        sys.stderr.write(f"pipelex: {failure}\n")
        sys.exit(1)
