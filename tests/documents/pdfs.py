"""Whole PDFs, drawn with reportlab; coordinates in points from the lower left corner of an A4 page."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from PIL import Image
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

A4 = (595, 842)

Drawing = "Callable[[Canvas], None]"


def pdf(*pages: Callable[[Any], None], password: str | None = None, owner_password: str | None = None) -> bytes:
    """A PDF with a page a function, each given a reportlab canvas."""
    encrypt = None
    if password or owner_password:
        encrypt = StandardEncryption(password or "", ownerPassword=owner_password or password, strength=128)
    file = BytesIO()
    canvas = Canvas(file, pagesize=A4, encrypt=encrypt, invariant=1)
    for draw in pages:
        draw(canvas)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def lines(*texts: str, left: float = 50, top: float = 780, leading: float = 14) -> Callable[[Any], None]:
    """Draws lines of text downwards."""
    return strings(*((left, top - number * leading, text) for number, text in enumerate(texts)))


def strings(*placed: tuple[float, float, str]) -> Callable[[Any], None]:
    """Draws each text at its place, in this order."""

    def draw(canvas: Any) -> None:
        for left, height, text in placed:
            canvas.drawString(left, height, text)

    return draw


def text_pages(count: int, *, lines_a_page: int = 40) -> bytes:
    """A PDF of many pages of text, each with its number in the first line."""
    body = ["The quick brown fox jumps over the lazy dog while nobody looks."] * (lines_a_page - 1)
    return pdf(*(lines(f"This is page {number} of the file.", *body) for number in range(count)))


def pictures(*placed: tuple[Image.Image | bytes, float, float, float, float], alpha: bool = False) -> Any:
    """Draws images (encoded bytes or pictures) at left, bottom, width, height."""

    def draw(canvas: Any) -> None:
        for image, left, bottom, width, height in placed:
            source = BytesIO(image) if isinstance(image, bytes) else image
            canvas.drawImage(ImageReader(source), left, bottom, width, height, mask="auto" if alpha else None)

    return draw


def gradient(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """A picture in which every pixel differs from its neighbours, and with alpha every row is less opaque."""
    pixels: Iterable[tuple[int, ...]] = (
        (x * 255 // width, y * 255 // height, (x + y) % 256, 255 - y * 255 // height)[: len(mode)]
        for y in range(height)
        for x in range(width)
    )
    picture = Image.new(mode, (width, height))
    picture.putdata(list(pixels))
    return picture


def jpeg(width: int, height: int) -> bytes:
    """A JPEG."""
    file = BytesIO()
    gradient(width, height).save(file, "JPEG", quality=90)
    return file.getvalue()
