"""The requests of a backend to its endpoint: the SDK's untyped ones, answered in plain JSON, every error as ours.

`client.post(path, cast_to=httpx2.Response)` is the SDK's public form for endpoints it has no method for
(https://github.com/openai/openai-python#undocumented-endpoints). Authentication, headers, error classes and the
decoding of events are the SDK's; the transformation of typed requests and answers, half the cost of a call, is left out.

The SDK's errors hold the request and so the key: ours are raised outside the handlers, so that nothing leads to them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx2
from openai import Omit

from pipelex_backend_openai._errors import Failures, MalformedError, ReportedError, request_id
from pipelex_backend_openai._events import Events
from pipelex_backend_openai._json import loads

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from openai._types import RequestOptions

    from pipelex_backend_openai._clients import Connected
    from pipelex_backend_openai._fetch import Download
    from pipelex_core.errors import CallError

JsonObject = dict[str, Any]


class Asking:
    """Where a backend's requests go. Raises `CallError`s only."""

    def __init__(self, connected: Connected, download: Download) -> None:
        self._client = connected.client
        self._download = download
        self._address = connected.address
        # All of them, as the client has them anyway: the SDK copies a default deeply for each that is left out.
        self._options: RequestOptions = {
            "headers": {} if connected.is_bearer else {"Authorization": Omit()},
            "max_retries": 0,
            "timeout": connected.client.timeout,
            "params": {},
            "security": {"bearer_auth": True},
        }
        self._failures = Failures(connected.key)

    async def get(self, path: str) -> JsonObject:
        """The answer to a GET."""
        try:
            response = await self._client.get(self._address + path, cast_to=httpx2.Response, options=self._options)
        except Exception as error:  # noqa: BLE001 -- every error is ours from here on
            failure = self._failures.of(error)
        else:
            data: JsonObject = self._parsed(response)
            return data
        raise failure

    async def post(self, path: str, body: JsonObject) -> tuple[JsonObject, str | None]:
        """The answer to a POST, and the provider's id of the request."""
        response = await self.respond(path, body)
        return self._parsed(response), request_id(response.headers)

    async def respond(self, path: str, body: JsonObject, *, files: Any = None) -> httpx2.Response:
        """The answer to a POST as it came; of a form where there are files, which are read as they are sent."""
        options = self._options
        more: dict[str, Any] = {}
        if files is not None:
            options = {**options, "headers": {**options["headers"], "Content-Type": "multipart/form-data"}}
            more = {"files": files}
        try:
            response: httpx2.Response = await self._client.post(
                self._address + path, cast_to=httpx2.Response, body=body, options=options, **more
            )
        except Exception as error:  # noqa: BLE001 -- every error is ours from here on
            failure = self._failures.of(error)
        else:
            return response
        raise failure

    async def upload(self, file: Path, name: str) -> str:
        """Upload the input of a batch, once; its id."""
        try:
            with file.open("rb") as content:
                made = await self._client.files.create(
                    file=(name, content), purpose="batch", extra_headers=self._options.get("headers")
                )
        except Exception as error:  # noqa: BLE001 -- every error is ours from here on
            failure = self._failures.of(error)
        else:
            return made.id
        raise failure

    async def lines(self, file_id: str) -> AsyncIterator[bytes]:
        """The lines of a file, split at line feeds alone: the SDK's own splitter cuts at U+2028 too. Blank ones are left out."""
        failure: CallError | None = None
        rest = b""
        try:
            async with self._client.files.with_streaming_response.content(
                file_id, extra_headers=self._options.get("headers")
            ) as response:
                async for piece in response.iter_bytes():
                    *whole, rest = (rest + piece).split(b"\n")
                    for line in whole:
                        if line.strip():
                            yield line
        except Exception as error:  # noqa: BLE001 -- every error is ours from here on
            failure = self._failures.of(error)
        if failure is not None:
            raise failure
        if rest.strip():
            yield rest

    async def _opened(self, path: str, body: JsonObject) -> Events:
        try:
            return await self._client.post(
                self._address + path,
                cast_to=object,
                body=body,
                options=self._options,
                stream=True,
                stream_cls=Events,
            )
        except Exception as error:  # noqa: BLE001 -- every error is ours from here on
            failure = self._failures.of(error)
        raise failure

    def _parsed(self, response: httpx2.Response, *, is_list: bool = False) -> Any:
        """The JSON object of an answer with a good status; or the list, where it may be one."""
        try:
            data = loads(response.content)
        except (ValueError, RecursionError):
            data = response.text
            kind = response.headers.get("content-type", "none")
            failure = self._failures.of(
                MalformedError(f"the answer is not JSON; its content type is {kind}: is the endpoint right?")
            )
        else:
            if isinstance(data, dict) and data.get("error"):
                failure = self._failures.of(ReportedError(data))
            elif isinstance(data, (dict, list) if is_list else dict) and data:
                return data
            else:
                failure = self._failures.of(MalformedError("the answer is not a JSON object, or an empty one"))
        failure.request_id, failure.raw = request_id(response.headers), data
        raise failure
