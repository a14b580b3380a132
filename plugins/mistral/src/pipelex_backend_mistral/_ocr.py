"""OCR: `POST /v1/ocr`, https://docs.mistral.ai/api/endpoint/ocr."""

from __future__ import annotations

import logging
from base64 import b64decode
from mimetypes import guess_extension
from typing import TYPE_CHECKING, Any

from pipelex_backend_mistral._chat_answer import invalid
from pipelex_core.errors import UnsupportedInputError
from pipelex_core.results import DocumentAnswer, Image, Page, Usage

if TYPE_CHECKING:
    from pipelex_core.parts import Media
    from pipelex_core.requests import ExtractRequest

_log = logging.getLogger("pipelex_backend_mistral")

UPLOAD_ABOVE = 10 * 1024 * 1024
"""A larger document is uploaded first; a smaller one goes into the request, in base64. In bytes."""


def must_be_uploaded(document: Media) -> bool:
    """Whether a document is too large to be part of the request."""
    return document.data is not None and len(document.data) > UPLOAD_ABOVE


def file_name(document: Media) -> str:
    """A name for an upload; Mistral goes by its ending."""
    return document.name or f"document{guess_extension(document.media_type) or ''}"


def ocr_body(request: ExtractRequest, url: str) -> dict[str, Any]:
    """What to send, with the document at `url`, which may be a `data:` URL.

    Raises:
        UnsupportedInputError: The document is of a kind that cannot be read.
    """
    kind = request.document.media_type.partition("/")[0]
    if kind not in {"image", "application"}:
        msg = f"Mistral's OCR reads PDFs and images, not {request.document.media_type}"
        raise UnsupportedInputError(msg)
    name = "image_url" if kind == "image" else "document_url"
    body: dict[str, Any] = {
        "model": request.spec.model_id,
        "document": {"type": name, name: url},
        "include_image_base64": request.max_nb_images != 0,
    }
    if request.max_nb_images:
        body["image_limit"] = request.max_nb_images
    if request.image_min_size is not None:
        body["image_min_size"] = request.image_min_size
    return body


def document_answer(payload: Any, request: ExtractRequest, request_id: str | None) -> DocumentAnswer:
    """The pages of an answer, with as many images as were asked for.

    Raises:
        InvalidAnswerError: It has no pages.
    """
    found = payload.get("pages") if isinstance(payload, dict) else None
    if not isinstance(found, list) or not found:
        why = "it has no pages"
        raise invalid(why, payload, request_id)
    remaining = request.max_nb_images
    pages = []
    for number, page in enumerate(found):
        if not isinstance(page, dict) or not isinstance(page.get("markdown"), str):
            why = f"page {number} has no text"
            raise invalid(why, payload, request_id)
        images = _images(page, remaining)
        remaining = None if remaining is None else remaining - len(images)
        index = page.get("index")
        pages.append(Page(index=index if isinstance(index, int) else number, text=page["markdown"], images=images))
    used = payload.get("usage_info")
    counted = used.get("pages_processed") if isinstance(used, dict) else None
    usage = Usage(pages=counted if isinstance(counted, int) else len(pages))
    return DocumentAnswer(pages=tuple(pages), usage=usage, request_id=request_id, raw=payload)


def _images(page: dict[str, Any], most: int | None) -> tuple[Image, ...]:
    """The images of a page, `most` at most."""
    images: list[Image] = []
    listed = page.get("images")
    for entry in listed if isinstance(listed, list) else ():
        if most is not None and len(images) >= most:
            break
        image = _image(entry) if isinstance(entry, dict) else None
        if image is None:
            _log.warning("Mistral gave no readable data for an image of page %s", page.get("index"))
        else:
            images.append(image)
    return tuple(images)


def _image(entry: dict[str, Any]) -> Image | None:
    """An image; None where its data is missing or no base64."""
    encoded = entry.get("image_base64")
    if not isinstance(encoded, str) or not encoded:
        return None
    head, comma, data = encoded.partition(",")
    try:
        decoded = b64decode(data if comma else encoded, validate=True)
    except ValueError:
        return None
    return Image(
        data=decoded,
        content_type=head.removeprefix("data:").partition(";")[0] if comma else "image/jpeg",
        width=_length(entry, "top_left_x", "bottom_right_x"),
        height=_length(entry, "top_left_y", "bottom_right_y"),
        name=entry["id"] if isinstance(entry.get("id"), str) else None,
    )


def _length(entry: dict[str, Any], start: str, end: str) -> int | None:
    """A side of the box an image was cut from, which is the image's own size."""
    first, last = entry.get(start), entry.get(end)
    return last - first if isinstance(first, int) and isinstance(last, int) and last > first else None
