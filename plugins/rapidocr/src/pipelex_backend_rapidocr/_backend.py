"""The backend: text of scans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_backend_internal.reading import Readers, ReadingBackend, dpi_of
from pipelex_core.errors import NotFoundError

if TYPE_CHECKING:
    from pipelex_core.specs import ModelSpec

BOOT = "import sys; sys.path[:] = sys.argv[1:]; from pipelex_backend_rapidocr._reader import main; main()"
MODEL = "pp-ocrv6-small"
DEFAULT_DPI = 170
"""At which an A4 page is as high as the engine makes the longer side of what it reads."""

MOST_AT_ONCE = 1
"""Documents at a time: the model takes several hundred megabytes while it reads, and as many processor cores as it may."""


class RapidOcrBackend(ReadingBackend):
    """RapidOCR in a process of its own, started at the first document."""

    def readers(self) -> Readers:
        """The one process."""
        return Readers(BOOT, most_at_once=MOST_AT_ONCE)

    def resolution(self, spec: ModelSpec) -> int:
        """Dots per inch of the pages that are read."""
        if spec.model_id != MODEL:
            msg = f"there is no model '{spec.model_id}' here: '{MODEL}' is the only one"
            raise NotFoundError(msg)
        return dpi_of(spec, DEFAULT_DPI)
