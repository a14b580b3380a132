"""Ollama's own API through pipelex-core's conformance kit."""

from typing import ClassVar

import pipelex_ollama_native
from ollama_wire import OllamaWire

from pipelex_testing import Conformance


class TestOllama(Conformance):
    plugin = pipelex_ollama_native
    sdk = "ollama_native"
    wire = OllamaWire()
    claims = frozenset({"text", "stream", "object", "tools", "image in", "thinking"})
    thinking: ClassVar = {"reasoning_effort": "high"}
    takes_key = False
    sdk_modules = ("httpx2",)
