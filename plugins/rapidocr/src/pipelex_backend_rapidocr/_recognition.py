"""What a picture says: its lines found and read by the model, the page turned so that they read well."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from pipelex_backend_rapidocr._order import Line, text_in_order

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PIL.Image import Image as Picture

LONGER_SIDE = 2000
"""Pixels that the engine makes the longer side of what it reads; made so here, where a page may be read four times."""

READS_WELL = 0.9
"""How sure, from 0 to 1, the model is at least of the characters of a page that lies the right way up."""

TALL = 1.5
"""Height by width from which the engine takes a line to run upwards, and turns it before it reads it."""

NO_WORTH = 0.5
"""How sure the model is of characters that count nothing: it reads as much, and as unsurely, in a page on its head."""


@frozen(kw_only=True)
class Reading:
    """What the model reads in a page turned one way.

    Attributes:
        lines: As they were found, in no order.
        sureness: Mean over the characters, from 0 to 1.
    """

    lines: tuple[Line, ...]
    sureness: float

    @property
    def is_sideways(self) -> bool:
        """Whether most of the text runs upwards or downwards."""
        tall = sum(len(line.text) for line in self.lines if len(line.text) > 1 and line.height > TALL * line.width)
        wide = sum(len(line.text) for line in self.lines if len(line.text) > 1 and line.height <= TALL * line.width)
        return tall > wide

    @property
    def worth(self) -> tuple[bool, float]:
        """What readings of one page are compared by."""
        characters = sum(len(line.text) for line in self.lines)
        return not self.is_sideways, characters * (self.sureness - NO_WORTH)

    @property
    def is_right(self) -> bool:
        """Whether the page need not be turned any further."""
        return not self.is_sideways and self.sureness >= READS_WELL


def recognise(picture: Picture) -> str:
    """The text of an RGB picture in reading order, however it is turned; empty where none is found."""
    picture.thumbnail((LONGER_SIDE, LONGER_SIDE), reducing_gap=None)
    upright = _read(picture)
    if not upright.lines or upright.is_right:
        return text_in_order(upright.lines)
    readings = [upright]
    for angle in (90, 270) if upright.is_sideways else (180, 90, 270):
        readings.append(_read(picture.rotate(angle, expand=True)))
        if readings[-1].is_right:
            break
    return text_in_order(max(readings, key=lambda reading: reading.worth).lines)


def _read(picture: Picture) -> Reading:
    pixels = np.ascontiguousarray(np.asarray(picture)[:, :, ::-1])  # in the order of OpenCV: blue, green, red
    found = _engine()(pixels, use_cls=False)
    if found.boxes is None:
        return Reading(lines=(), sureness=0.0)
    lines = tuple(_lines(found.boxes, found.txts))
    characters = sum(len(text) for text in found.txts)
    sure = sum(score * len(text) for text, score in zip(found.txts, found.scores, strict=True))
    return Reading(lines=lines, sureness=sure / characters if characters else 0.0)


def _lines(boxes: Any, texts: Iterable[str]) -> Iterable[Line]:
    """Lines with their places on a page that is level, however a scanner has tilted it by a few degrees.

    Args:
        boxes: Four corners each, in pixels, clockwise from the one at the upper left.
        texts: One a box.
    """
    corners = np.asarray(boxes, dtype=float)
    edges = corners[:, 1] - corners[:, 0]
    is_long = edges[:, 0] >= np.median(edges[:, 0])  # the direction of a short word is chance
    tilt = float(np.median(np.arctan2(edges[is_long, 1], edges[is_long, 0])))
    cos, sin = np.cos(tilt), np.sin(tilt)
    level = corners @ np.array([[cos, -sin], [sin, cos]])
    for box, text in zip(level, texts, strict=True):
        (left, top), (right, bottom) = box.min(axis=0), box.max(axis=0)
        yield Line(left=float(left), top=float(top), right=float(right), bottom=float(bottom), text=text)


@cache
def _engine() -> Any:
    """The engine with the models in rapidocr's wheel; made once in a process, in about a second."""
    from rapidocr import RapidOCR

    threads = min(4, os.cpu_count() or 1)
    settings = {"Global.log_level": "error", "EngineConfig.onnxruntime.intra_op_num_threads": threads}
    return RapidOCR(params=settings)
