"""Scans read in a process of its own; a PDF with text gives that."""

from __future__ import annotations

from typing import Any

from pipelex_core.specs import BackendConfig
from tests.conformance.provider import Provider


class RapidOcr(Provider):
    """RapidOCR: no server, no key."""

    name = "rapidocr"
    title = "RapidOCR (scans, on this machine)"
    backend = "rapidocr"
    sdk = "rapidocr"
    sdk_module = "rapidocr"
    cells = frozenset({"OCR"})
    ocr_id = "pp-ocrv6-small"
    is_scripted = False

    def config(self, url: str, key: str | None = None) -> BackendConfig:
        return BackendConfig(name=self.backend, allow_private_urls=True)  # the tests have their documents on loopback

    def saw_cancel(self, server: Any) -> bool:
        return True
