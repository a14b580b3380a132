"""Requests that an SDK built, kept: the same question to an endpoint differs in its body only.

To copy the body and the options, build a request and wrap its answer costs an SDK a third to a half of a call's own time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import httpx2
from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Iterable

_LENGTH = "Content-Length"


@frozen(kw_only=True)
class KeptRequest:
    """A POST request without its body, and without what changes from one call to the next.

    Attributes:
        read: All that the SDK read to build it.
        url: Where it goes.
        headers: Its headers, but for those that each request has of its own.
        extensions: What the transport is to know.
    """

    read: tuple[Any, ...] = field(repr=False)
    url: httpx2.URL
    headers: httpx2.Headers = field(repr=False)
    extensions: dict[str, Any]

    @classmethod
    def of(
        cls,
        request: httpx2.Request,
        read: tuple[Any, ...],
        *,
        unlike: Iterable[str] = ("cookie",),
        without: Iterable[str] = (),
    ) -> Self | None:
        """What can be kept of a request that the SDK built; None for one whose body has no length, or that cannot be kept.

        Args:
            request: The request, as it was sent.
            read: All that the SDK read to build it, as it was then (`copied`).
            unlike: Headers that change by themselves: a request that has one is not kept.
            without: Headers that each call sets.
        """
        if any(name in request.headers for name in unlike) or _LENGTH not in request.headers:
            return None
        headers = request.headers.copy()
        for name in (_LENGTH, *without):
            del headers[name]
        return cls(read=read, url=request.url, headers=headers, extensions=dict(request.extensions))

    def with_body(
        self, body: bytes, cookies: httpx2.Cookies, timeout: dict[str, float | None] | None = None
    ) -> httpx2.Request:
        """The request with a body, the cookies of the moment, and time-outs other than its own, in seconds."""
        request = httpx2.Request(
            "POST",
            self.url,
            headers=self.headers,
            cookies=cookies,
            stream=httpx2.ByteStream(body),
            extensions={**self.extensions, "timeout": timeout} if timeout else dict(self.extensions),
        )
        headers = request.headers
        headers.encoding = self.headers.encoding  # or it is looked for again
        headers[_LENGTH] = str(len(body))
        request.read()
        return request


def copied(value: Any) -> Any:
    """Copy what can be changed in place: dictionaries, and those in tuples."""
    if isinstance(value, dict):
        return {name: copied(each) for name, each in value.items()}
    return tuple(map(copied, value)) if type(value) is tuple else value
