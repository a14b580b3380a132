"""The bytes of documents and pictures that are given as URLs, where an endpoint cannot take those."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, TypeVar

from attrs import evolve

from pipelex_core.audio import sniff_audio
from pipelex_core.errors import ProviderConnectionError, UnsupportedInputError
from pipelex_core.media import sniff
from pipelex_core.parts import AudioPart, DocumentPart

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pipelex_core.parts import Media, Message
    from pipelex_core.requests import TextRequest

    Download: TypeAlias = Callable[[str], Awaitable[tuple[bytes, str]]]

RequestT = TypeVar("RequestT", bound="TextRequest")


async def with_documents(request: RequestT, download: Download) -> RequestT:
    """The request with the bytes of every document and recording that is given as a URL: chat completions take no URL of one."""
    if not any(_has_url(message) for message in request.messages):
        return request
    return evolve(request, messages=tuple([await _with_bytes(message, download) for message in request.messages]))


def _has_url(message: Message) -> bool:
    return any(isinstance(part, (DocumentPart, AudioPart)) and part.media.url is not None for part in message.parts)


async def _with_bytes(message: Message, download: Download) -> Message:
    parts = [
        evolve(part, media=await with_bytes(part.media, download))
        if isinstance(part, (DocumentPart, AudioPart))
        else part
        for part in message.parts
    ]
    return evolve(message, parts=tuple(parts))


async def with_bytes(media: Media, download: Download) -> Media:
    """A medium with its bytes, and as what these are; downloaded where there is only a URL.

    Raises:
        UnsupportedInputError: Nothing can be downloaded.
    """
    if media.url is None:
        return media
    try:
        data, _ = await download(media.url)
    except ProviderConnectionError as error:
        raise UnsupportedInputError(error.message, status=error.status) from None
    return evolve(media, data=data, url=None, media_type=sniff(data) or sniff_audio(data) or media.media_type)
