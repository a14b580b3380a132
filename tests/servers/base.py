"""The conformance kit's server, which the servers of this folder are made of."""

from __future__ import annotations

from pipelex_testing.server import Fault, Received, Reply, Server, in_thread, sse_event

__all__ = ["Fault", "Received", "Reply", "Server", "in_thread", "sse_event"]
