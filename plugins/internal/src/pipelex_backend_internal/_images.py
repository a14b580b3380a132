"""Images out of a page: those embedded in it, and a picture of the whole page."""

from __future__ import annotations

import logging
from io import BytesIO
from math import sqrt
from typing import TYPE_CHECKING, Any

import pypdfium2 as pdfium2
import pypdfium2.raw as pdfium

from pipelex_core.errors import UnsupportedInputError
from pipelex_core.results import Image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL.Image import Image as Picture

_log = logging.getLogger(__name__)

MOST_PIXELS = 50_000_000
"""A larger picture is made smaller: a few bytes of PDF can claim more pixels than there is memory."""

THUMB = (16, 16)
MOST_DIFFERENCE = 24.0
"""How far, of 255, the colours of small pictures may differ: decoders round, and colour profiles shift them."""

MOST_PIXELS_A_PAGE = 1_000_000_000
"""Pixels that the images of a page may have together, before any is made smaller."""


def embedded_images(page: pdfium2.PdfPage, *, smallest: int) -> Iterator[Image]:
    """The images of a page in the order they are drawn, those with a side below `smallest` pixels left out.

    An image stored as JPEG comes as its own bytes; any other as PNG, in its own pixels, with its transparency.
    """
    pixels = 0
    for number, item in enumerate(page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE])):
        try:
            width, height = item.get_px_size()
            if min(width, height) < max(smallest, 1):
                continue
            pixels += width * height
            if pixels > MOST_PIXELS_A_PAGE:
                msg = f"the images of a page have more than {MOST_PIXELS_A_PAGE:,} pixels: ask for fewer (max_nb_images), or none"
                raise UnsupportedInputError(msg)
            jpeg = _jpeg(item)
            picture = None if jpeg else _pixels(item, width, height)
        except pdfium2.PdfiumError as error:
            _log.warning("image %d of a page cannot be decoded and is left out: %s", number, error)
            continue
        if jpeg:
            yield Image(data=jpeg, content_type="image/jpeg", width=width, height=height)
        elif picture:
            yield _png(_simplest(picture))


def page_image(page: pdfium2.PdfPage, *, dpi: int) -> Image:
    """A PNG of the page as a reader sees it, form fields and notes included."""
    return _png(page_picture(page, dpi=dpi))


def page_picture(page: pdfium2.PdfPage, *, dpi: int) -> Picture:
    """The page as a reader sees it, in its pixels; of 50 million of them at most."""
    width, height = page.get_size()
    scale = min(dpi / 72, sqrt(MOST_PIXELS / max(width * height, 1)))
    return _taken(page.render(scale=scale, rev_byteorder=True))


def _jpeg(item: Any) -> bytes | None:
    """The JPEG an image is stored as, where it shows by itself what it shows on the page; else None.

    A `/Decode` array may turn its colours round, and how its four inks are meant a CMYK JPEG does not say.
    """
    if item.get_filters(skip_simple=True) != ["DCTDecode"]:
        return None
    data = bytes(item.get_data(decode_simple=True))
    return data if data.startswith(b"\xff\xd8") and _looks_alike(data, item) else None


def _looks_alike(data: bytes, item: Any) -> bool:
    """Whether a JPEG by itself has the colours it has on the page, by a small picture of both."""
    from PIL import Image as Pillow
    from PIL import ImageChops, ImageStat

    try:
        with Pillow.open(BytesIO(data)) as picture:
            if picture.mode not in {"L", "RGB"}:
                return False
            if picture.width * picture.height > MOST_PIXELS:
                return True  # to look would take what the limit is there to save
            picture.draft("RGB", THUMB)
            own = picture.convert("RGB").resize(THUMB)
    except OSError:
        return True  # a broken one: PDFium may know more of it, but its bytes are what there is
    shown = _taken(item.get_bitmap()).convert("RGB").resize(THUMB)
    return max(ImageStat.Stat(ImageChops.difference(own, shown)).mean) < MOST_DIFFERENCE


def _pixels(item: Any, width: int, height: int) -> Picture:
    """An image drawn on its own, pixel by pixel, so that masks and colour spaces are applied."""
    scale = min(1.0, sqrt(MOST_PIXELS / (width * height)))
    before = item.get_matrix()
    item.set_matrix(pdfium2.PdfMatrix(max(round(width * scale), 1), 0, 0, max(round(height * scale), 1), 0, 0))
    try:
        bitmap = item.get_bitmap(render=True, scale_to_original=False)
    finally:
        item.set_matrix(before)
    picture = _taken(bitmap)
    if picture.mode == "RGBA" and picture.getchannel("A").getextrema() == (0, 0):
        _taken(item.get_bitmap())  # drawing a broken image draws nothing and raises nothing; this raises
    return picture


def _taken(bitmap: Any) -> Picture:
    """A bitmap of PDFium as a picture of its own memory; the bitmap is closed."""
    try:
        picture: Picture = bitmap.to_pil().copy()
    finally:
        bitmap.warn_on_close = False  # the warning is about pictures that share its memory
        bitmap.close()
    return picture


def _simplest(picture: Picture) -> Picture:
    """The same picture without an alpha channel where it is opaque all over."""
    if picture.mode == "RGBA" and picture.getchannel("A").getextrema() == (255, 255):
        return picture.convert("RGB")
    return picture


def _png(picture: Picture) -> Image:
    file = BytesIO()
    picture.save(file, "PNG")
    return Image(data=file.getvalue(), content_type="image/png", width=picture.width, height=picture.height)
