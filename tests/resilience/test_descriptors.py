"""A process that may open no more files: an error that says so, and calls that work again afterwards."""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from pipelex_core import ProviderConnectionError
from pipelex_testing.running import Running, run, until
from tests.resilience.backends import WIRES, kinds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelex_testing import Conformance

resource = pytest.importorskip("resource")
pytestmark = pytest.mark.usefixtures("short_partings")


@contextmanager
def no_descriptor() -> Iterator[None]:
    """No further file or socket can be opened in this process."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, limits[1]))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            socket.socket()
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@pytest.mark.parametrize("name", [name for name in WIRES if name != "Bedrock"])
def test_no_descriptor_is_said_to_be_the_reason(name: str) -> None:
    """And nothing was sent, so that an image is not taken for paid; with descriptors again, the next call is answered."""
    suite: Conformance = WIRES[name]
    kind = kinds(suite)[0]

    async def use(at: Running) -> None:
        kind.queue(at)
        await kind.make(at)
        for connection in list(at.server.opened):
            connection.transport.close()
        await until(lambda: not at.server.opened, "the connections are closed")
        with no_descriptor():
            with pytest.raises(ProviderConnectionError, match="ulimit -n") as caught:
                await kind.make(at, retries=0)
        assert not caught.value.unsettled
        at.server.forget()
        kind.queue(at)
        kind.check(await kind.make(at))

    run(suite, use)
