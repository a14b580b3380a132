"""The text of one page: the characters PDFium finds, put together to fragments, and these in reading order."""

from __future__ import annotations

from math import pi
from typing import TYPE_CHECKING, Any

import pypdfium2.raw as pdfium
from attrs import define
from attrs import field as attribute

from pipelex_backend_internal._annotations import Annotations, after_labels, field_at
from pipelex_backend_internal._fragments import GUTTER, Box, Fragment, Paper
from pipelex_backend_internal._layout import page_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pypdfium2 import PdfPage

HYPHENS = dict.fromkeys((0x02, 0xAD, 0xFFFE), "-")
"""What PDFium and PDFs write for a hyphen at the end of a line."""

NO_ANNOTATIONS = Annotations()

NOTE_LINE = 14.0
"""Points that a line of a note takes at most."""

LEANING = 0.2
"""How far, in radians, text may lean and still run along an edge of the page."""


def read_text(page: PdfPage, annotations: Annotations = NO_ANNOTATIONS) -> str:
    """The text of a page in reading order.

    Most of the text decides which way the page is held. Text that runs another way, such as a note along the margin,
    follows it; slanted text, such as a watermark, comes last, as it was drawn.
    """
    textpage = page.get_textpage()
    try:
        pen = _Pen()
        _read(textpage, page.get_bbox(), pen, annotations.fields)
        for box, text in annotations.notes:
            pen.note(box, text)
    finally:
        textpage.close()
    upright = page.get_rotation() // 90
    slanted = pen.fragments.pop(None, [])

    def rank(turn: int | None) -> tuple[int, int]:
        return -sum(len(fragment.text) for fragment in pen.fragments[turn]), ((turn or 0) + upright) % 4

    texts = [
        page_text(after_labels(pen.fragments[turn]), _paper(page, turn)) for turn in sorted(pen.fragments, key=rank)
    ]
    texts.append("\n".join(fragment.text for fragment in slanted))
    return "\n\n".join(text for text in texts if text)


def _paper(page: PdfPage, turn: int | None) -> Paper:
    """The page, turned as its text is."""
    left, _, right, _ = _turned(page.get_bbox(), turn)

    def shapes() -> list[Box]:
        paths = page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_PATH], max_depth=1)
        return [_turned(path.get_bounds(), turn) for path in paths]

    return Paper(left, right, shapes)


def _read(textpage: Any, page: Box, pen: _Pen, fields: Sequence[Box]) -> None:
    """Give every character of a text page to the pen, in the PDF's own order."""
    raw, rect = textpage.raw, pdfium.FS_RECTF()
    unicode, place, angle = pdfium.FPDFText_GetUnicode, pdfium.FPDFText_GetLooseCharBox, pdfium.FPDFText_GetCharAngle
    for index in range(textpage.count_chars()):
        code = unicode(raw, index)
        if code in {10, 13}:
            pen.lift()
        elif code == 32 and pdfium.FPDFText_IsGenerated(raw, index) == 1:
            pen.space()
        elif place(raw, index, rect):
            box = (rect.left, rect.bottom, rect.right, rect.top)
            if page[0] <= (box[0] + box[2]) / 2 <= page[2] and page[1] <= (box[1] + box[3]) / 2 <= page[3]:
                number = field_at(box, fields) if fields else None
                if not pen.goes_on(box) or number != pen.field:
                    pen.start(_quarter_turns(angle(raw, index)))
                    pen.field = number
                pen.write(_character(code), box)
    pen.lift()


@define
class _Pen:
    """Puts characters that follow each other on a line together.

    Attributes:
        fragments: What is finished, by the clockwise quarter turns of the text, each turned back to the horizontal;
            None holds slanted text.
        turn: How the text being written runs.
        characters: The fragment being written.
        box: Where its visible characters stand.
        last: The position of its last character.
        field: The form's field that it is in, or None.
    """

    fragments: dict[int | None, list[Fragment]] = attribute(factory=dict)
    turn: int | None = 0
    characters: list[str] = attribute(factory=list)
    box: Box | None = None
    last: Box = (0, 0, 0, 0)
    order: int = 0
    field: int | None = None

    def goes_on(self, box: Box) -> bool:
        """Whether a character at that place follows the last one, on either side of it."""
        if not self.characters or self.turn is None:
            return False
        left, bottom, right, top = _turned(box, self.turn)
        height = min(top - bottom, self.last[3] - self.last[1])
        if min(top, self.last[3]) - max(bottom, self.last[1]) < 0.5 * height:
            return False
        return -height < max(left - self.last[2], self.last[0] - right) < GUTTER * max(height, 1.0)

    def start(self, turn: int | None) -> None:
        """Start a new fragment; slanted text goes on as long as it is slanted."""
        if turn is not None or self.turn is not None:
            self.lift()
        self.turn = turn

    def write(self, character: str, box: Box) -> None:
        """Add a character; spaces at either end take no room."""
        self.last = _turned(box, self.turn)
        if not character.isspace():
            left, bottom, right, top = self.last if self.box is None else self.box
            left, bottom = min(left, self.last[0]), min(bottom, self.last[1])
            self.box = (left, bottom, max(right, self.last[2]), max(top, self.last[3]))
        self.characters.append(character)

    def space(self) -> None:
        """Add a space that PDFium saw between two characters."""
        if self.characters:
            self.characters.append(" ")

    def note(self, box: Box, text: str) -> None:
        """Add a note, line by line from the top of its box."""
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        height = min((box[3] - box[1]) / len(lines), NOTE_LINE)
        for number, line in enumerate(lines):
            top = box[3] - number * height
            self.characters, self.box = list(line), (box[0], top - height, box[2], top)
            self.turn = self.field = None
            self.lift(0)

    def lift(self, turn: int | None = None) -> None:
        """Finish the fragment."""
        text = "".join(self.characters).strip()
        if text and self.box:
            left, bottom, right, top = self.box
            fragment = Fragment(
                text=_whole(text),
                left=left,
                bottom=bottom,
                right=right,
                top=top,
                order=self.order,
                is_field=self.field is not None,
            )
            self.fragments.setdefault(self.turn if turn is None else turn, []).append(fragment)
            self.order += 1
        self.characters, self.box = [], None


def _character(code: int) -> str:
    """A character of a PDF as text; one without a meaning is U+FFFD, a control character is nothing."""
    if code == 0:
        return "\N{REPLACEMENT CHARACTER}"
    hyphen = HYPHENS.get(code)
    if hyphen is not None:
        return hyphen
    return " " if code in {9, 0xA0} else "" if code < 32 or 0x7F <= code < 0xA0 else chr(code)


def _whole(text: str) -> str:
    """The text with surrogates put together to the characters they stand for."""
    if any("\ud800" <= character <= "\udfff" for character in text):
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _quarter_turns(angle: float) -> int | None:
    """An angle in radians as clockwise quarter turns; None for other angles."""
    turns = round(angle / (pi / 2))
    return turns % 4 if abs(angle - turns * pi / 2) <= LEANING else None


def _turned(box: Box, turn: int | None) -> Box:
    """The box with text of that turn brought to the horizontal."""
    left, bottom, right, top = box
    if turn == 1:
        return -top, left, -bottom, right
    if turn == 2:
        return -right, -top, -left, -bottom
    if turn == 3:
        return bottom, -right, top, -left
    return box
