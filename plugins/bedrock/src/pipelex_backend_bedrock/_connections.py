"""botocore's own connections, told whose call they carry."""

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


class _HTTPPool(AWSHTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSPool(AWSHTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


def own_connections(client: Any) -> None:
    """Make a client's pool use these connections, where this botocore keeps its pools as those do that we know.

    The classes of a pool are no public setting of botocore. Where they cannot be set, all works but one thing: the
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
