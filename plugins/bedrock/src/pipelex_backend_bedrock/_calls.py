"""One call on its way through a worker thread: what its connection needs to know of it, and how it is given up.

botocore has no way to cancel: a thread that waits for an answer waits until it comes. So each connection knows whose
call it carries (`_connections`), and giving a call up shuts down that connection's socket, which wakes the thread.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from math import inf
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ERROR_BYTES = 1024 * 1024
"""Bytes that are read of the body of an error."""

_ownership = threading.Lock()
"""Held while a connection changes its call, and while one is severed: a call never severs another's connection."""


class Connection(Protocol):
    """What a call needs of the connection that carries it.

    Attributes:
        owner: The call it carries now, or carried last.
        severed: Whether its socket was shut down under it.
        sock: Its socket; None before it is connected.
    """

    owner: Call | None
    severed: bool
    sock: Any

    def close(self) -> None:
        """Forget the socket, so that the next request connects anew."""


class Call:
    """One call to the provider.

    Attributes:
        timeout: Longest silence to bear, in seconds; None for the client's own limit.
        abandoned: Whether nobody waits for it any more.
        sent: Whether its request went out, at least in part: before that, a fault is the request's.
        most: How many bytes the answer may have; of a stream, each of its events.
        most_key: The key of backends.toml that says so.
        is_too_large: Whether it had more.
    """

    def __init__(self, timeout: float | None = None, most: float = inf, most_key: str = "max_answer_bytes") -> None:
        self.timeout = timeout
        self.most = most
        self.most_key = most_key
        self.is_too_large = False
        self.abandoned = False
        self.sent = False
        self._connection: Connection | None = None

    def board(self, connection: Connection) -> None:
        """Take a connection, just before the request is written to it."""
        with _ownership:
            if connection.severed:  # by its last call, after it was back in the pool
                connection.close()
                connection.severed = False
            connection.owner = self
            self._connection = connection
        self.check()
        self.sent = True

    def count(self, response: Any, *, is_error: bool) -> Callable[..., Iterator[bytes]]:
        """What reads urllib3's response, up to as many bytes as it may have; that of an error just ends there."""
        read = response.stream

        def counted(*args: Any, **kwargs: Any) -> Iterator[bytes]:
            remaining = min(self.most, ERROR_BYTES) if is_error else self.most
            for piece in read(*args, **kwargs):
                remaining -= len(piece)
                if remaining < 0:
                    response.close()  # the rest stays unread
                    if is_error:
                        return
                    self.is_too_large = True
                    msg = "the answer is too large"
                    raise ConnectionAbortedError(msg)
                yield piece

        return counted

    def leave(self) -> None:
        """Let go of the connection: the answer is complete."""
        with _ownership:
            if self._connection is not None and self._connection.owner is self:
                self._connection.owner = None
            self._connection = None

    def give_up(self) -> None:
        """End it from another thread: its connection is severed, and whatever it still gives is dropped."""
        with _ownership:
            self.abandoned = True
            connection = self._connection
            if connection is None or connection.owner is not self or connection.sock is None:
                return
            connection.severed = True
            # An SSLSocket's own shutdown would take the TLS state away from the thread that reads.
            sock = getattr(connection.sock, "socket", connection.sock)
            with suppress(OSError):  # the provider was faster
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def check(self) -> None:
        """Stop here where nobody waits any more."""
        if self.abandoned:
            msg = "the call was given up"
            raise ConnectionAbortedError(msg)


class _Current(threading.local):
    call: Call | None = None


current = _Current()
"""The call that the running thread is busy with."""


def read_body(body: Any) -> bytes:
    """The body of InvokeModel's answer, which botocore gives as a stream; no more of it than the call may have.

    Raises:
        ConnectionAbortedError: It has more; the call knows.
    """
    call, pieces, size = current.call, [], 0
    for piece in body.iter_chunks(_AT_ONCE):
        size += len(piece)
        if call is not None and size > call.most:
            body.close()
            call.is_too_large = True
            msg = "the answer is too large"
            raise ConnectionAbortedError(msg)
        pieces.append(piece)
    return b"".join(pieces)


_AT_ONCE = 65536
"""Bytes of a body to read at once."""
