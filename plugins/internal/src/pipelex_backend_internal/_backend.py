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

DEFAULT_DPI = 150


class InternalBackend(DocumentExtractor):
    """PDFium in processes of its own, started at the first document."""

    fetches_urls: ClassVar[bool] = False  # core downloads a document that is given as a URL

    def __init__(self, config: BackendConfig) -> None:
        super().__init__(config)
        self._readers = Readers()

    async def open(self, resources: Resources) -> None:  # noqa: ARG002 -- there is no network here
        """Make ready for documents: nothing is started yet."""
        self._readers = Readers()

    async def close(self) -> None:
        """Kill what is under way, and end the processes."""
        self._readers.close()

    async def extract(self, request: ExtractRequest) -> DocumentAnswer:
        """The pages, their text in reading order, and images.

        Memory holds one page at a time, besides the document and the answer. A cancellation is answered at once, and
        ends the reading in the middle of a page.
        """
        dpi = _resolution(request.spec)
        return await self._readers.run(partial(read_pages, request, dpi, self.config.max_media_bytes))


def _resolution(spec: ModelSpec) -> int | None:
    """Dots per inch of page images, or None for a model that cuts out embedded images."""
    if spec.model_id == "extract-text":
        return None
    if spec.model_id != "render-pages":
        msg = f"there is no model '{spec.model_id}' here: 'extract-text' and 'render-pages' are all"
        raise NotFoundError(msg)
    dpi: int = spec.options.get("dpi", DEFAULT_DPI)
    if dpi < 1:
        msg = f"dpi must be 1 or more, not {dpi}"
        raise BadRequestError(msg)
    return dpi
