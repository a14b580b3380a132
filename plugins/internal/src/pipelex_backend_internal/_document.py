"""A PDF opened with PDFium: its pages, one at a time, and what is wrong with it in our errors."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING

import pypdfium2 as pdfium2
import pypdfium2.raw as pdfium

from pipelex_backend_internal._annotations import read_annotations
from pipelex_backend_internal._images import embedded_images, page_image, page_picture
from pipelex_backend_internal._layers import drop_hidden_layers
from pipelex_backend_internal._text import read_text
from pipelex_core.errors import BadRequestError, UnsupportedInputError
from pipelex_core.results import Page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL.Image import Image as Picture

    from pipelex_backend_internal._annotations import Annotations
    from pipelex_core.results import Image

_log = logging.getLogger(__name__)

HEADER_WITHIN = 1024
"""How far into a file its `%PDF-` may stand: what readers commonly allow."""

MOST_PAGES = 20_000
MOST_OBJECTS = 500_000
"""Pages of a document, and objects of a page, beyond which it is refused: no document for people has as many."""

PAGES_AN_OPENING = 50
"""After how many pages a PDF is opened anew: PDFium keeps what it has parsed until it closes the document."""


class PdfFile:
    """One PDF. PDFium is not thread-safe: nothing else of it may run in the process at the same time."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._pdf: pdfium2.PdfDocument | None = None
        self._pages_read = 0

    def open(self) -> int:
        """Open it and count its pages; what is wrong with it is a `BadRequestError` or an `UnsupportedInputError`."""
        _check_is_pdf(self._data)
        self._pdf = _opened(self._data)
        pages = len(self._pdf)
        if pages > MOST_PAGES:
            msg = f"the PDF has {pages:,} pages, and at most {MOST_PAGES:,} are read: split it"
            raise UnsupportedInputError(msg)
        if not pages:
            msg = "the PDF has no pages"
            raise BadRequestError(msg)
        return pages

    def close(self) -> None:
        """Release it; a second time does nothing."""
        if self._pdf is not None:
            self._pdf.close()
            self._pdf = None

    def read(self, index: int, *, most_images: int | None, smallest_image: int, dpi: int | None) -> Page:
        """One page of an open PDF: its text, and the images embedded in it or a picture of the whole page.

        Args:
            index: From 0.
            most_images: How many images at most; None for all.
            smallest_image: Least pixels of an image's smaller side.
            dpi: Resolution of a picture of the whole page; None for the images embedded in it.
        """
        with self._visible(index) as (page, annotations):
            text = read_text(page, annotations)
            images = _images(page, smallest_image, dpi) if most_images != 0 else iter(())
            return Page(index=index, text=text, images=tuple(islice(images, most_images)))

    def render(self, index: int, *, dpi: int) -> Picture:
        """One page of an open PDF as a picture of 50 million pixels at most, its index from 0."""
        with self._visible(index) as (page, _):
            return page_picture(page, dpi=dpi)

    @contextmanager
    def _visible(self, index: int) -> Iterator[tuple[pdfium2.PdfPage, Annotations]]:
        """A page with what a reader sees of it; what is wrong with it is a `BadRequestError`."""
        try:
            with self._page(index) as (page, annotations):
                _check_size(page, index)
                drop_hidden_layers(page, index)
                yield page, annotations
        except (pdfium2.PdfiumError, ValueError, OSError, MemoryError) as error:
            msg = f"page {index + 1} of the PDF cannot be read: {error or type(error).__name__}"
            raise BadRequestError(msg) from error

    @contextmanager
    def _page(self, index: int) -> Iterator[tuple[pdfium2.PdfPage, Annotations]]:
        page = self._fresh()[index]
        annotations = read_annotations(page)
        if pdfium.FPDFPage_GetAnnotCount(page) > 0:
            _draw_annotations(page)
            page.close()
            page = page.pdf[index]
        try:
            yield page, annotations
        finally:
            page.close()

    def _fresh(self) -> pdfium2.PdfDocument:
        """The open PDF, opened anew from time to time."""
        if self._pdf is None:
            msg = "the PDF is not open"
            raise ValueError(msg)
        if self._pages_read == PAGES_AN_OPENING:
            self._pdf.close()
            self._pdf = _opened(self._data)
            self._pages_read = 0
        self._pages_read += 1
        return self._pdf


def _check_size(page: pdfium2.PdfPage, index: int) -> None:
    """Refuse a page that a few bytes have blown up."""
    objects = pdfium.FPDFPage_CountObjects(page)
    if objects > MOST_OBJECTS:
        msg = f"page {index + 1} of the PDF has {objects:,} objects, and at most {MOST_OBJECTS:,} are read"
        raise UnsupportedInputError(msg)


def _check_is_pdf(data: bytes) -> None:
    if not data:
        msg = "the document is empty: it has no bytes"
        raise UnsupportedInputError(msg)
    if b"%PDF-" not in data[:HEADER_WITHIN]:
        msg = "the document is not a PDF, and this model reads nothing else"
        raise UnsupportedInputError(msg)


def _opened(data: bytes) -> pdfium2.PdfDocument:
    try:
        pdf = pdfium2.PdfDocument(data)
    except pdfium2.PdfiumError as error:
        code = _error_code(data)
        if code == pdfium.FPDF_ERR_PASSWORD:
            msg = "the PDF is encrypted and opens with a password only: remove the password first"
            raise UnsupportedInputError(msg) from error
        if code == pdfium.FPDF_ERR_SECURITY:
            msg = "the PDF is encrypted in a way that cannot be read"
            raise UnsupportedInputError(msg) from error
        msg = "the PDF is broken, or has no pages"
        raise BadRequestError(msg) from error
    try:
        pdf.init_forms()
    except pdfium2.PdfiumError as error:
        pdf.close()
        msg = f"the form of the PDF is broken: {error}"
        raise BadRequestError(msg) from error
    return pdf


def _error_code(data: bytes) -> int | None:
    """Why a document does not open; where it has no pages, PDFium leaves the code of whatever failed before."""
    code = None
    for document in (b"%PDF-", data):  # the first always fails, and as a broken one
        try:
            pdfium2.PdfDocument(document).close()
        except pdfium2.PdfiumError as error:
            code = error.err_code
    return code


def _draw_annotations(page: pdfium2.PdfPage) -> None:
    """Draw form fields and notes into the page, once it is loaded again, so that what they hold counts as its text."""
    if pdfium.FPDFPage_Flatten(page, pdfium.FLAT_NORMALDISPLAY) == pdfium.FLATTEN_FAIL:
        _log.warning("the form fields and notes of a page cannot be drawn: what they hold is left out")


def _images(page: pdfium2.PdfPage, smallest: int, dpi: int | None) -> Iterator[Image]:
    if dpi is None:
        yield from embedded_images(page, smallest=smallest)
        return
    image = page_image(page, dpi=dpi)
    if min(image.width or 0, image.height or 0) >= smallest:
        yield image
