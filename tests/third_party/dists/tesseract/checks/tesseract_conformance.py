"""Tesseract through pipelex-core's conformance kit: an engine on this machine, without a server."""

from typing import ClassVar

import pipelex_tesseract

from pipelex_core.specs import ModelType
from pipelex_testing import Conformance


class TestTesseract(Conformance):
    plugin = pipelex_tesseract
    sdk = "tesseract"
    wire = None
    takes_key = False
    claims = frozenset({"OCR"})
    model_ids: ClassVar = {ModelType.TEXT_EXTRACTOR: "eng"}
    sdk_modules = ("pypdfium2", "PIL")
