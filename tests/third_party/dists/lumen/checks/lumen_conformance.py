"""Lumen's backend goes through pipelex-core's conformance kit."""

import pipelex_lumen
from lumen_wire import LumenWire

from pipelex_testing import Conformance


class TestLumen(Conformance):
    plugin = pipelex_lumen
    sdk = "lumen"
    wire = LumenWire()
    claims = frozenset({"text", "stream", "object"})
    sdk_modules = ("httpx2",)
