"""The process that reads documents with RapidOCR: one at a time, as it is asked through its standard input."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_backend_internal.pdf import serve
from pipelex_backend_rapidocr._documents import ImageFile, ScannedPdf

if TYPE_CHECKING:
    from pipelex_backend_internal.pdf import Document


def main() -> None:
    """Answer until the input ends."""
    serve(document_of, "pipelex_backend_internal", "pipelex_backend_rapidocr")


def document_of(data: bytes) -> Document:
    """A PDF or an image, by its bytes; what is neither is refused when it is opened."""
    return ScannedPdf(data) if b"%PDF-" in data[:1024] else ImageFile(data)
