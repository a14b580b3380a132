"""The process that reads documents with PDFium: one at a time, as it is asked through its standard input.

It can be killed at any moment: nothing but its own document is lost. It ends when its input does, or its parent is gone.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from pipelex_backend_internal._document import PdfFile
from pipelex_backend_internal._frames import receive, send
from pipelex_core.errors import CallError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipelex_core.results import Page

LOOK_EVERY = 1.0
"""Seconds between two looks whether the parent is still there: PDFium may be at work without an end."""


class Document(Protocol):
    """A document that is read page by page."""

    def open(self) -> int:
        """Open it and count its pages."""

    def close(self) -> None:
        """Release it."""

    def read(self, index: int, *, most_images: int | None, smallest_image: int, dpi: int | None) -> Page:
        """One page, its index from 0; see `PdfFile.read`."""


def main() -> None:
    """Answer for PDFs until the input ends."""
    serve(PdfFile, __package__)


def serve(opener: Callable[[bytes], Document], *loggers: str) -> None:
    """Answer until the input ends.

    Args:
        opener: Makes a document of the bytes of a file.
        loggers: The names of the loggers whose warnings the parent is to log.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to both: the parent decides
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints, prints elsewhere
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    log = _Notes()
    for name in loggers:
        logging.getLogger(name).addHandler(log)
    document: Document | None = None
    while True:
        try:
            requested, parts = receive(sys.stdin.buffer)
        except EOFError:
            return
        reply: dict[str, Any]
        images: list[bytes] = []
        try:
            if requested["do"] == "open":
                if document is not None:
                    document.close()
                document = opener(parts[0])
                reply = {"pages": document.open()}
            else:
                assert document is not None  # noqa: S101 -- the parent opens first
                reply, images = _page(document, requested)
        except CallError as error:
            reply = {"error": type(error).__name__, "message": error.message}
        send(answers, {**reply, "warnings": log.taken()}, images)


def _page(document: Document, requested: Mapping[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
    page = document.read(
        requested["index"],
        most_images=requested["most_images"],
        smallest_image=requested["smallest_image"],
        dpi=requested["dpi"],
    )
    about = [[image.content_type, image.width, image.height] for image in page.images]
    return {"text": page.text, "images": about}, [image.data for image in page.images]


def _end_with_parent(parent: int) -> NoReturn:
    while os.getppid() == parent:
        time.sleep(LOOK_EVERY)
    os._exit(1)


class _Notes(logging.Handler):
    """Keeps warnings, for the parent to log."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._notes: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one."""
        self._notes.append(record.getMessage())

    def taken(self) -> list[str]:
        """Those since the last time."""
        notes, self._notes = self._notes, []
        return notes
