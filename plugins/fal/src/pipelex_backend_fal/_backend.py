"""The backend: a request becomes one job in fal's queue, and the job's images."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from fal_client import AsyncRequestHandle, Completed, FalClientError, Status

from pipelex_backend_fal._arguments import arguments
from pipelex_backend_fal._http import FalHttp, FalQueue
from pipelex_backend_fal._patience import may_pass, patiently
from pipelex_backend_fal._result import fetched, image_answer
from pipelex_core.backend import ImageGenerator, Speaker, Transcriber
from pipelex_core.errors import AuthenticationError, CallError, DeadlineExceededError, InvalidAnswerError
from pipelex_core.headers import check_key

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pipelex_core.backend import Resources
    from pipelex_core.requests import ImageRequest
    from pipelex_core.results import ImageAnswer
    from pipelex_core.sound import SpeechAnswer, SpeechRequest, TranscriptAnswer, TranscriptRequest
    from pipelex_core.specs import BackendConfig

    Asked = ImageRequest | TranscriptRequest | SpeechRequest

Answer = TypeVar("Answer")

_log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 1.0
"""Seconds between two looks at the queue; each pause is half as long again as the one before."""

GRACE = 1.0
"""Most seconds that giving up a job may take: then its connection is closed, whatever became of it."""

UNREADABLE = (KeyError, ValueError, TypeError, RecursionError, FalClientError)
"""What the SDK raises over an answer it cannot read."""


class FalBackend(ImageGenerator, Transcriber, Speaker):
    """fal's queue."""

    loggers: ClassVar[tuple[str, ...]] = ("fal_client",)
    edits_images: ClassVar[bool] = True
    takes_masks: ClassVar[bool] = True

    def __init__(self, config: BackendConfig) -> None:
        super().__init__(config)
        self._http: FalHttp | None = None
        self._partings: set[asyncio.Task[None]] = set()

    async def open(self, resources: Resources) -> None:
        """Make the SDK's client on the shared pool."""
        key = "" if self.config.api_key is None else self.config.api_key.reveal()
        if not key:
            msg = "the key is missing"
            raise AuthenticationError(msg)
        check_key(self.config.api_key)
        self._download = partial(resources.download, config=self.config)
        self._http = FalHttp(key, self.config.endpoint, resources.http())
        self._queue = FalQueue(key, self._http)

    async def close(self) -> None:
        """Wait for cancellations on their way, and close the connections."""
        if self._partings:
            await asyncio.wait(self._partings, timeout=GRACE)
            for parting in tuple(self._partings):
                parting.cancel()
        if self._http is not None:
            await self._http.aclose()

    async def generate_image(self, request: ImageRequest) -> ImageAnswer:
        """One job, whose images are fetched."""
        moderated = request.is_moderated is not False

        async def read(result: Any, request_id: str) -> ImageAnswer:
            return await image_answer(result, self._download, request_id=request_id, moderated=moderated)

        return await self._run(request, arguments(request), read)

    async def transcribe(self, request: TranscriptRequest) -> TranscriptAnswer:
        """One job on a recording, which fal fetches at its URL, or gets as a data URL."""
        from pipelex_backend_fal._sound import hearing_arguments, transcript_of

        async def read(result: Any, request_id: str) -> TranscriptAnswer:
            return transcript_of(result, request, request_id)

        return await self._run(request, hearing_arguments(request), read)

    async def speak(self, request: SpeechRequest) -> SpeechAnswer:
        """One job, whose sound is fetched."""
        from pipelex_backend_fal._sound import speaking_arguments, speech_of, speech_url

        async def read(result: Any, request_id: str) -> SpeechAnswer:
            data, _ = await patiently(partial(fetched, speech_url(result, request_id), self._download, request_id))
            return speech_of(data, request, result, request_id)

        return await self._run(request, speaking_arguments(request), read)

    async def _run(self, request: Asked, job: dict[str, Any], read: Callable[[Any, str], Awaitable[Answer]]) -> Answer:
        """Submit once, wait, fetch.

        A caller that gives up, or whose time is over, has the job cancelled at fal. An error after fal took the job,
        or may have taken it, is `unsettled`.
        """
        try:
            async with asyncio.timeout(request.timeout):
                handle = await self._submit(request, job)
                result = await self._result(handle)
                return await read(result, handle.request_id)
        except TimeoutError:
            msg = f"the job was not done after {request.timeout:g} s, and was given up"
            raise DeadlineExceededError(msg, unsettled=True) from None

    async def _submit(self, request: Asked, job: dict[str, Any]) -> AsyncRequestHandle:
        """Put the job into the queue, once."""
        limit = request.timeout if request.timeout and request.timeout > 1 else None  # the SDK refuses less
        submitting = asyncio.create_task(self._queue.submit(request.spec.model_id, job, start_timeout=limit))
        try:
            return _checked(await asyncio.shield(submitting))
        except asyncio.CancelledError:
            await self._part(partial(self._cancel_once_submitted, submitting))
            raise
        except UNREADABLE as error:
            raise _unreadable(error) from None

    async def _result(self, handle: AsyncRequestHandle) -> Any:
        """What the job came to, once it is done."""
        try:
            try:
                await self._completion(handle)
            except (CallError, asyncio.CancelledError):
                await self._part(partial(self._cancel, handle))
                raise
            return await patiently(partial(self._fetch, handle), passing=_is_not_the_jobs_own)
        except CallError as error:
            error.request_id, error.unsettled = handle.request_id, True
            raise

    async def _completion(self, handle: AsyncRequestHandle) -> None:
        pause = FIRST_PAUSE
        while not isinstance(await patiently(partial(_status, handle)), Completed):
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE)

    async def _fetch(self, handle: AsyncRequestHandle) -> Any:
        response = await handle.client.request("GET", handle.response_url)
        try:
            return response.json()
        except UNREADABLE as error:
            raise _unreadable(error) from None

    async def _part(self, words: Callable[[], Awaitable[None]]) -> None:
        """Give up a job; it goes on, for as long as it may, without a caller who does not wait for it."""
        parting = asyncio.create_task(_in_time(words))
        self._partings.add(parting)
        parting.add_done_callback(self._partings.discard)
        await asyncio.wait({parting}, timeout=GRACE)

    async def _cancel_once_submitted(self, submitting: asyncio.Task[AsyncRequestHandle]) -> None:
        try:
            handle = await submitting
        except (CallError, *UNREADABLE) as error:
            _log.info("a job that was given up was not taken by fal: %s", type(error).__name__)
        else:
            await self._cancel(handle)

    async def _cancel(self, handle: AsyncRequestHandle) -> None:
        try:
            await handle.cancel()
        except (CallError, *UNREADABLE) as error:
            _log.warning("fal job %s could not be cancelled and may be charged: %s", handle.request_id, error)


