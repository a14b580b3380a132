"""The SDK's client, by its public path for undocumented requests: it builds no typed objects, which is half the CPU.

Authentication, headers, error classes and the decoding of event streams are the SDK's; retries are off.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import httpx2
from anthropic import AsyncStream, Omit

from pipelex_backend_anthropic._errors import error_of_answer, translated_errors, without
from pipelex_backend_anthropic._requests import KeepingAnthropic
from pipelex_core.errors import AuthenticationError, InvalidAnswerError
from pipelex_core.headers import check_key, first_id

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from anthropic import AsyncAnthropic, AsyncAnthropicVertex, RequestOptions

    from pipelex_core.errors import CallError
    from pipelex_core.specs import BackendConfig, Secret

PROVIDER_URL = "https://api.anthropic.com"

SAMPLING_VERSION = "2023-06-01"
"""The last API version that takes temperature and top_p: https://platform.claude.com/docs/en/api/migration-2026-10-21."""

MESSAGES = "/v1/messages"
DEFAULT_TIMEOUT = 600.0
_CONNECT_TIMEOUT = 10.0
_GRACE = 5.0
"""Seconds beyond a call's own time: the execution layer ends it first, and knows why."""


class MessagesClient:
    """Sends bodies to the Messages API, and gives what comes back as plain data, or as our errors."""

    def __init__(self, sdk: AsyncAnthropic | AsyncAnthropicVertex, *, version: str | None = None) -> None:
        self._sdk = sdk
        self._version = version

    @property
    def key(self) -> Secret | None:
        """What the calls are made with, for errors to hide."""
        return None

    async def ask(self, body: dict[str, Any], options: RequestOptions, *, stream: bool = False) -> httpx2.Response:
        """The answer to a request; with `stream`, one that is not read yet, for the caller to close."""
        if not stream:
            return await self._sdk.post(MESSAGES, cast_to=httpx2.Response, body=body, options=options)
        events: AsyncStream[object] = await self._sdk.post(
            MESSAGES, cast_to=object, body=body, options=options, stream=True, stream_cls=AsyncStream[object]
        )
        return events.response

    async def send(self, body: dict[str, Any], seconds: float | None) -> tuple[Any, str | None]:
        """The decoded answer, and the request's id; `seconds` is the time the call has, or None."""
        with translated_errors(self.key):
            return self._decoded(await self.ask(body, self._options(body, seconds)))

    async def count(self, body: dict[str, Any], seconds: float | None) -> int:
        """The tokens of a body of `count_tokens`."""
        with translated_errors(self.key):
            response = await self._sdk.post(
                "/v1/messages/count_tokens", cast_to=httpx2.Response, body=body, options=self._options(body, seconds)
            )
            data, request_id = self._decoded(response)
        tokens = data.get("input_tokens") if isinstance(data, dict) else None
        if not isinstance(tokens, int):
            msg = "the answer has no count of tokens"
            raise InvalidAnswerError(msg, raw=data, request_id=request_id)
        return tokens

    async def events(self, body: dict[str, Any], seconds: float | None) -> AsyncGenerator[tuple[Any, str | None], None]:
        """The decoded events as they come, each with the request's id; closing the iterator closes the connection."""
        with translated_errors(self.key):
            response = await self.ask({**body, "stream": True}, self._options(body, seconds), stream=True)
            try:
                if "text/event-stream" not in response.headers.get("content-type", ""):
                    await response.aread()
                    raise self._not_wanted(response, "a stream of events")
                request_id = first_id(response.headers, "request-id")
                async for event in AsyncStream.raw_events(response):
                    if event.event == "ping" or not event.data:
                        continue
                    data = json.loads(event.data)
                    if event.event == "error" or (isinstance(data, dict) and data.get("type") == "error"):
                        raise error_of_answer(data, status=response.status_code, headers=response.headers, key=self.key)
                    yield data, request_id
            finally:
                await response.aclose()

    async def model_ids(self) -> tuple[str, ...]:
        """Every model the key may use, page after page: https://platform.claude.com/docs/en/api/models-list."""
        found: list[str] = []
        query: dict[str, object] = {"limit": 1000}
        with translated_errors(self.key):
            while True:
                response = await self._sdk.get(
                    "/v1/models", cast_to=httpx2.Response, options={**self._options({}, None), "params": query}
                )
                page, request_id = self._decoded(response)
                try:
                    found += [str(model["id"]) for model in page["data"]]
                    more, last = page.get("has_more"), page.get("last_id")
                except (KeyError, TypeError, AttributeError):
                    msg = "the answer is not a list of models"
                    raise InvalidAnswerError(msg, raw=page, request_id=request_id) from None
                if not more or not last or last == query.get("after_id"):
                    return tuple(found)
                query["after_id"] = last

    async def get(self, path: str, query: dict[str, object] | None = None) -> Any:
        """The decoded answer to a GET."""
        with translated_errors(self.key):
            response = await self._sdk.get(
                path, cast_to=httpx2.Response, options={**self._options({}, None), "params": query or {}}
            )
            return self._decoded(response)[0]

    async def post_content(self, path: str, content: bytes, *, sampling: bool = False) -> Any:
        """The decoded answer to a POST of JSON that is written already; `sampling` as there are such settings in it."""
        options = self._options({"temperature": 1} if sampling else {}, None)
        options["headers"] = {**options.get("headers", {}), "content-type": "application/json"}
        with translated_errors(self.key):
            response = await self._sdk.post(path, cast_to=httpx2.Response, content=content, options=options)
            return self._decoded(response)[0]

    async def lines(self, path: str) -> AsyncGenerator[bytes, None]:
        """The lines of an answer as they come, blank ones left out; split at line feeds alone."""
        with translated_errors(self.key):
            stream = await self._sdk.get(
                path, cast_to=object, options=self._options({}, None), stream=True, stream_cls=AsyncStream[object]
            )
            rest = b""
            try:
                async for piece in stream.response.aiter_bytes():
                    *whole, rest = (rest + piece).split(b"\n")
                    for line in whole:
                        if line.strip():
                            yield line
                if rest.strip():
                    yield rest
            finally:
                await stream.close()

    def error_of(self, body: Any) -> CallError:
        """The error that a result of a batch reports."""
        return error_of_answer(body, status=200, headers={}, key=self.key)

    def _decoded(self, response: httpx2.Response) -> tuple[Any, str | None]:
        with suppress(ValueError, RecursionError):
            data = json.loads(response.content)
            if isinstance(data, dict) and data.get("type") == "error":  # some gateways answer so with a good status
                raise error_of_answer(data, status=response.status_code, headers=response.headers, key=self.key)
            return data, first_id(response.headers, "request-id")
        raise self._not_wanted(response, "JSON")

    def _not_wanted(self, response: httpx2.Response, wanted: str) -> InvalidAnswerError:
        came = response.headers.get("content-type") or "no content type"
        return InvalidAnswerError(
            f"the provider answered with {came} where {wanted} was asked for",
            status=response.status_code,
            request_id=first_id(response.headers, "request-id"),
            raw=without(self.key, response.content.decode("utf-8", "replace")),
        )

    def _options(self, body: dict[str, Any], seconds: float | None) -> RequestOptions:
        limit = DEFAULT_TIMEOUT if seconds is None else seconds + _GRACE
        options: RequestOptions = {"timeout": httpx2.Timeout(limit, connect=min(limit, _CONNECT_TIMEOUT))}
        version = self._version or (SAMPLING_VERSION if "temperature" in body or "top_p" in body else None)
        if version is not None and "anthropic_version" not in body:
            options["headers"] = {"anthropic-version": version}
        return options


