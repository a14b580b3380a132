"""botocore's client, made of our settings. Slow to import and to make: only worker threads come here."""

from __future__ import annotations

import json
from functools import cache, partial
from os import environ
from typing import TYPE_CHECKING, Any

import botocore
from botocore.config import Config
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    CredentialProvider,
    Credentials,
    DeferredRefreshableCredentials,
)
from botocore.exceptions import IncompleteReadError, NoCredentialsError
from botocore.loaders import Loader
from botocore.session import Session

from pipelex_backend_bedrock._calls import current
from pipelex_backend_bedrock._connections import own_connections
from pipelex_backend_bedrock._frames import decode_events

if TYPE_CHECKING:
    from collections.abc import Callable

    from botocore.awsrequest import AWSPreparedRequest

    from pipelex_backend_bedrock._settings import Settings

CONNECT_TIMEOUT = 5.0
"""Seconds; also how long closing may take while a connection is being made, for nothing interrupts that."""

LATER = 1.0
"""Seconds after a call's time at which its thread gives up by itself."""


def make_session(settings: Settings) -> Session:
    """The session whose credentials the clients use."""
    session = Session(profile=settings.profile) if settings.profile else Session()
    session.register_component("data_loader", _loader())
    if settings.role_arn:
        _assume_role(session, settings, settings.role_arn)
    return session


def make_client(
    session: Session,
    settings: Settings,
    service: str = "bedrock-runtime",
    *,
    intercept: Callable[[str, str, bytes], None] | None = None,
) -> Any:
    """A client that tries once, keeps to the credentials named in the settings, and whose calls can be given up.

    Args:
        session: Whose credentials it uses.
        settings: How to reach Bedrock.
        service: Of AWS.
        intercept: Called with method, URL and body of each request before it is sent; what it raises ends the call.
    """
    client: Any = session.create_client(
        service,
        region_name=settings.region,
        endpoint_url=settings.endpoint_of(service),
        config=Config(**{**_config(settings), **(_of_s3(settings) if service == "s3" else {})}),
        verify=_authorities(session),
        **_keys(settings),
    )
    own_connections(client)
    client.meta.events.register(f"before-call.{service}", _limit_silence)
    client.meta.events.register(f"before-parse.{service}", _whole)
    client.meta.events.register(f"before-parse.{service}", _legible)
    client.meta.events.register(f"before-parse.{service}.ConverseStream", decode_events)
    if settings.api_key is not None:
        client.meta.events.register(f"before-send.{service}", _token_bearer(settings.api_key))
    if intercept is not None:
        client.meta.events.register(f"before-send.{service}", _shown_to(intercept))
    return client


def _authorities(session: Session) -> str | bool:
    """The file of authorities to trust, or botocore's own. Never nothing: an empty name would be no check to an older one.

    AWS's variable and profile come first, then those that the other backends go by.
    """
    named = (
        session.get_config_variable("ca_bundle") or environ.get("REQUESTS_CA_BUNDLE") or environ.get("SSL_CERT_FILE")
    )
    return named or True


def _config(settings: Settings) -> dict[str, Any]:
    config: dict[str, Any] = {
        "retries": {"mode": "standard", "total_max_attempts": 1},
        "connect_timeout": CONNECT_TIMEOUT,
        "read_timeout": settings.read_timeout,
        "max_pool_connections": settings.max_concurrency,
        "tcp_keepalive": True,
        "ignore_configured_endpoint_urls": True,
        # The two cost a tenth of a call: a user agent that is written anew each time, and a check of the request
        # against the model that Bedrock makes anyway.
        "user_agent": f"pipelex-backend-bedrock botocore/{botocore.__version__}",
        "parameter_validation": False,
    }
    # Without a signature named here, botocore lets AWS_BEARER_TOKEN_BEDROCK win over every other credential. And its
    # own bearer signer takes no plain http, which a server on this machine speaks: so `_token_bearer` adds the token.
    if settings.access == "signed":
        config["signature_version"] = "v4"
    elif settings.access == "bearer":
        config["signature_version"] = botocore.UNSIGNED
    elif not environ.get("AWS_BEARER_TOKEN_BEDROCK"):
        config["signature_version"] = "v4"  # an empty one would win too
    return config


