"""The backend: a request becomes pages, read one by one in a process that can be killed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from pipelex_backend_internal.reading import Readers, read_pages
from pipelex_core.backend import DocumentExtractor
from pipelex_core.errors import BadRequestError, NotFoundError

if TYPE_CHECKING:
    from pipelex_core.backend import Resources
    from pipelex_core.requests import ExtractRequest
    from pipelex_core.results import DocumentAnswer
    from pipelex_core.specs import BackendConfig, ModelSpec

BOOT = "import sys; sys.path[:] = sys.argv[1:]; from pipelex_backend_rapidocr._reader import main; main()"
MODEL = "pp-ocrv6-small"
DEFAULT_DPI = 170
"""At which an A4 page is as high as the engine makes the longer side of what it reads."""

MOST_AT_ONCE = 1
"""Documents at a time: the model takes several hundred megabytes while it reads, and as many processor cores as it may."""


class RapidOcrBackend(DocumentExtractor):
    """RapidOCR in a process of its own, started at the first document."""

    fetches_urls: ClassVar[bool] = False  # core downloads a document that is given as a URL

    def __init__(self, config: BackendConfig) -> None:
        super().__init__(config)
        self._readers = Readers(BOOT, most_at_once=MOST_AT_ONCE)

    async def open(self, resources: Resources) -> None:  # noqa: ARG002 -- there is no network here
        """Make ready for documents: nothing is started yet."""
        self._readers = Readers(BOOT, most_at_once=MOST_AT_ONCE)

    async def close(self) -> None:
        """Kill what is under way, and end the process."""
        self._readers.close()

    async def extract(self, request: ExtractRequest) -> DocumentAnswer:
        """The pages and their text in reading order; from a PDF the images embedded in it, too.

        Memory holds one page at a time, besides the document and the answer. A cancellation is answered at once, and
        ends the reading in the middle of a page.
        """
        dpi = _resolution(request.spec)
        return await self._readers.run(partial(read_pages, request, dpi, self.config.max_media_bytes))


def _resolution(spec: ModelSpec) -> int:
    if spec.model_id != MODEL:
        msg = f"there is no model '{spec.model_id}' here: '{MODEL}' is the only one"
        raise NotFoundError(msg)
    dpi: int = spec.options.get("dpi", DEFAULT_DPI)
    if dpi < 1:
        msg = f"dpi must be 1 or more, not {dpi}"
        raise BadRequestError(msg)
    return dpi