async def _in_time(words: Callable[[], Awaitable[None]]) -> None:
    try:
        async with asyncio.timeout(GRACE):
            await words()
    except TimeoutError:
        _log.warning("fal did not answer when a job was cancelled, which may be charged")


def _checked(handle: AsyncRequestHandle) -> AsyncRequestHandle:
    """The handle, which the SDK makes of whatever fal's answer holds; a TypeError where that is not text."""
    addresses: tuple[object, ...] = (handle.request_id, handle.response_url, handle.status_url, handle.cancel_url)
    if not all(isinstance(one, str) and one for one in addresses):
        msg = "a job has an id and addresses"
        raise TypeError(msg)
    return handle


async def _status(handle: AsyncRequestHandle) -> Status:
    try:
        return await handle.status()
    except UNREADABLE as error:
        raise _unreadable(error) from None


def _unreadable(error: Exception) -> InvalidAnswerError:
    """What the SDK makes of an answer that is not fal's: KeyError, ValueError (bad JSON too) or TypeError."""
    msg = f"fal's answer cannot be read ({type(error).__name__}): is the endpoint right?"
    return InvalidAnswerError(msg, unsettled=True)


def _is_not_the_jobs_own(error: CallError) -> bool:
    """Whether an error in place of a result may pass: what a job itself ended with bears its id, and stays."""
    return may_pass(error) and error.request_id is None
