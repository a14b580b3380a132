"""The backend: text and images of PDF files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_backend_internal.reading import ReadingBackend, dpi_of
from pipelex_core.errors import NotFoundError

if TYPE_CHECKING:
    from pipelex_core.specs import ModelSpec

DEFAULT_DPI = 150


class InternalBackend(ReadingBackend):
    """PDFium in processes of its own, started at the first document."""

    def resolution(self, spec: ModelSpec) -> int | None:
        """Dots per inch of page images, or None for the model that cuts out embedded images."""
        if spec.model_id == "extract-text":
            return None
        if spec.model_id != "render-pages":
            msg = f"there is no model '{spec.model_id}' here: 'extract-text' and 'render-pages' are all"
            raise NotFoundError(msg)
        return dpi_of(spec, DEFAULT_DPI)
