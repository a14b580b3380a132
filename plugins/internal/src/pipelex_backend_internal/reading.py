"""Pages from a process that can be killed: for this backend, and for plugins that are built on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_backend_internal._readers import Readers
from pipelex_core.errors import UnsupportedInputError
from pipelex_core.results import DocumentAnswer, Image, Page, Usage

if TYPE_CHECKING:
    from pipelex_backend_internal._readers import Reader
    from pipelex_core.requests import ExtractRequest

__all__ = ["Readers", "read_pages"]


def read_pages(request: ExtractRequest, dpi: int | None, most: int, reader: Reader) -> DocumentAnswer:
    """The pages, as a thread gets them from a reader, one after the other.

    Args:
        request: What was asked for; its document has bytes.
        dpi: Resolution of pictures of whole pages; None for the images embedded in them.
        most: Bytes of text and images that the answer may have.
        reader: The process that reads.

    Raises:
        UnsupportedInputError: The document is at a URL only, or the answer is larger than that.
        BadRequestError: The document cannot be read.
    """
    if request.document.data is None:
        msg = "this backend reads documents given as bytes only"
        raise UnsupportedInputError(msg)
    opened, _ = reader.ask({"do": "open"}, request.document.data)
    pages: list[Page] = []
    images_left, size = request.max_nb_images, 0
    for index in range(opened["pages"]):
        settings = {"most_images": images_left, "smallest_image": request.image_min_size or 0, "dpi": dpi}
        page, parts = reader.ask({"do": "read", "index": index, **settings})
        images = tuple(
            Image(data=data, content_type=content_type, width=width, height=height)
            for data, (content_type, width, height) in zip(parts, page["images"], strict=True)
        )
        pages.append(Page(index=index, text=page["text"], images=images))
        size += len(page["text"]) + sum(map(len, parts))
        if size > most:
            msg = (
                f"the text and images up to page {index + 1} have more than {most:,} bytes: raise max_media_bytes of the "
                "backend in backends.toml, or ask for fewer images (max_nb_images)"
            )
            raise UnsupportedInputError(msg)
        if images_left is not None:
            images_left -= len(images)
    return DocumentAnswer(pages=tuple(pages), usage=Usage(pages=len(pages)))
