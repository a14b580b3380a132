"""The result of a job: fal's JSON, and the images it points at."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from binascii import Error as Base64Error
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import unquote_to_bytes

from pipelex_backend_fal._patience import patiently
from pipelex_core.errors import ContentFilterError, InvalidAnswerError, ProviderConnectionError, UnsupportedInputError
from pipelex_core.pictures import kind_and_size
from pipelex_core.results import Image, ImageAnswer, Usage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    Download: TypeAlias = Callable[[str], Awaitable[tuple[bytes, str]]]


async def image_answer(
    result: Any, download: Download, *, request_id: str | None = None, moderated: bool = True
) -> ImageAnswer:
    """The answer, its images fetched.

    Args:
        result: The job's result.
        download: Fetches what is behind a URL, without credentials: images lie on a host of their own, which gets no key.
        request_id: The job's id.
        moderated: Whether fal's safety checker was on; it blackens what it flags.
    """
    entries = _entries(result, request_id)
    flags = result.get("has_nsfw_concepts") if moderated else None
    flags = flags if isinstance(flags, list) and len(flags) == len(entries) else [False] * len(entries)
    shown = [entry for entry, flagged in zip(entries, flags, strict=True) if not flagged]
    if not shown:
        msg = "fal's safety checker withheld every image"
        raise ContentFilterError(msg, request_id=request_id, raw=result)
    images = await asyncio.gather(*(_image(entry, download, request_id) for entry in shown))
    seed = result.get("seed")
    return ImageAnswer(
        images=tuple(images),
        seed=seed if type(seed) is int else None,
        usage=Usage(images=len(entries), megapixels=_megapixels(entries, images)),
        request_id=request_id,
        raw=result,
    )


_MEGAPIXEL = 1024 * 1024


def _megapixels(entries: Sequence[Mapping[str, Any]], images: Sequence[Image]) -> Decimal | None:
    """Megapixels of all images, each rounded up as fal bills them, 1024 by 1024 being one; None where a size is unknown.

    One that the safety checker withheld is paid too, and has the size of the others.
    """
    pixels = [image.width * image.height for image in images if image.width and image.height]
    if len(pixels) != len(images):
        return None
    millions = [max(1, -(-each // _MEGAPIXEL)) for each in pixels]
    return Decimal(sum(millions) + (len(entries) - len(images)) * max(millions))


def _entries(result: Any, request_id: str | None) -> list[Mapping[str, Any]]:
    """The images of a result: a list, or the only one; each an object with a URL, or a bare URL."""
    images = (result.get("images") or result.get("image")) if isinstance(result, dict) else None
    listed = images if isinstance(images, list) else [images]
    entries: list[Any] = [{"url": entry} if isinstance(entry, str) else entry for entry in listed]
    if not entries or not all(_has_url(entry) for entry in entries):
        msg = "fal's result holds no images"
        raise InvalidAnswerError(msg, request_id=request_id, raw=result, unsettled=True)
    return entries


def _length(value: Any) -> int | None:
    return value if type(value) is int and value > 0 else None


def _has_url(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("url"), str)


async def _image(entry: Mapping[str, Any], download: Download, request_id: str | None) -> Image:
    url = entry["url"]
    if url.startswith("data:"):
        data, declared = _from_data_url(url, request_id)
    else:
        data, declared = await patiently(lambda: fetched(url, download, request_id))
    kind, size = kind_and_size(data)
    content_type = kind or ("text" if _is_text(data) else declared)
    if not data or not content_type.startswith("image/"):
        msg = f"what fal's result points at is not an image, but {content_type or 'nothing known'}"
        raise InvalidAnswerError(msg, request_id=request_id, unsettled=True)
    width, height = size or (entry.get("width"), entry.get("height"))
    return Image(
        data=data,
        content_type=content_type,
        width=_length(width),
        height=_length(height),
        name=entry.get("file_name") if isinstance(entry.get("file_name"), str) else None,
    )


def _is_text(data: bytes) -> bool:
    """Whether it is a web page or JSON, whatever its host calls it."""
    return data.lstrip()[:1] in {b"<", b"{", b"["}


async def fetched(url: str, download: Download, request_id: str | None) -> tuple[bytes, str]:
    """What is at an address in a result, and its type.

    Raises:
        InvalidAnswerError: Nothing can be fetched there.
        ProviderConnectionError: The connection broke.
    """
    try:
        return await download(url)
    except (UnsupportedInputError, ProviderConnectionError) as error:
        kind = InvalidAnswerError if isinstance(error, UnsupportedInputError) else ProviderConnectionError
        msg = f"fal did the job, but {error.message}"
        raise kind(msg, status=error.status, request_id=request_id, unsettled=True) from None


def _from_data_url(url: str, request_id: str | None) -> tuple[bytes, str]:
    head, _, body = url.partition(",")
    try:
        data = b64decode(body, validate=True) if head.lower().endswith(";base64") else unquote_to_bytes(body)
    except Base64Error:
        msg = "an image in fal's result is not valid base64"
        raise InvalidAnswerError(msg, request_id=request_id, unsettled=True) from None
    return data, head.removeprefix("data:").partition(";")[0].lower()
