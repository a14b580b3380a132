"""Pages from a process that can be killed: for this backend, and for plugins that are built on it."""

from __future__ import annotations

from abc import abstractmethod
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from pipelex_backend_internal._readers import Readers
from pipelex_core.backend import DocumentExtractor
from pipelex_core.errors import BadRequestError, UnsupportedInputError
from pipelex_core.results import DocumentAnswer, Image, Page, Usage

if TYPE_CHECKING:
    from pipelex_backend_internal._readers import Reader
    from pipelex_core.backend import Resources
    from pipelex_core.requests import ExtractRequest
    from pipelex_core.specs import BackendConfig, ModelSpec

__all__ = ["Readers", "ReadingBackend", "dpi_of", "read_pages"]


class ReadingBackend(DocumentExtractor):
    """A request becomes pages, read one by one in a process that can be killed and is started at the first document."""

    fetches_urls: ClassVar[bool] = False  # core downloads a document that is given as a URL

    def __init__(self, config: BackendConfig) -> None:
        super().__init__(config)
        self._readers = self.readers()

    def readers(self) -> Readers:
        """The processes, none of them started."""
        return Readers()

    @abstractmethod
    def resolution(self, spec: ModelSpec) -> int | None:
        """Dots per inch of page images, or None for a model that cuts out embedded images.

        Raises:
            NotFoundError: The backend has no such model.
            BadRequestError: The spec's resolution is not a resolution.
        """

    async def open(self, resources: Resources) -> None:  # noqa: ARG002 -- there is no network here
        """Make ready for documents: nothing is started yet."""
        self._readers = self.readers()

    async def close(self) -> None:
        """Kill what is under way, and end the processes."""
        self._readers.close()

    async def extract(self, request: ExtractRequest) -> DocumentAnswer:
        """The pages, their text in reading order, and images.

        Memory holds one page at a time, besides the document and the answer. A cancellation is answered at once, and
        ends the reading in the middle of a page.
        """
        dpi = self.resolution(request.spec)
        return await self._readers.run(partial(read_pages, request, dpi, self.config.max_media_bytes))


def dpi_of(spec: ModelSpec, default: int) -> int:
    """The option `dpi` of a spec.

    Raises:
        BadRequestError: It is less than 1.
    """
    dpi: int = spec.options.get("dpi", default)
    if dpi < 1:
        msg = f"dpi must be 1 or more, not {dpi}"
        raise BadRequestError(msg)
    return dpi


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
