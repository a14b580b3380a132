"""Scans, drawn with Pillow and the font that it brings: the text of each is known."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from collections.abc import Sequence

LETTER = (
    "The bridge was closed in March, after a lorry",
    "had struck the second pier. Repairs cost 48,250",
    "euros and took eleven weeks; the ferry carried",
    "about 900 people a day in the meantime.",
    "Invoice 2291 of 14 June 2024 is enclosed.",
)
LEFT = ("Rivers of the north", "freeze in November", "and open in April.", "Boats wait ashore", "until the ice goes.")
RIGHT = (
    "Markets open at six.",
    "Bread is sold first,",
    "then fish and fruit.",
    "By noon the square",
    "is empty once more.",
)
SIZE = (1000, 700)


def drawn(lines: Sequence[str], *, left: int = 60, top: int = 60, onto: Image.Image | None = None) -> Image.Image:
    """A sheet with lines of text, 30 pixels high."""
    image = onto or Image.new("RGB", SIZE, "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(30)
    for number, line in enumerate(lines):
        pen.text((left, top + 55 * number), line, font=font, fill="black")
    return image


def columns() -> Image.Image:
    """`LEFT`, and `RIGHT` beside it."""
    return drawn(RIGHT, left=560, onto=drawn(LEFT))


def encoded(image: Image.Image, format: str = "PNG", **options: object) -> bytes:
    """The file of a picture."""
    file = BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def error_rate(got: str, wanted: str) -> float:
    """Edits that make one of the other, by the characters wanted; line ends and runs of spaces are one space."""
    first, second = " ".join(got.split()), " ".join(wanted.split())
    row = list(range(len(second) + 1))
    for number, a in enumerate(first, 1):
        above, row[0] = row[0], number
        for place, b in enumerate(second, 1):
            above, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, above + (a != b))
    return row[-1] / max(len(second), 1)
