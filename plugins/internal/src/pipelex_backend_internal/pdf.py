"""What a reader's process is made of: PDFs by PDFium, and the loop that answers for documents. Imports PDFium."""

from __future__ import annotations

from pipelex_backend_internal._document import PdfFile
from pipelex_backend_internal._reader import Document, serve

__all__ = ["Document", "PdfFile", "serve"]