class DirectMessages(MessagesClient):
    """The Messages API at Anthropic, or at an endpoint that speaks it, with a key."""

    _sdk: KeepingAnthropic

    def __init__(self, config: BackendConfig, http: httpx2.AsyncClient) -> None:
        self._key = config.api_key
        if self._key is None and config.endpoint is None:
            msg = f"backend '{config.name}' has no api_key"
            raise AuthenticationError(msg, backend=config.name)
        check_key(self._key)
        address, query = _taken_apart(config.endpoint or PROVIDER_URL)
        with translated_errors(self._key):
            sdk = KeepingAnthropic(
                # Given always, so that the SDK looks for none in the environment.
                api_key=self._key.reveal() if self._key is not None else "",
                base_url=address,
                default_query=query,
                default_headers=self._headers(),
                max_retries=0,
                open_telemetry=False,
                http_client=http,
            )
        super().__init__(sdk, version=config.options.get("anthropic_version"))

    @property
    def key(self) -> Secret | None:
        """The configured key."""
        return self._key

    async def ask(self, body: dict[str, Any], options: RequestOptions, *, stream: bool = False) -> httpx2.Response:
        """The answer to a request, which is built of what is kept of the last one."""
        return await self._sdk.ask(MESSAGES, body, options, stream=stream)

    def _headers(self) -> dict[str, Any]:
        """The key as the API documents it, `x-api-key`, beside the SDK's `Authorization`: some gateways read only one."""
        if self._key is None:
            return {"Authorization": Omit(), "x-api-key": Omit()}
        key = self._key.reveal()
        return {"Authorization": f"Bearer {key}", "x-api-key": key}


def _taken_apart(endpoint: str) -> tuple[str, dict[str, object]]:
    """The address without the `/v1` that every path of the API begins with, and the query that goes with every request."""
    address, _, query = endpoint.partition("#")[0].partition("?")
    return address.rstrip("/").removesuffix("/v1"), dict(parse_qsl(query, keep_blank_values=True))
