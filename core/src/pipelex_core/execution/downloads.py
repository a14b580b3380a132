"""URLs made into bytes, for providers that do not fetch images and documents themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from attrs import evolve

from pipelex_core.errors import PluginError, UnsupportedInputError
from pipelex_core.media import PDF, sniff

if TYPE_CHECKING:
    import httpx2

    from pipelex_core.backend import Resources
    from pipelex_core.parts import Media

LARGEST = 100 * 1024 * 1024
"""Most bytes of one download: above what any provider takes."""


async def fetched(resources: Resources, media: Media, wanted: str = "any") -> Media:
    """Fetch what is behind the URL of a medium; one without a URL is given back as it is.

    Raises:
        UnsupportedInputError: A URL that gives nothing, or not the `image` or `document` that is wanted.
    """
    if media.url is None:
        return media
    shown = _shown(media.url)
    try:
        pool = resources.http()
    except ImportError as error:
        msg = f"downloading {shown} needs an HTTP client; run: pip install 'pipelex-core[http]'"
        raise PluginError(msg) from error
    data = await _download(media.url, shown, pool)
    media_type = sniff(data)
    if media_type is None and wanted == "document" and media.media_type != PDF:
        from pipelex_core.documents import check_bytes

        check_bytes(data, media.media_type, shown)
        return evolve(media, data=data, url=None)
    if media_type is None:
        msg = f"{shown} is neither an image (PNG, JPEG, GIF, WebP) nor a PDF"
        raise UnsupportedInputError(msg)
    if wanted != "any" and (media_type == PDF) != (wanted == "document"):
        msg = f"{shown} is no {wanted}, but {media_type}"
        raise UnsupportedInputError(msg)
    return evolve(media, data=data, url=None, media_type=media_type)


async def _download(url: str, shown: str, pool: httpx2.AsyncClient) -> bytes:
    import httpx2

    data = bytearray()
    try:
        async with pool.stream("GET", url, follow_redirects=True, timeout=60) as response:
            if response.status_code != 200:
                msg = f"{shown} answered {response.status_code}"
                raise UnsupportedInputError(msg, status=response.status_code)
            async for chunk in response.aiter_bytes():
                data += chunk
                if len(data) > LARGEST:
                    msg = f"{shown} is larger than {LARGEST // 1024 // 1024} MB"
                    raise UnsupportedInputError(msg)
    except (httpx2.HTTPError, httpx2.InvalidURL, UnicodeError) as error:
        told = str(error).replace(url, shown)
        msg = f"{shown} cannot be downloaded: {type(error).__name__}: {told}"
        raise UnsupportedInputError(msg) from None
    return bytes(data)


def _shown(url: str) -> str:
    """A URL without what may be a secret in it: credentials, and the query, which signs some."""
    split = urlsplit(url)
    return f"{split.scheme}://{split.netloc.rpartition('@')[2]}{split.path}"[:200]
