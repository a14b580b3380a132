"""What came of an image request: the bytes, from base64 or fetched, and their type and size."""

from __future__ import annotations

import binascii
import re
import struct
from base64 import b64decode
from typing import TYPE_CHECKING, Any

from pipelex_backend_openai._errors import MalformedError
from pipelex_core.errors import ProviderConnectionError, UnsupportedInputError
from pipelex_core.media import sniff
from pipelex_core.results import Image

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_backend_openai._fetch import Download

_URL = re.compile(r"https?://[^\s\"'<>()]+")
_JPEG_FRAMES = frozenset([0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF])


async def pictures(data: Mapping[str, Any], download: Download) -> tuple[Image, ...]:
    """The images of an answer of `images/generations`."""
    items = data.get("data")
    if not isinstance(items, list) or not items:
        msg = "the answer holds no images"
        raise MalformedError(msg)
    return tuple([await _picture(item, download) for item in items])


async def picture_of_chat(data: Mapping[str, Any], download: Download) -> tuple[Image, ...]:
    """The image whose URL is the answer of a chat."""
    content = data["choices"][0]["message"]["content"]
    found = _URL.search(content) if isinstance(content, str) else None
    if found is None:
        msg = "the answer holds no URL of an image"
        raise MalformedError(msg)
    return (await _picture({"url": found[0]}, download),)


async def _picture(item: Mapping[str, Any], download: Download) -> Image:
    encoded, url = item.get("b64_json"), item.get("url")
    if isinstance(encoded, str) and encoded:
        data = _decoded(encoded)
    elif isinstance(url, str) and url.startswith("data:"):
        data = _decoded(url.partition(",")[2])
    elif isinstance(url, str) and url:
        data = await _fetched(url, download)
    else:
        msg = "an image of the answer has neither bytes nor a URL"
        raise MalformedError(msg)
    content_type = sniff(data)
    if content_type is None or not content_type.startswith("image/"):
        msg = "an image of the answer is none"
        raise MalformedError(msg)
    width, height = _size(data)
    return Image(data=data, content_type=content_type, width=width, height=height)


def _decoded(encoded: str) -> bytes:
    try:
        return b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        msg = "an image of the answer is no base64"
        raise MalformedError(msg) from None


async def _fetched(url: str, download: Download) -> bytes:
    """The bytes behind a URL of the provider's. No error here may lead to a second, paid generation."""
    try:
        return (await download(url))[0]
    except (UnsupportedInputError, ProviderConnectionError) as error:
        msg = f"the image was made, but {error.message}"
        raise MalformedError(msg) from None


def _size(data: bytes) -> tuple[int, int] | tuple[None, None]:
    """Width and height of a PNG or a JPEG; nothing for other formats."""
    if data.startswith(b"\x89PNG") and len(data) >= 24:
        width, height = struct.unpack(">II", data[16:24])
        return width, height
    position = 2 if data.startswith(b"\xff\xd8") else len(data)
    while position + 9 <= len(data) and data[position] == 0xFF:
        if data[position + 1] in _JPEG_FRAMES:
            height, width = struct.unpack(">HH", data[position + 5 : position + 9])
            return width, height
        position += 2 + int(struct.unpack(">H", data[position + 2 : position + 4])[0])
    return None, None
