"""Text out of real PDFs: order, scripts, directions, form fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pipelex_backend_internal._document import PdfFile
from tests.documents.pdfs import lines, pdf, strings
from tests.documents.raw import one_page, raw_pdf, stream, text_meaning

if TYPE_CHECKING:
    from collections.abc import Callable

FONT = b"/Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >>"


def read(data: bytes, index: int = 0) -> str:
    file = PdfFile(data)
    file.open()
    try:
        return file.read(index, most_images=0, smallest_image=0, dpi=None).text
    finally:
        file.close()


def turned(angle: float, *texts: str) -> Callable[[Any], None]:
    """Draws lines of text turned counter-clockwise around the middle of the page."""

    def draw(canvas: Any) -> None:
        canvas.saveState()
        canvas.translate(300, 420)
        canvas.rotate(angle)
        for number, text in enumerate(texts):
            canvas.drawString(0, -14 * number, text)
        canvas.restoreState()

    return draw


def test_lines_come_from_the_top_with_a_line_feed_between() -> None:
    """The order of drawing does not matter, and line ends are line feeds alone."""
    assert read(pdf(strings((50, 700, "third"), (50, 728, "first"), (50, 714, "second")))) == "first\nsecond\nthird"


def test_two_columns_drawn_line_by_line_are_read_one_after_the_other() -> None:
    """A heading across, then the left column, then the right one."""
    rows = [
        (left, 700 - 14 * n, f"{side} line {n} of a text set in columns")
        for n in range(4)
        for left, side in ((50, "left"), (310, "right"))
    ]
    heading = (50, 740, "A heading that reaches across both of the columns of this page, all the way")
    text = read(pdf(strings(*rows, heading)))
    order = [heading[2], *(f"{side} line {n}" for side in ("left", "right") for n in range(4))]
    assert [text.index(mark) for mark in order] == sorted(text.index(mark) for mark in order)


def test_a_ruled_table_is_read_row_by_row() -> None:
    """Lines drawn between rows keep words that halve the page in their rows."""

    def draw(canvas: Any) -> None:
        for n, row in enumerate((("Country", "Capital"), ("Portugal", "Lisboa"), ("Deutschland", "Berlin"))):
            canvas.drawString(50, 700 - 20 * n, row[0])
            canvas.drawString(310, 700 - 20 * n, row[1])
            canvas.line(45, 694 - 20 * n, 550, 694 - 20 * n)

    assert read(pdf(draw)) == "Country  Capital\nPortugal  Lisboa\nDeutschland  Berlin"


@pytest.mark.parametrize("angle", [0, 90, 180, 270])
def test_text_that_runs_another_way_is_read_as_text(angle: int) -> None:
    """A page whose text is turned by quarters reads like one that is not."""
    assert read(pdf(turned(angle, "first line of it", "and the second"))) == "first line of it\nand the second"


def test_the_way_most_text_runs_comes_first() -> None:
    """A note along the margin follows the text, and a slanted watermark is last."""

    def draw(canvas: Any) -> None:
        for part in (turned(45, "DRAFT COPY"), turned(90, "note"), lines("the text")):
            part(canvas)

    assert read(pdf(draw)) == "the text\n\nnote\n\nDRAFT COPY"


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_rotated_page_is_read_as_it_is_shown(rotation: int) -> None:
    """Of two texts equally long, the one that stands upright on the rotated page is first."""

    def draw(canvas: Any) -> None:
        canvas.setPageRotation(rotation)
        turned(0, "sideways-1", "sideways-2")(canvas)
        canvas.translate(100, 100)
        turned(rotation, "upright-01", "upright-02")(canvas)

    assert read(pdf(draw)).startswith("upright-01\nupright-02\n\nsideways")


def test_leaning_text_still_stands_in_its_line() -> None:
    """A scan that lies a few degrees askew is read line by line."""
    assert read(pdf(turned(3, "askew but legible", "line after line"))) == "askew but legible\nline after line"


@pytest.mark.parametrize(
    "drawn, meaning",
    [
        ("Zażółć gęślą", "Zażółć gęślą"),
        ("ελληνικά", "ελληνικά"),
        ("漢字かな", "漢字かな"),
        ("a😀b", "a😀b"),
        ("םולש", "שלום"),
        ("word\N{SOFT HYPHEN}", "word-"),
        ("a\N{NO-BREAK SPACE}b", "a b"),
        ("a\x07b", "ab"),
    ],
    ids=["polish", "greek", "japanese", "beyond-16-bits", "hebrew-drawn-leftmost-last", "hyphen", "space", "control"],
)
def test_characters_are_what_the_pdf_says_they_mean(drawn: str, meaning: str) -> None:
    """Unicode of any plane and direction arrives; hyphens, spaces and control characters are made plain."""
    assert read(text_meaning(drawn)) == meaning


def test_text_of_an_embedded_font_arrives() -> None:
    """A TrueType font subset by its writer gives its text back."""
    from reportlab.pdfbase.pdfmetrics import registerFont
    from reportlab.pdfbase.ttfonts import TTFont

    registerFont(TTFont("Vera", "Vera.ttf"))

    def draw(canvas: Any) -> None:
        canvas.setFont("Vera", 12)
        canvas.drawString(50, 700, "Größe: 3 × 4 = 12 €")

    assert read(pdf(draw)) == "Größe: 3 × 4 = 12 €"


def test_form_fields_count_as_text_where_they_stand() -> None:
    """What was filled into a form is read between the lines around it."""

    def draw(canvas: Any) -> None:
        canvas.drawString(50, 700, "Name")
        canvas.acroForm.textfield(name="name", value="Ada Lovelace", x=50, y=660, width=200, height=20)
        canvas.drawString(50, 620, "Signature")

    assert [line for line in read(pdf(draw)).split("\n") if line] == ["Name", "Ada Lovelace", "Signature"]


def test_text_inside_a_form_object_is_read() -> None:
    """Text drawn through a form XObject is text of the page."""
    inner = stream(b"BT /F1 12 Tf 0 0 Td (inner) Tj ET", b"/Type /XObject /Subtype /Form /BBox [0 0 200 50]")
    page = one_page(
        b"q 1 0 0 1 50 650 cm /X1 Do Q BT /F1 12 Tf 50 700 Td (outer) Tj ET", FONT + b"/XObject << /X1 5 0 R >>", inner
    )
    assert read(page).split() == ["outer", "inner"]


def test_text_outside_the_page_is_left_out() -> None:
    """What a crop box hides is not read."""
    content = b"BT /F1 12 Tf 50 700 Td (shown) Tj ET BT /F1 12 Tf 50 100 Td (hidden) Tj ET"
    assert read(one_page(content, FONT, page=b"/CropBox [0 400 600 800]")) == "shown"


def test_invisible_text_of_a_scan_is_read() -> None:
    """The text layer under a scanned image is drawn invisibly, and is the text."""
    assert read(one_page(b"BT 3 Tr /F1 12 Tf 50 700 Td (recognised) Tj ET", FONT)) == "recognised"


def test_a_page_without_text_has_none() -> None:
    """An empty page is the empty text, not an error."""
    assert read(pdf(lambda _: None)) == ""


def test_a_filled_form_reads_line_by_line() -> None:
    """Fields are drawn after the page: each value stands beside its label all the same, or below it."""

    def form(canvas: Any) -> None:
        for number, (label, value) in enumerate([("Name", "Ada Lovelace"), ("City", "London"), ("Date", "1843")]):
            canvas.drawString(50, 700 - 30 * number, label)
            canvas.acroForm.textfield(name=label, value=value, x=150, y=695 - 30 * number, width=200, height=20)

    def stacked(canvas: Any) -> None:
        for number, (label, value) in enumerate([("Name", "Ada Lovelace"), ("City", "London"), ("Date", "1843")]):
            canvas.drawString(50, 700 - 80 * number, label)
            canvas.acroForm.textfield(name=label, value=value, x=50, y=672 - 80 * number, width=200, height=20)

    assert read(pdf(form)).split() == ["Name", "Ada", "Lovelace", "City", "London", "Date", "1843"]
    assert "Name  Ada Lovelace\n" in read(pdf(form))
    assert read(pdf(stacked)).split() == ["Name", "Ada", "Lovelace", "City", "London", "Date", "1843"]


HELVETICA = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"


def test_notes_are_read_without_a_form_too() -> None:
    """Free text on a page is text of it, whether the file has a drawing of it or not; hidden notes are not."""
    note = b"<< /Type /Annot /Subtype /FreeText /Rect [50 %d 250 %d] %b >>"
    document = one_page(
        b"BT /F1 12 Tf 50 700 Td (page) Tj ET",
        b"/Font << /F1 5 0 R >>",
        HELVETICA,
        note % (600, 650, b"/Contents (A note\\rin two lines)"),
        note % (500, 550, b"/Contents (not this) /AP << /N 9 0 R >>"),
        note % (400, 450, b"/Contents (hidden) /F 2"),
        stream(
            b"BT /F1 12 Tf 10 20 Td (a drawn note) Tj ET",
            b"/Type /XObject /Subtype /Form /BBox [0 0 200 50] /Resources << /Font << /F1 5 0 R >> >>",
        ),
        page=b"/Annots [6 0 R 7 0 R 8 0 R]",
    )
    assert read(document).split("\n\n") == ["page", "A note\nin two lines", "a drawn note"]


def test_text_of_layers_that_are_off_is_not_the_pages() -> None:
    """What is in a layer that is on stays, also where its ink is white or none, as that of recognized text is."""
    document = raw_pdf(
        b"<< /Type /Catalog /Pages 2 0 R /OCProperties << /OCGs [6 0 R 7 0 R] /D << /OFF [7 0 R] >> >> >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R /Resources "
        b"<< /Font << /F1 5 0 R >> /Properties << /A 6 0 R /B 7 0 R >> >> >>",
        stream(
            b"BT /F1 12 Tf 50 700 Td (always) Tj ET "
            b"/OC /A BDC BT 1 1 1 rg 3 Tr /F1 12 Tf 50 650 Td (switched on) Tj ET EMC "
            b"/OC /B BDC BT /F1 12 Tf 50 600 Td (switched off) Tj ET EMC"
        ),
        HELVETICA,
        b"<< /Type /OCG /Name (A) >>",
        b"<< /Type /OCG /Name (B) >>",
    )
    assert read(document) == "always\n\nswitched on"
