"""Objects of Google Cloud Storage, by its JSON API: https://cloud.google.com/storage/docs/json_api."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx2

from pipelex_backend_google.gemini import call_error
from pipelex_core.errors import error_class_for_status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from pipelex_backend_vertexai._credentials import Caller

ADDRESS = "https://storage.googleapis.com"
_BLOCK = 1 << 18


class Storage:
    """A bucket's objects, for whoever calls Vertex AI."""

    def __init__(self, http: httpx2.AsyncClient, caller: Caller, address: str | None) -> None:
        self._http = http
        self._caller = caller
        self._address = (address or ADDRESS).rstrip("/")

    async def upload(self, file: Path, uri: str) -> None:
        """Write a file into an object."""
        bucket, name = place_of(uri)
        target = f"{self._address}/upload/storage/v1/b/{bucket}/o?uploadType=media&name={quote(name, safe='')}"
        size = await asyncio.to_thread(lambda: file.stat().st_size)
        headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
        async with self._requested(self._http.build_request("POST", target, content=_blocks(file), headers=headers)):
            pass

    async def names(self, uri: str) -> AsyncIterator[str]:
        """The objects of a folder, as URIs."""
        bucket, prefix = place_of(uri)
        base = f"{self._address}/storage/v1/b/{bucket}/o?prefix={quote(prefix, safe='')}"
        token = ""
        while True:
            url = f"{base}&pageToken={quote(token, safe='')}" if token else base
            async with self._requested(self._http.build_request("GET", url)) as response:
                page = await _json(response)
            for item in page.get("items") or ():
                yield f"gs://{bucket}/{item['name']}"
            token = page.get("nextPageToken") or ""
            if not token:
                return

    async def lines(self, uri: str) -> AsyncIterator[bytes]:
        """The lines of an object, blank ones left out."""
        bucket, name = place_of(uri)
        rest = b""
        target = f"{self._address}/storage/v1/b/{bucket}/o/{quote(name, safe='')}?alt=media"
        async with self._requested(self._http.build_request("GET", target)) as response:
            async for piece in _pieces(response):
                *whole, rest = (rest + piece).split(b"\n")
                for line in whole:
                    if line.strip():
                        yield line
        if rest.strip():
            yield rest

    def _requested(self, request: httpx2.Request) -> _Request:
        return _Request(self._http, self._caller, request)


class _Request:
    """An answer, for as long as it is read; a refusal, or a broken connection, is one of our errors."""

    def __init__(self, http: httpx2.AsyncClient, caller: Caller, request: httpx2.Request) -> None:
        self._http = http
        self._caller = caller
        self._request = request

    async def __aenter__(self) -> httpx2.Response:
        await self._caller.refresh()
        token = getattr(self._caller.credentials, "token", None)
        self._request.headers["Authorization"] = f"Bearer {token}"
        try:
            self._response = await self._http.send(self._request, stream=True)
        except httpx2.HTTPError as error:
            failure = call_error(error, self._caller.secret)
        else:
            if self._response.status_code < 400:
                return self._response
            await self._response.aread()
            await self._response.aclose()
            status, words = self._response.status_code, self._response.text[:300]
            failure = error_class_for_status(status)(f"Cloud Storage answered with status {status}: {words}")
            failure.status = status
        raise failure

    async def __aexit__(self, *_: object) -> None:
        await self._response.aclose()


async def _json(response: httpx2.Response) -> dict[str, Any]:
    await response.aread()
    found: dict[str, Any] = response.json()
    return found


async def _pieces(response: httpx2.Response) -> AsyncIterator[bytes]:
    failure = None
    try:
        async for piece in response.aiter_bytes():
            yield piece
    except httpx2.HTTPError as error:
        failure = call_error(error, None)
    if failure is not None:
        raise failure


async def _blocks(file: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(file.open, "rb") as opened:
        while block := await asyncio.to_thread(opened.read, _BLOCK):
            yield block


def place_of(uri: str) -> tuple[str, str]:
    """The bucket and the name in a URI."""
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    return bucket, name
