"""Batches of Bedrock: https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference.html.

A job reads its records from S3 and writes what comes of them there. Its records are bodies of Converse, which takes no tools
in a batch, or of InvokeModel, for embeddings and for a Claude with tools; its name and its token are the batch's mark, so that it
is found again, and made once.
"""

from __future__ import annotations

from abc import abstractmethod
from math import inf
from typing import TYPE_CHECKING, Any, TypeVar

from pipelex_backend_bedrock._calls import Call
from pipelex_backend_bedrock._claude_records import needs_tools, speaks_claude
from pipelex_core.batches import BatchLimits, BatchRunner, BatchStatus
from pipelex_core.requests import EmbeddingRequest, TextRequest

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from datetime import datetime
    from pathlib import Path

    from pipelex_backend_bedrock._settings import Settings
    from pipelex_backend_bedrock._workers import Workers
    from pipelex_core.batches import BatchLine
    from pipelex_core.errors import CallError
    from pipelex_core.results import EmbeddingAnswer, TextAnswer

T = TypeVar("T")

LIMITS = BatchLimits(requests=50_000, bytes=200_000_000, hours=24, fewest=100)
"""What every model's quota has room for: https://docs.aws.amazon.com/general/latest/gr/bedrock.html."""

_ENDED = frozenset({"Completed", "PartiallyCompleted", "Expired", "Stopped"})


class BedrockBatches(BatchRunner):
    """The model invocation jobs of a backend whose settings name a place in S3 and a role."""

    _settings: Settings
    _workers: Workers
    _client: Any
    _session: Any
    _intercept: Callable[[str, str, bytes], None] | None
    _job_clients: tuple[Any, Any] | None = None

    def batch_limits(self, request: Any) -> BatchLimits | None:
        """Those of AWS's quotas, where the request needs no tool, or its model is a Claude."""
        if self._settings.batch_s3_uri is None:
            return None
        if isinstance(request, EmbeddingRequest):
            return LIMITS
        if not isinstance(request, TextRequest) or (needs_tools(request) and not speaks_claude(request)):
            return None
        return LIMITS

    def batch_group(self, request: TextRequest | EmbeddingRequest) -> str:
        """A job's records are bodies of one operation."""
        by_invoking = isinstance(request, EmbeddingRequest) or needs_tools(request)
        return "InvokeModel" if by_invoking else "Converse"

    async def batch_line(self, key: str, request: TextRequest | EmbeddingRequest) -> bytes:
        """A record of a body of Converse or InvokeModel; its id is the number in the key, for AWS speaks of eleven letters and digits."""
        from pipelex_backend_bedrock._jobs import record_of

        options = self.config.options
        return await self._workers.run(Call(), lambda: record_of(key, request, options, self._client))

    async def submit_batch(self, lines: Path, *, model_id: str, group: str, mark: str) -> str:
        """Upload the records, and make the job; its token makes sure that there is one."""
        from pipelex_backend_bedrock._jobs import NewJob, create_job

        settings = self._settings
        job = NewJob(mark, model_id, group, settings.batch_s3_uri or "", settings.batch_role_arn or "")
        return await self._by_clients(lambda s3, bedrock: create_job(s3, bedrock, job, lines))

    async def find_batch(self, mark: str, *, count: int, since: datetime) -> str | None:  # noqa: ARG002 -- the mark is enough
        """Ask for jobs with that name."""
        from pipelex_backend_bedrock._jobs import find_job

        return await self._by_clients(lambda _, bedrock: find_job(bedrock, mark))

    async def poll_batch(self, batch_id: str) -> BatchStatus:
        """Its status, an unknown one of which is that of a job under way."""
        job = await self._by_clients(lambda _, bedrock: bedrock.get_model_invocation_job(jobIdentifier=batch_id))
        word, processed = str(job.get("status")), job.get("processedRecordCount")
        failed = word == "Failed"  # one that had begun has results all the same, which are paid
        return BatchStatus(
            state="ended" if word in _ENDED or (failed and processed) else "refused" if failed else "running",
            word=word,
            done=processed,
            total=job.get("totalRecordCount"),
            message=str(job.get("message") or ""),
        )

    async def cancel_batch(self, batch_id: str) -> None:
        """Stop it; what was answered by then is written to S3."""
        await self._by_clients(lambda _, bedrock: bedrock.stop_model_invocation_job(jobIdentifier=batch_id))

    async def collect_batch(self, batch_id: str) -> AsyncGenerator[BatchLine, None]:
        """The lines of the output files; a record without one was not asked."""
        from pipelex_backend_bedrock._jobs import results_of

        s3, bedrock = await self._workers.run(Call(), self._connected)
        async for line in self._workers.stream(Call(), lambda: results_of(s3, bedrock, batch_id)):
            yield line

    def read_batch(self, request: TextRequest | EmbeddingRequest, data: Any) -> TextAnswer | EmbeddingAnswer:
        """The answer of Converse or InvokeModel, read as that of a call."""
        from pipelex_backend_bedrock._jobs import read_record

        try:
            return read_record(request, data, self._client)
        except Exception as error:  # noqa: BLE001 -- the border to the SDK: it becomes one of ours
            failure = self._mapped(error, Call())
        raise failure

    async def _by_clients(self, work: Callable[[Any, Any], T]) -> T:
        return await self._workers.run(Call(most=inf), lambda: work(*self._connected()))

    def _connected(self) -> tuple[Any, Any]:
        """The clients of S3 and of Bedrock's jobs, made when they are first needed; in a worker thread."""
        from pipelex_backend_bedrock._client import make_client

        if self._job_clients is None:
            self._job_clients = (
                make_client(self._session, self._settings, "s3", intercept=self._intercept),
                make_client(self._session, self._settings, "bedrock", intercept=self._intercept),
            )
        return self._job_clients

    def _close_jobs(self) -> None:
        clients, self._job_clients = self._job_clients, None
        for client in clients or ():
            client.close()

    @abstractmethod
    def _mapped(self, error: Exception, call: Call) -> CallError:
        """Our error for whatever was raised."""
