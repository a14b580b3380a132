"""Mistral's SDK: how it is opened, and the few ways it is called.

Chat and OCR are sent as the SDK's typed methods end: with the SDK's hooks (tracing, user agent), and the answer as it came.
The typed methods build a pydantic model per call and per streamed event, and cost some seven times as much. Files, which
are rare, go through the typed methods.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar
from urllib.parse import parse_qsl

import httpx2
from attrs import frozen
from mistralai.client import Mistral
from mistralai.client._hooks import HookContext, SDKHooks
from mistralai.client._hooks.types import AfterErrorContext, AfterSuccessContext, BeforeRequestContext
from mistralai.client.utils import get_security
from mistralai.client.utils.eventstreaming import EventStreamAsync
from mistralai.client.utils.logger import NoOpLogger

from pipelex_backend_mistral._errors import (
    error_of_answer,
    error_of_event,
    error_of_exception,
    never,
    request_id_of,
)
from pipelex_backend_mistral._http import SharedHttp
from pipelex_backend_mistral._json import encoded
from pipelex_core.errors import CallError, InvalidAnswerError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from pipelex_backend_mistral._errors import Doubt
    from pipelex_core.parts import Media

T = TypeVar("T")

NEVER_MS = 24 * 60 * 60 * 1000
"""The SDK's own timeout, 300 s by default, must not end a call before the caller's deadline does."""


@frozen
class Answered:
    """The JSON of an answer, and the provider's id of the request."""

    payload: Any
    request_id: str | None


