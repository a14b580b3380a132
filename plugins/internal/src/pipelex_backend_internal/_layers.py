"""Layers that are switched off (optional content, ISO 32000-1, 8.11): their text is not the page's.

PDFium follows them when it draws, and neither when it reads text nor in its interface. So it is asked by drawing: what a
layer holds, alone and in black, leaves ink or none.
"""

from __future__ import annotations

from ctypes import c_ulong, sizeof
from typing import Any

import pypdfium2 as pdfium2
import pypdfium2.raw as pdfium

SCALE = 0.5
"""Pixels a point: enough for ink to show."""

_MARK = "OC"


def drop_hidden_layers(page: pdfium2.PdfPage, index: int) -> None:
    """Take the text of layers that are off out of a loaded page; `index` is its place in the document."""
    layers: dict[str, set[int]] = {}
    for number in range(pdfium.FPDFPage_CountObjects(page)):
        item = pdfium.FPDFPage_GetObject(page, number)
        if pdfium.FPDFPageObj_CountMarks(item) > 0 and _has_text(item):
            for layer in _layers_of(item, number):
                layers.setdefault(layer, set()).add(number)
    if not layers:
        return
    probe = page.pdf[index]
    try:
        hidden = {number for members in layers.values() if not _shows(probe, members) for number in members}
    finally:
        probe.close()
    for number in sorted(hidden, reverse=True):
        item = pdfium.FPDFPage_GetObject(page, number)
        if pdfium.FPDFPage_RemoveObject(page, item):
            pdfium.FPDFPageObj_Destroy(item)


def _has_text(item: Any) -> bool:
    return pdfium.FPDFPageObj_GetType(item) in {pdfium.FPDF_PAGEOBJ_TEXT, pdfium.FPDF_PAGEOBJ_FORM}


def _layers_of(item: Any, number: int) -> list[str]:
    """The names of the layers an object is in; one that has no name stands for itself."""
    found = []
    for place in range(pdfium.FPDFPageObj_CountMarks(item)):
        mark = pdfium.FPDFPageObj_GetMark(item, place)
        if _string(lambda *out, mark=mark: pdfium.FPDFPageObjMark_GetName(mark, *out)) == _MARK:
            name = _string(lambda *out, mark=mark: pdfium.FPDFPageObjMark_GetParamStringValue(mark, b"Name", *out))
            found.append(name or f"#{number}")
    return found


def _string(read: Any) -> str:
    """A string of PDFium's, which it writes into a buffer."""
    size = c_ulong()
    if not read(None, 0, size) or not size.value:
        return ""
    buffer = (pdfium.FPDF_WCHAR * (size.value // sizeof(pdfium.FPDF_WCHAR)))()
    read(buffer, size.value, size)
    return bytes(buffer).decode("utf-16-le").rstrip("\0")


def _shows(probe: pdfium2.PdfPage, members: set[int]) -> bool:
    """Whether these objects of a page leave ink where nothing else is drawn."""
    for number in range(pdfium.FPDFPage_CountObjects(probe)):
        item = pdfium.FPDFPage_GetObject(probe, number)
        pdfium.FPDFPageObj_SetIsActive(item, number in members)
        if number in members and pdfium.FPDFPageObj_GetType(item) == pdfium.FPDF_PAGEOBJ_TEXT:
            pdfium.FPDFTextObj_SetTextRenderMode(item, pdfium.FPDF_TEXTRENDERMODE_FILL)
            pdfium.FPDFPageObj_SetFillColor(item, 0, 0, 0, 255)
    bitmap = probe.render(scale=SCALE, may_draw_forms=False, draw_annots=False)
    picture = bitmap.to_pil().convert("L").copy()
    bitmap.warn_on_close = False
    bitmap.close()
    return bool(picture.getextrema()[0] < 255)
