"""Cohere's SDK through pipelex-core's conformance kit."""

import pipelex_cohere
from cohere_wire import CohereWire

from pipelex_testing import Conformance


class TestCohere(Conformance):
    plugin = pipelex_cohere
    sdk = "cohere"
    wire = CohereWire()
    claims = frozenset({"text", "stream", "object", "tools"})
    sdk_modules = ("cohere", "httpx")
