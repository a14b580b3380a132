"""The backend: a request becomes pages, read one by one in a thread."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, ClassVar, TypeVar

from pipelex_backend_internal._document import PdfFile
from pipelex_core.backend import DocumentExtractor
from pipelex_core.errors import BadRequestError, CallError, NotFoundError, UnsupportedInputError
from pipelex_core.results import DocumentAnswer, Usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelex_core.backend import Resources
    from pipelex_core.requests import ExtractRequest
    from pipelex_core.results import Page
    from pipelex_core.specs import BackendConfig, ModelSpec

T = TypeVar("T")

DEFAULT_DPI = 150


class InternalBackend(DocumentExtractor):
    """PDFium in a thread, one for each event loop; the lock of `_lock` stands between several."""

    fetches_urls: ClassVar[bool] = False  # core downloads a document that is given as a URL

    def __init__(self, config: BackendConfig) -> None:
        super().__init__(config)
        self._thread: ThreadPoolExecutor | None = None

    async def open(self, resources: Resources) -> None:  # noqa: ARG002 -- there is no network here
        """Make the thread."""
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pdfium")

    async def close(self) -> None:
        """End the thread, once it has done what it was given: a page for each document at most, and closing them."""
        thread, self._thread = self._thread, None
        if thread is not None:
            await asyncio.to_thread(thread.shutdown)

    async def extract(self, request: ExtractRequest) -> DocumentAnswer:
        """The pages, their text in reading order, and images.

        Memory holds one page at a time, besides the document and the answer. A cancellation is answered at once, and
        nothing more is read after the page at work.
        """
        dpi = _resolution(request.spec)
        if request.document.data is None:
            msg = "this backend reads documents given as bytes only"
            raise UnsupportedInputError(msg)
        pages: list[Page] = []
        images_left = request.max_nb_images
        pdf = PdfFile(request.document.data)
        try:
            for index in range(await self._in_thread(pdf.open)):
                page = await self._in_thread(
                    partial(
                        pdf.read, index, most_images=images_left, smallest_image=request.image_min_size or 0, dpi=dpi
                    )
                )
                pages.append(page)
                if images_left is not None:
                    images_left -= len(page.images)
        finally:
            self._release(pdf)
        return DocumentAnswer(pages=tuple(pages), usage=Usage(pages=len(pages)))

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._thread is None:
            msg = "the client was closed before the document was read"
            raise CallError(msg)
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _release(self, pdf: PdfFile) -> None:
        """Close a PDF behind whatever the thread does with it."""
        if self._thread is None:
            pdf.close()
        else:
            self._thread.submit(pdf.close)


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
