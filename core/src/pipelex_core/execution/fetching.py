"""URLs made into bytes: of images, documents and sound, for providers that do not fetch them themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from pipelex_core.errors import ProviderConnectionError, UnsupportedInputError
from pipelex_core.media import PDF, SCANS, shown_url, sniff

if TYPE_CHECKING:
    from pipelex_core.backend import Resources
    from pipelex_core.parts import Media
    from pipelex_core.specs import BackendConfig


async def fetched(resources: Resources, config: BackendConfig, media: Media, wanted: str = "any") -> Media:
    """Fetch what is behind the URL of a medium; one without a URL is given back as it is.

    Raises:
        UnsupportedInputError: A URL that gives nothing, or not the `image`, `document` or `audio` that is wanted.
    """
    if media.url is None:
        return media
    shown = shown_url(media.url)
    try:
        data, _ = await resources.download(media.url, config)
    except ProviderConnectionError as error:
        raise UnsupportedInputError(error.message, status=error.status) from None
    if wanted == "audio":
        from pipelex_core.audio import sniff_audio

        kind = sniff_audio(data)
        if kind is None:
            msg = f"{shown} is not sound that is known: it begins with {data[:8]!r}"
            raise UnsupportedInputError(msg)
        return evolve(media, data=data, url=None, media_type=kind)
    media_type = sniff(data)
    if media_type is None and wanted == "document" and media.media_type != PDF:
        from pipelex_core.documents import check_bytes

        check_bytes(data, media.media_type, shown)
        return evolve(media, data=data, url=None)
    if media_type is None:
        raise UnsupportedInputError(f"{shown} is neither an image (PNG, JPEG, GIF, WebP) nor a PDF")
    is_wanted = media_type == PDF if wanted == "document" else media_type != PDF and media_type not in SCANS
    if wanted != "any" and not is_wanted:
        raise UnsupportedInputError(f"{shown} is {media_type}, and {wanted} is wanted")
    return evolve(media, data=data, url=None, media_type=media_type)
