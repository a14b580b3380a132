"""Who calls Vertex AI: a service account's file, or application default credentials."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import google.auth
from attrs import frozen
from google.auth.exceptions import GoogleAuthError
from google.oauth2 import credentials as oauth2
from google.oauth2 import service_account

from pipelex_backend_google.gemini import call_error
from pipelex_core.errors import AuthenticationError
from pipelex_core.specs import Secret

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

    from pipelex_core.specs import BackendConfig

_SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]
_ANONYMOUS = "anonymous"
_WANTED = {
    "service_account": "client_email, token_uri and a private_key in PEM form",
    "authorized_user": "client_id, client_secret and refresh_token",
}


@frozen(kw_only=True)
class Caller:
    """Who calls, and the project that the credentials name, if they do."""

    credentials: Credentials
    project: str | None

    @property
    def secret(self) -> Secret | None:
        """The access token of the moment, for errors to hide."""
        token = getattr(self.credentials, "token", None)
        return Secret(token) if isinstance(token, str) and token else None

    async def refresh(self) -> None:
        """Fetch an access token where there is none that is valid, in a thread.

        Raises:
            CallError: There is none to be had, or whoever gives it cannot be reached.
        """
        if self.credentials.valid:
            return
        from google.auth.transport.requests import Request

        try:
            await asyncio.to_thread(self.credentials.refresh, Request())
        except GoogleAuthError as error:
            failure = call_error(error, None)
        else:
            return
        raise failure  # out here, so that it does not carry what the SDK sent along


def find_caller(config: BackendConfig) -> Caller:
    """The credentials of a Vertex AI backend; reads files, and may ask the metadata server of a Google machine.

    An endpoint on this machine without a credentials file gets the word `anonymous` for a token: what runs there needs
    no real one, and application default credentials are never shown to it.

    Raises:
        AuthenticationError: The file is missing or malformed, or there are no application default credentials.
    """
    path = config.options.get("gcp_credentials_file_path")
    if path:
        return _from_file(Path(path).expanduser())
    if config.endpoint and _is_loopback(config.endpoint):
        return Caller(credentials=oauth2.Credentials(token=_ANONYMOUS), project=None)
    return _default()


def _from_file(path: Path) -> Caller:
    try:
        info = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        fault = f"cannot be read: {error.strerror}"
    except ValueError:
        fault = "is not valid JSON"
    else:
        made, fault = _from_info(info)
        if made is not None:
            return Caller(credentials=made, project=info.get("project_id") or info.get("quota_project_id"))
    msg = f"gcp_credentials_file_path '{path}' {fault}"
    raise AuthenticationError(msg)


def _from_info(info: Any) -> tuple[Credentials | None, str]:
    """Credentials of a file's content, or what is wrong with it; its text never goes into the fault: it holds a key."""
    kind = info.get("type") if isinstance(info, dict) else None
    with suppress(
        GoogleAuthError, ValueError, TypeError, AttributeError
    ):  # described below, without what the file holds
        if kind == "service_account" and isinstance(info.get("client_email"), str):
            return service_account.Credentials.from_service_account_info(info, scopes=_SCOPES), ""
        if kind == "authorized_user":
            return oauth2.Credentials.from_authorized_user_info(info, scopes=_SCOPES), ""
    if kind in _WANTED:
        return None, f"is malformed: a file of type '{kind}' has {_WANTED[kind]}"
    return None, "is not the key of a service account: its type must be 'service_account' or 'authorized_user'"


def _default() -> Caller:
    try:
        credentials, project = google.auth.default(scopes=_SCOPES)
    except GoogleAuthError:
        fault = "there are no application default credentials: set gcp_credentials_file_path, or run: gcloud auth application-default login"
    else:
        return Caller(credentials=credentials, project=project)
    raise AuthenticationError(fault)


def _is_loopback(endpoint: str) -> bool:
    host = urlsplit(endpoint).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
