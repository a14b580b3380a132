"""botocore's own connections, which know whose call they carry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
)

from pipelex_backend_bedrock._calls import current

if TYPE_CHECKING:
    from pipelex_backend_bedrock._calls import Call


EVENTS = "application/vnd.amazon.eventstream"


class _Owned:
    """Adds an owner to a connection class."""

    owner: Call | None = None
    severed = False

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]  # of the connection class this is mixed into
        if current.call is not None:
            current.call.check()

    def request(self, *args: Any, **kwargs: Any) -> Any:
        if current.call is not None:
            current.call.board(self)  # type: ignore[arg-type]  # sock and close are the connection class's
        return super().request(*args, **kwargs)  # type: ignore[misc]  # as above


class _HTTPConnection(_Owned, AWSHTTPConnection):  # type: ignore[misc]  # botocore's own mixin changes signatures
    pass


class _HTTPSConnection(_Owned, AWSHTTPSConnection):  # type: ignore[misc]  # as above
    pass


class _Counting:
    """Adds to a pool that answers are counted; streams of events count each event themselves."""

    def urlopen(self, *args: Any, **kwargs: Any) -> Any:
        response = super().urlopen(*args, **kwargs)  # type: ignore[misc]  # of the pool class this is mixed into
        is_error = response.status >= 300
        if current.call is not None and (is_error or response.headers.get("Content-Type") != EVENTS):
            response.stream = current.call.count(response, is_error=is_error)
        return response


class _HTTPPool(_Counting, AWSHTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSPool(_Counting, AWSHTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


def own_connections(client: Any) -> None:
    """Make a client's pool use these connections, where this botocore keeps its pools as those do that we know.

    The classes of a pool are not a public setting of botocore. Where they cannot be set, all works but one thing: the
    thread of a call that is given up stays with it until the provider says something or the read timeout is over.
    """
    pools = _pool_classes(client)
    if pools is not None:
        pools.update(http=_HTTPPool, https=_HTTPSPool)


def are_owned(client: Any) -> bool:
    """Whether a client's connections know whose call they carry."""
    pools = _pool_classes(client)
    return pools is not None and pools.get("https") is _HTTPSPool


def _pool_classes(client: Any) -> dict[str, Any] | None:
    session = getattr(getattr(client, "_endpoint", None), "http_session", None)
    pools = getattr(session, "_pool_classes_by_scheme", None)
    return pools if isinstance(pools, dict) else None