class MistralClient:
    """One SDK client on a shared HTTP pool; belongs to the event loop it was made in.

    Args:
        http: The pool.
        endpoint: The address, with or without `/v1` and with the query of every request; None for Mistral's own.
        key: Gives what authorises the calls; asked at each of them.
    """

    def __init__(self, http: httpx2.AsyncClient, *, endpoint: str | None, key: Callable[[], str | None]) -> None:
        self._find_key = key
        # Never used, and made without a TLS context; with none given, the SDK would make a real one.
        self._sync = httpx2.Client(transport=httpx2.BaseTransport(), trust_env=False)
        address, _, query = (endpoint or "").partition("#")[0].partition("?")
        self._http = SharedHttp(http, dict(parse_qsl(query, keep_blank_values=True)))
        self._sdk = Mistral(
            api_key=lambda: key(),  # noqa: PLW0108 -- the SDK wants a function, or it would look into the environment
            server_url=address.rstrip("/").removesuffix("/v1") or None,
            client=self._sync,
            async_client=self._http,
            timeout_ms=NEVER_MS,
            debug_logger=NoOpLogger(),
        )
        configuration = self._sdk.sdk_configuration
        self._url = configuration.get_server_details()[0]
        self._fixed = {
            "accept": "application/json",
            "content-type": "application/json",
            "user-agent": configuration.user_agent,
        }
        self._authorised: tuple[str | None, dict[str, str]] | None = None

    @property
    def _key(self) -> str | None:
        """What authorises the calls, for errors to hide."""
        return self._find_key()

    @property
    def _headers(self) -> dict[str, str]:
        key = self._find_key()
        if self._authorised is None or self._authorised[0] != key:
            security = self._sdk.sdk_configuration.security
            found = get_security(security() if callable(security) else security)[0]
            self._authorised = key, {**found, **self._fixed}
        return self._authorised[1]

    def address(self, path: str, body: dict[str, Any] | None, *, stream: bool) -> str:  # noqa: ARG002 -- of no account here
        """Where a request goes: `path` is that of Mistral's own API."""
        return self._url + path

    def close(self) -> None:
        """Let go of the SDK; the pool is not ours."""
        self._sync.close()

    async def call(
        self, path: str, operation: str, body: dict[str, Any] | None = None, *, too_long: Doubt = never
    ) -> Answered:
        """One request and its JSON: a POST of `body`, or a GET.

        Raises:
            CallError: There is no such answer; `too_long` says whether the request may exceed the model's context.
        """
        return self._answered(await self._guarded(self._send(path, operation, body)), too_long)

    async def form(
        self, path: str, operation: str, fields: list[tuple[str, str]], file: tuple[str, Any, str] | None = None
    ) -> Answered:
        """A POST of a form, and its JSON.

        Args:
            path: Where it goes.
            operation: The SDK's name of it.
            fields: Names and values; a name may be there several times.
            file: The file's name, the open file, which is read as it is sent, and its type; or None.

        Raises:
            CallError: There is no such answer.
        """
        parts: list[tuple[str, Any]] = [(name, (None, value)) for name, value in fields]
        if file is not None:
            parts.append(("file", file))
        headers = {name: value for name, value in self._headers.items() if name != "content-type"}
        request = self._http.build_request("POST", self._url + path, files=parts, headers=headers)
        return self._answered(await self._guarded(self._done(operation, request, stream=False)), never)

    def _answered(self, response: httpx2.Response, too_long: Doubt) -> Answered:
        text = response.text.removeprefix("\ufeff")
        if response.status_code == 200:
            with suppress(ValueError, RecursionError):  # what is not JSON is an error as below
                return Answered(json.loads(text), request_id_of(response.headers))
        raise error_of_answer(response.status_code, response.headers, text, secret=self._key, too_long=too_long)

    async def events(
        self, path: str, operation: str, body: dict[str, Any], *, too_long: Doubt = never
    ) -> AsyncGenerator[Answered, None]:
        """The JSON of each event of a stream, until the provider ends it.

        Raises:
            CallError: There is no stream, or it broke.
        """
        response = await self._guarded(self._send(path, operation, body, stream=True))
        stream = EventStreamAsync(response, json.loads, sentinel="[DONE]", client_ref=self._sdk)
        try:
            is_stream = response.headers.get("content-type", "").startswith("text/event-stream")
            if response.status_code != 200 or not is_stream:
                text = (await self._guarded(response.aread())).decode("utf-8", "replace")
                raise error_of_answer(response.status_code, response.headers, text, secret=self._key, too_long=too_long)
            request_id = request_id_of(response.headers)
            while (event := await self._guarded(anext(stream, None))) is not None:
                data = event.get("data")
                if event.get("event") == "error" or (isinstance(data, dict) and _is_fault(data)):
                    raise error_of_event(data, response.headers, secret=self._key)
                yield Answered(data, request_id)
        finally:
            await stream.generator.aclose()  # or the garbage collector would have to
            await response.aclose()

    async def upload(self, media: Media, name: str) -> str:
        """Upload a file for OCR; gives its id."""
        file: Any = {"file_name": name, "content": media.data, "content_type": media.media_type}
        return (await self._guarded(self._sdk.files.upload_async(file=file, purpose="ocr"))).id

    async def upload_lines(self, content: BinaryIO, name: str) -> str:
        """Upload the input of a batch, once; gives its id."""
        file: Any = {"file_name": name, "content": content, "content_type": "application/jsonl"}
        return (await self._guarded(self._sdk.files.upload_async(file=file, purpose="batch"))).id

    async def lines(self, file_id: str) -> AsyncGenerator[Any, None]:
        """The JSON of each line of a file, split at line feeds alone; blank ones are left out."""
        response = await self._guarded(self._sdk.files.download_async(file_id=file_id))
        pieces, rest = aiter(response.aiter_bytes()), b""
        try:
            while (piece := await self._guarded(anext(pieces, None))) is not None:
                *whole, rest = (rest + piece).split(b"\n")
                for line in whole:
                    if line.strip():
                        yield _parsed(line)
            if rest.strip():
                yield _parsed(rest)
        finally:
            await response.aclose()

    def error_of(self, status: object, body: object) -> CallError:
        """The error that a line of a batch reports."""
        text = body if isinstance(body, str) else json.dumps(body)
        return error_of_answer(status if isinstance(status, int) else 500, {}, text, secret=self._key)

    async def signed_url(self, file_id: str) -> str:
        """An address of an uploaded file, good for an hour."""
        return (await self._guarded(self._sdk.files.get_signed_url_async(file_id=file_id, expiry=1))).url

    async def delete(self, file_id: str) -> None:
        """Delete an uploaded file."""
        await self._guarded(self._sdk.files.delete_async(file_id=file_id))

    async def _send(
        self, path: str, operation: str, body: dict[str, Any] | None, *, stream: bool = False
    ) -> httpx2.Response:
        address = self.address(path, body, stream=stream)
        if body is None:
            request = self._http.build_request("GET", address, headers=self._headers)
        else:
            request = self._http.post_request(address, self._headers, encoded(body).encode())
        return await self._done(operation, request, stream=stream)

    async def _done(self, operation: str, request: httpx2.Request, *, stream: bool) -> httpx2.Response:
        """The answer to a request, past the SDK's hooks, as in `Mistral.do_request_async`.

        That takes the hooks into a thread and back, twice, which is a third of a call. Those of these operations look at
        headers, and wait for nothing.
        """
        configuration = self._sdk.sdk_configuration
        hooks: SDKHooks = configuration.__dict__["_hooks"]
        context = HookContext(
            config=configuration,
            base_url=self._url,
            operation_id=operation,
            oauth2_scopes=None,
            security_source=configuration.security,
            tags=None,
            extensions=None,
        )
        request = hooks.before_request(BeforeRequestContext(context), request)
        failure: Exception | None
        try:
            response = await self._http.send(request, stream=stream)
        except Exception as error:  # noqa: BLE001 -- which one it is to be, the hooks say
            failure = hooks.after_error(AfterErrorContext(context), None, error)[1] or error
        else:
            if response.status_code < 400:
                return hooks.after_success(AfterSuccessContext(context), response)
            changed, failure = hooks.after_error(AfterErrorContext(context), response, None)
            if failure is None:
                return changed or response
        raise failure

    async def _guarded(self, sdk_call: Awaitable[T]) -> T:
        """Await a call of the SDK; what it raises becomes ours, and is not chained to it: it holds the key."""
        try:
            return await sdk_call
        except CallError:
            raise
        except Exception as error:  # noqa: BLE001 -- the SDK raises its own, its transport's, pydantic's and json's
            failure = error_of_exception(error, secret=self._key)
        raise failure


def _json(response: httpx2.Response) -> Any:
    """The JSON of an answer, which is UTF-8 by default."""
    try:
        return json.loads(response.content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return json.loads(response.text)


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        msg = f"a line of the batch's results is not JSON: {line[:200]!r}"
        raise InvalidAnswerError(msg) from None


def _is_fault(data: dict[str, Any]) -> bool:
    return "choices" not in data and not data.keys().isdisjoint({"error", "message", "detail"})
