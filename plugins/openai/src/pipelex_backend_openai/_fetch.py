"""Bytes behind a URL, where an endpoint gives one or cannot take one."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import httpx2
from attrs import evolve

from pipelex_core.errors import UnsupportedInputError
from pipelex_core.parts import DocumentPart

if TYPE_CHECKING:
    from pipelex_core.parts import Media, Message
    from pipelex_core.requests import TextRequest


Asked = TypeVar("Asked", bound="TextRequest")


class FetchError(Exception):
    """A URL that gives no bytes; the text says why."""


async def fetched(url: str, http: httpx2.AsyncClient) -> bytes:
    """The bytes behind a URL; the pool sends no credentials."""
    try:
        response = await http.get(url, follow_redirects=True)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        msg = f"{url} cannot be fetched: {type(error).__name__}"
        raise FetchError(msg) from None
    if response.status_code != 200:
        msg = f"{url} answers {response.status_code}"
        raise FetchError(msg)
    return response.content


async def with_documents(request: Asked, http: httpx2.AsyncClient) -> Asked:
    """The request with the bytes of every document that is given as a URL: chat completions take no URL of one."""
    if not any(_has_url(message) for message in request.messages):
        return request
    return evolve(request, messages=tuple([await _with_bytes(message, http) for message in request.messages]))


def _has_url(message: Message) -> bool:
    return any(isinstance(part, DocumentPart) and part.media.url is not None for part in message.parts)


async def _with_bytes(message: Message, http: httpx2.AsyncClient) -> Message:
    parts = [
        DocumentPart(await _fetched(part.media, http)) if isinstance(part, DocumentPart) else part
        for part in message.parts
    ]
    return evolve(message, parts=tuple(parts))


async def _fetched(media: Media, http: httpx2.AsyncClient) -> Media:
    if media.url is None:
        return media
    try:
        return evolve(media, data=await fetched(media.url, http), url=None)
    except FetchError as error:
        msg = f"the document at {error}"
        raise UnsupportedInputError(msg) from None
