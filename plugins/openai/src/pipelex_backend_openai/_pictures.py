"""What came of an image request: the bytes, from base64 or fetched, and their type and size."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from typing import TYPE_CHECKING, Any

from pipelex_backend_openai._errors import MalformedError
from pipelex_core.errors import ProviderConnectionError, UnsupportedInputError
from pipelex_core.media import sniff
from pipelex_core.pictures import kind_and_size
from pipelex_core.results import Image

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_backend_openai._fetch import Download

_URL = re.compile(r"https?://[^\s\"'<>()]+")


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
        msg = "an item among the answer's images is not an image"
        raise MalformedError(msg)
    width, height = kind_and_size(data)[1] or (None, None)
    return Image(data=data, content_type=content_type, width=width, height=height)


def _decoded(encoded: str) -> bytes:
    try:
        return b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        msg = "an image of the answer is not base64"
        raise MalformedError(msg) from None


async def _fetched(url: str, download: Download) -> bytes:
    """The bytes behind a URL of the provider's. No error here may lead to a second, paid generation."""
    try:
        return (await download(url))[0]
    except (UnsupportedInputError, ProviderConnectionError) as error:
        msg = f"the image was made, but {error.message}"
        raise MalformedError(msg) from None
