"""The conformance kit's server, which the servers of this folder are made of."""

from __future__ import annotations

import hashlib
from array import array

from pipelex_testing.server import Fault, Received, Reply, Server, in_thread, sse_event

__all__ = ["Fault", "Received", "Reply", "Server", "in_thread", "sse_event", "vector_of"]


def vector_of(text: str, dimensions: int) -> list[float]:
    """The vector of a text: numbers that float32 has, the same for the same text."""
    numbers = hashlib.shake_128(text.encode()).digest(dimensions)
    return array("f", [(number - 127.5) / 128 for number in numbers]).tolist()
