"""Claude on Vertex AI: the Messages API behind `rawPredict`, through Anthropic's own SDK.

https://platform.claude.com/docs/en/build-with-claude/claude-on-vertex-ai: the model is in the path, and the API's version in
the body.
"""

from __future__ import annotations

import json
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, ClassVar

from anthropic import AsyncAnthropicVertex

from pipelex_backend_anthropic.claude import ClaudeBackend, MessagesClient, translated_errors
from pipelex_backend_vertexai._place import find_place
from pipelex_core.batches import BatchRunner

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator
    from datetime import datetime
    from pathlib import Path

    import httpx2

    from pipelex_backend_vertexai._claude_batches import ClaudeJobs
    from pipelex_backend_vertexai._place import Place
    from pipelex_core.batches import BatchLimits, BatchLine, BatchStatus
    from pipelex_core.requests import TextRequest
    from pipelex_core.results import TextAnswer
    from pipelex_core.specs import Secret

SAMPLING_VERSION = "vertex-2023-10-16"
"""The version that takes temperature and top_p; without them the SDK names its own."""


class ClaudeOnVertex(ClaudeBackend, BatchRunner):
    """Claude, with a project and Google's credentials; batches where there is a folder in Cloud Storage for them."""

    fetches_urls: ClassVar[bool] = False  # media go along in base64

    _jobs: ClaudeJobs | None = None

    async def connect(self, http: httpx2.AsyncClient) -> MessagesClient:
        """The client with the credentials of the backend's table."""
        place = await find_place(self.config)
        if self.config.options.get("batch_gcs_uri"):
            from pipelex_backend_vertexai._claude_batches import ClaudeJobs

            self._jobs = ClaudeJobs(self.config, place, http)
        return _VertexMessages(place, http)

    async def close(self) -> None:
        """Close what the jobs' SDK made for itself; the pool stays open."""
        jobs, self._jobs = self._jobs, None
        if jobs is not None:
            await jobs.close()
        await super().close()

    def body(self, request: TextRequest) -> dict[str, Any]:
        """What to send; the SDK takes the model out of it."""
        body = super().body(request)
        return {**body, "anthropic_version": SAMPLING_VERSION} if body.keys() & {"temperature", "top_p"} else body

    def batch_limits(self, request: Any) -> BatchLimits | None:
        """Those of a job; none where the backend names no folder."""
        return self._jobs.batch_limits(request) if self._jobs is not None else None

    async def batch_line(self, key: str, request: TextRequest) -> bytes:
        """A request with its id; the job names the model."""
        body = {name: value for name, value in self.body(request).items() if name != "model"}
        line = {"custom_id": key, "request": {"anthropic_version": SAMPLING_VERSION, **body}}
        return json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode()

    async def submit_batch(self, lines: Path, *, model_id: str, group: str, mark: str) -> str:
        """Upload the file, and make the job of it, once."""
        return await self._batches.submit_batch(lines, model_id=model_id, group=group, mark=mark)

    async def find_batch(self, mark: str, *, count: int, since: datetime) -> str | None:
        """The job of that name."""
        return await self._batches.find_batch(mark, count=count, since=since)

    async def poll_batch(self, batch_id: str) -> BatchStatus:
        """Its state."""
        return await self._batches.poll_batch(batch_id)

    async def cancel_batch(self, batch_id: str) -> None:
        """Ask for its end."""
        await self._batches.cancel_batch(batch_id)

    async def collect_batch(self, batch_id: str) -> AsyncIterator[BatchLine]:
        """The lines of the output files."""
        async for line in self._batches.collect_batch(batch_id):
            yield line

    def read_batch(self, request: TextRequest, data: Any) -> TextAnswer:
        """The message, read as that of a call."""
        from pipelex_backend_vertexai._claude_batches import message_of

        return self.read_message(message_of(data), request)

    @property
    def _batches(self) -> ClaudeJobs:
        assert self._jobs is not None  # noqa: S101 -- else there are no limits, and nothing is asked
        return self._jobs


class _VertexMessages(MessagesClient):
    """The SDK's client for Vertex AI; its access token is fetched here, so that what fails there is one of core's errors."""

    def __init__(self, place: Place, http: httpx2.AsyncClient) -> None:
        self._caller = place.caller
        with translated_errors(None):
            sdk = AsyncAnthropicVertex(
                project_id=place.project,
                region=place.location,
                credentials=place.caller.credentials,
                base_url=f"{place.address}/v1",
                max_retries=0,
                open_telemetry=False,
                http_client=http,
            )
        super().__init__(sdk)

    @property
    def key(self) -> Secret | None:
        """The access token."""
        return self._caller.secret

    async def send(self, body: dict[str, Any], seconds: float | None) -> tuple[Any, str | None]:
        """The decoded answer, and the request's id."""
        await self._caller.refresh()
        return await super().send(body, seconds)

    async def count(self, body: dict[str, Any], seconds: float | None) -> int:
        """The tokens of a body."""
        await self._caller.refresh()
        return await super().count(body, seconds)

    async def events(self, body: dict[str, Any], seconds: float | None) -> AsyncGenerator[tuple[Any, str | None], None]:
        """The decoded events as they come."""
        await self._caller.refresh()
        async with aclosing(super().events(body, seconds)) as events:
            async for event in events:
                yield event
