"""PDFs read in this process."""

from __future__ import annotations

from typing import Any

from pipelex_core.specs import BackendConfig
from tests.conformance.provider import Provider


class Internal(Provider):
    """pypdfium2: no server, no key."""

    name = "internal"
    title = "internal (PDF text, in this process)"
    backend = "internal"
    sdk = "pypdfium2"
    sdk_module = "pypdfium2"
    cells = frozenset({"OCR"})
    ocr_id = "extract-text"
    is_scripted = False

    def config(self, url: str, key: str | None = None) -> BackendConfig:
        return BackendConfig(name=self.backend, allow_private_urls=True)  # the tests have their documents on loopback

    def saw_cancel(self, server: Any) -> bool:
        return True
