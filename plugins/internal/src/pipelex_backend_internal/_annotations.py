"""What is on a page without being its content: the fields of a form, and notes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pypdfium2.raw as pdfium
from attrs import evolve, frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pypdfium2 import PdfPage

    from pipelex_backend_internal._fragments import Box, Fragment

_UNSEEN = pdfium.FPDF_ANNOT_FLAG_HIDDEN | pdfium.FPDF_ANNOT_FLAG_NOVIEW


@frozen
class Annotations:
    """The annotations of a page that hold text.

    Attributes:
        fields: Where the fields of a form are.
        notes: Free text that comes without a drawing of it, and where it is.
    """

    fields: tuple[Box, ...] = ()
    notes: tuple[tuple[Box, str], ...] = ()


def read_annotations(page: PdfPage) -> Annotations:
    """Those of a page as it is loaded."""
    fields, notes = [], []
    for index in range(pdfium.FPDFPage_GetAnnotCount(page)):
        annotation = pdfium.FPDFPage_GetAnnot(page, index)
        try:
            if not annotation or pdfium.FPDFAnnot_GetFlags(annotation) & _UNSEEN:
                continue
            rect = pdfium.FS_RECTF()
            pdfium.FPDFAnnot_GetRect(annotation, rect)
            box = (rect.left, rect.bottom, rect.right, rect.top)
            subtype = pdfium.FPDFAnnot_GetSubtype(annotation)
            if subtype == pdfium.FPDF_ANNOT_WIDGET:
                fields.append(box)
            elif subtype == pdfium.FPDF_ANNOT_FREETEXT and not pdfium.FPDFAnnot_HasKey(annotation, b"AP"):
                notes.append((box, _contents(annotation)))
        finally:
            pdfium.FPDFPage_CloseAnnot(annotation)
    return Annotations(tuple(fields), tuple((box, text) for box, text in notes if text.strip()))


def _contents(annotation: Any) -> str:
    size = pdfium.FPDFAnnot_GetStringValue(annotation, b"Contents", None, 0)
    buffer = (pdfium.FPDF_WCHAR * (size // 2))()
    pdfium.FPDFAnnot_GetStringValue(annotation, b"Contents", buffer, size)
    return bytes(buffer).decode("utf-16-le", "replace").rstrip("\0")


def field_at(box: Box, fields: Sequence[Box]) -> int | None:
    """The field that a character is in."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    for number, (left, bottom, right, top) in enumerate(fields):
        if left <= x <= right and bottom <= y <= top:
            return number
    return None


def after_labels(fragments: Sequence[Fragment]) -> list[Fragment]:
    """The fragments as if each field had been filled in right after its label, which is beside or above it.

    Fields are drawn after all the rest of a page, whatever they belong to.
    """
    filled = [fragment for fragment in fragments if fragment.is_field]
    if not filled:
        return list(fragments)
    others = sorted((one for one in fragments if not one.is_field), key=lambda one: one.order)
    following: dict[int, list[Fragment]] = {}
    for value in sorted(filled, key=lambda one: one.order):
        label = _label_of(value, others)
        following.setdefault(-1 if label is None else label.order, []).append(value)
    placed: list[Fragment] = []
    for label in others:
        placed += [label, *following.pop(label.order, ())]
    placed += following.pop(-1, ())
    return [evolve(fragment, order=order) for order, fragment in enumerate(placed)]


def _label_of(value: Fragment, others: Sequence[Fragment]) -> Fragment | None:
    def is_beside(label: Fragment) -> bool:
        shared = min(label.top, value.top) - max(label.bottom, value.bottom)
        return label.right <= value.left + 1 and shared > 0.4 * min(label.height, value.height)

    def is_above(label: Fragment) -> bool:
        room = label.bottom - value.top
        return label.left < value.right and value.left < label.right and -1 < room < 2 * value.height

    beside = max(filter(is_beside, others), key=lambda label: label.right, default=None)
    return beside or min(filter(is_above, others), key=lambda label: label.bottom, default=None)
