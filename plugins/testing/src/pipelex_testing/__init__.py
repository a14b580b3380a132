"""The conformance kit: an author inherits `Conformance`, names a wire, and proves a backend without a key.

    from pipelex_testing import Conformance, OpenAIChat

    class TestAcme(Conformance):
        plugin = pipelex_backend_acme
        sdk = "acme"
        wire = OpenAIChat()
        claims = frozenset({"text", "stream", "object"})

Every scenario runs the backend and its SDK against a server on loopback that speaks the wire. `pytest --certificate DIR`
writes what was claimed against what was proven. It needs pytest: `pip install "pipelex-core[testing]"`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelex_testing.samples import (
        ARGUMENTS,
        CAPABILITIES,
        JPEG,
        PDF,
        PNG,
        USAGE,
        WEATHER,
        Capability,
        SampleAnswer,
    )
    from pipelex_testing.server import Received, Reply, Server, in_thread
    from pipelex_testing.suite import Conformance
    from pipelex_testing.suite.capability import CapabilityConformance
    from pipelex_testing.wire import Wire
    from pipelex_testing.wires import (
        AnthropicMessages,
        BedrockConverse,
        FalQueue,
        Gemini,
        Mistral,
        OpenAIChat,
        OpenAIResponses,
    )

__all__ = [
    "ARGUMENTS",
    "CAPABILITIES",
    "JPEG",
    "PDF",
    "PNG",
    "USAGE",
    "WEATHER",
    "AnthropicMessages",
    "BedrockConverse",
    "Capability",
    "CapabilityConformance",
    "Conformance",
    "FalQueue",
    "Gemini",
    "Mistral",
    "OpenAIChat",
    "OpenAIResponses",
    "Received",
    "Reply",
    "SampleAnswer",
    "Server",
    "Wire",
    "in_thread",
]

_HOMES = {
    "samples": ("ARGUMENTS", "CAPABILITIES", "JPEG", "PDF", "PNG", "USAGE", "WEATHER", "Capability", "SampleAnswer"),
    "server": ("Received", "Reply", "Server", "in_thread"),
    "suite": ("Conformance",),
    "suite.capability": ("CapabilityConformance",),
    "wire": ("Wire",),
}
"""Module -> its public names; those of `wires` are not listed. The plugin of this package is loaded with every program."""

_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """A public name, when it is first asked for."""
        from importlib import import_module

        if name not in __all__:
            msg = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(msg, name=name)
        value = globals()[name] = getattr(import_module(f"{__name__}.{_HOME_OF.get(name, 'wires')}"), name)
        return value
