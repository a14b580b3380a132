"""The conformance kit: an author inherits `Conformance`, names a wire, and proves a backend without a key.

    from pipelex_core.testing import Conformance, OpenAIChat

    class TestAcme(Conformance):
        plugin = pipelex_backend_acme
        sdk = "acme"
        wire = OpenAIChat()
        claims = frozenset({"text", "stream", "object"})

Every scenario runs the backend and its SDK against a server on loopback that speaks the wire. `pytest --certificate DIR`
writes what was claimed against what was proven. It needs pytest: `pip install "pipelex-core[testing]"`.
"""

from __future__ import annotations

from pipelex_core.testing.samples import (
    CAPABILITIES,
    JPEG,
    PDF,
    PNG,
    USAGE,
    Capability,
    Said,
)
from pipelex_core.testing.server import Received, Reply, Server, in_thread
from pipelex_core.testing.suite import Conformance
from pipelex_core.testing.wire import Wire
from pipelex_core.testing.wires import (
    AnthropicMessages,
    BedrockConverse,
    FalQueue,
    Gemini,
    Mistral,
    OpenAIChat,
    OpenAIResponses,
)

__all__ = [
    "CAPABILITIES",
    "JPEG",
    "PDF",
    "PNG",
    "USAGE",
    "AnthropicMessages",
    "BedrockConverse",
    "Capability",
    "Conformance",
    "FalQueue",
    "Gemini",
    "Mistral",
    "OpenAIChat",
    "OpenAIResponses",
    "Received",
    "Reply",
    "Said",
    "Server",
    "Wire",
    "in_thread",
]