def _of_s3(settings: Settings) -> dict[str, Any]:
    """What S3 wants otherwise: a signature of its own; where it is somewhere else, the bucket in the path."""
    own = {"s3": {"addressing_style": "path"}} if settings.s3_endpoint else {}
    return {"signature_version": "s3v4", "parameter_validation": True, **own}


def _keys(settings: Settings) -> dict[str, Any]:
    if settings.access_key_id is None or settings.role_arn:
        return {}
    return {
        "aws_access_key_id": settings.access_key_id,
        "aws_secret_access_key": settings.secret_access_key,
        "aws_session_token": settings.session_token,
    }


@cache
def _loader() -> Loader:
    """The descriptions of AWS's services, read once: a third of what a client costs."""
    return Loader()


def _limit_silence(context: dict[str, Any], **_: object) -> None:
    """An event handler: the read timeout of this call, which ends a thread that a cancellation could not wake.

    A little after the call's time, which core keeps: a busy event loop must not take the one for the other.
    """
    call = current.call
    if call is not None and call.timeout is not None:
        context["read_timeout"] = call.timeout + LATER


def _whole(response_dict: dict[str, Any], **_: object) -> None:
    """An event handler: a body that was cut short is not an answer; botocore counts that of streams only.

    A byte order mark before it, which a gateway may have put there, is taken away.
    """
    if response_dict["status_code"] >= 300:
        return  # an error is known by its status
    body, length = response_dict["body"], str(response_dict["headers"].get("content-length", ""))
    if isinstance(body, bytes) and length.isdecimal() and len(body) < int(length):
        raise IncompleteReadError(actual_bytes=len(body), expected_bytes=int(length))
    if isinstance(body, bytes):
        response_dict["body"] = body.removeprefix(b"\xef\xbb\xbf")


def _legible(response_dict: dict[str, Any], **_: object) -> None:
    """An event handler: an error without its body, where botocore would fail to read that and forget the status."""
    if response_dict["status_code"] < 300:
        return
    try:
        body = json.loads(response_dict["body"].decode())
    except (UnicodeDecodeError, RecursionError):
        body = None
    except ValueError:
        return  # a web page, say, which botocore takes for the message
    if not isinstance(body, dict):
        response_dict["body"] = b""


def _shown_to(intercept: Callable[[str, str, bytes], None]) -> Callable[..., None]:
    """An event handler that shows each request to somebody who may end it."""

    def show(request: AWSPreparedRequest, **_: object) -> None:
        body = request.body or b""
        intercept(request.method, request.url, body if isinstance(body, bytes) else str(body).encode())

    return show


def _token_bearer(token: str) -> Callable[..., None]:
    """An event handler that adds the token at the last moment, after botocore has logged the request.

    A plain function, because botocore logs its handlers too, and a `partial` prints its arguments.
    """

    def bear(request: AWSPreparedRequest, **_: object) -> None:
        request.headers["Authorization"] = f"Bearer {token}"

    return bear


class _Role(CredentialProvider):
    """Credentials of one assumed role, renewed before they expire."""

    METHOD = "pipelex-assume-role"

    def __init__(self, fetcher: AssumeRoleCredentialFetcher) -> None:
        super().__init__()
        self._fetcher = fetcher

    def load(self) -> DeferredRefreshableCredentials:
        return DeferredRefreshableCredentials(refresh_using=self._fetcher.fetch_credentials, method=self.METHOD)


def _assume_role(session: Session, settings: Settings, role_arn: str) -> None:
    """Put the role first in a session's chain; the role is assumed at the first call."""
    chain = session.get_component("credential_provider")
    if settings.access_key_id is not None and settings.secret_access_key is not None:
        source = Credentials(settings.access_key_id, settings.secret_access_key, settings.session_token)
    else:
        source = chain.load_credentials()
    if source is None:
        raise NoCredentialsError
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=partial(session.create_client, region_name=settings.region, verify=_authorities(session)),
        source_credentials=source,
        role_arn=role_arn,
        extra_args={"RoleSessionName": "pipelex"},
    )
    chain.providers.insert(0, _Role(fetcher))
