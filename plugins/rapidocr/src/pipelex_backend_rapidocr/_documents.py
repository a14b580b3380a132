"""Documents with pages to be recognised: image files, and PDFs some of whose pages are scans."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from PIL import Image, ImageOps, UnidentifiedImageError

from pipelex_backend_internal.pdf import PdfFile
from pipelex_backend_rapidocr._recognition import recognise
from pipelex_core.errors import BadRequestError, UnsupportedInputError
from pipelex_core.results import Page

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

MOST_PIXELS = 100_000_000
"""Pixels of an image; a sheet of A3 at 600 dots per inch has 70 million."""

MOST_PAGES = 1000
"""Pages of a document: at two seconds a page, more are hours of work that nobody waits for in one call."""

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP", "AVIF")
SIXTEEN_BITS = ("I", "I;16", "I;16B", "I;16L", "I;16N")

Image.MAX_IMAGE_PIXELS = None  # of this process alone: an image is measured before it is decoded, with an error of ours


class ImageFile:
    """An image, or the pages of a TIFF."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._image: Picture | None = None

    def open(self) -> int:
        """Open it and count its pages; what is wrong with it is a `BadRequestError` or an `UnsupportedInputError`."""
        if not self._data:
            msg = "the document is empty: it has no bytes"
            raise UnsupportedInputError(msg)
        try:
            self._image = Image.open(BytesIO(self._data), formats=FORMATS)
            pages: int = getattr(self._image, "n_frames", 1) if self._image.format == "TIFF" else 1
        except UnidentifiedImageError as error:
            msg = "the document is neither a PDF nor an image (PNG, JPEG, WebP, TIFF, GIF, BMP, AVIF) whose beginning is intact"
            raise UnsupportedInputError(msg) from error
        except (OSError, ValueError, SyntaxError, EOFError) as error:
            raise _damaged(1, error) from error
        _check_pages(pages)
        return pages

    def close(self) -> None:
        """Release it; a second time does nothing."""
        if self._image is not None:
            self._image.close()
            self._image = None

    def read(self, index: int, **_: object) -> Page:
        """The text of a page, its index from 0; an image has no images in it."""
        if self._image is None:
            msg = "the image is not open"
            raise ValueError(msg)
        try:
            if index:
                self._image.seek(index)
            _check_pixels(self._image, index)
            picture = _upright(self._image)
        except (OSError, ValueError, SyntaxError, EOFError, MemoryError) as error:
            raise _damaged(index + 1, error) from error
        return Page(index=index, text=recognise(picture))


class ScannedPdf:
    """A PDF: a page with text gives that, a page without is looked at."""

    def __init__(self, data: bytes) -> None:
        self._pdf = PdfFile(data)

    def open(self) -> int:
        """Open it and count its pages, as `PdfFile.open` does."""
        pages = self._pdf.open()
        _check_pages(pages)
        return pages

    def close(self) -> None:
        """Release it; a second time does nothing."""
        self._pdf.close()

    def read(self, index: int, *, most_images: int | None, smallest_image: int, dpi: int | None) -> Page:
        """One page, its index from 0: its text, and the images embedded in it.

        Args:
            index: From 0.
            most_images: How many images at most; None for all.
            smallest_image: Least pixels of an image's smaller side.
            dpi: Resolution at which a page without text is looked at.
        """
        page = self._pdf.read(index, most_images=most_images, smallest_image=smallest_image, dpi=None)
        if page.text.strip() or dpi is None:
            return page
        text = recognise(self._pdf.render(index, dpi=dpi).convert("RGB"))
        return Page(index=index, text=text, images=page.images)


def _upright(image: Picture) -> Picture:
    """The picture as its EXIF data says to turn it, in RGB, white where it is transparent."""
    image.load()
    picture = ImageOps.exif_transpose(image)
    if picture.mode in SIXTEEN_BITS:
        picture = picture.point(lambda value: value / 256).convert("L")
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(white, picture).convert("RGB")
    return picture.convert("RGB")


def _check_pages(pages: int) -> None:
    if pages > MOST_PAGES:
        msg = f"the document has {pages:,} pages, and at most {MOST_PAGES:,} are read: split it"
        raise UnsupportedInputError(msg)


def _check_pixels(image: Picture, index: int) -> None:
    if image.width * image.height > MOST_PIXELS:
        msg = (
            f"the image on page {index + 1} has {image.width:,} × {image.height:,} pixels, and at most {MOST_PIXELS:,} are read: "
            "make it smaller"
        )
        raise UnsupportedInputError(msg)


def _damaged(page: int, error: Exception) -> BadRequestError:
    return BadRequestError(f"page {page} of the image cannot be read: {str(error) or type(error).__name__}")
