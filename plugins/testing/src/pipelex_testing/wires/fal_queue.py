"""fal's queue: https://docs.fal.ai/model-apis/model-endpoints/queue. Submit, ask for the status, fetch, cancel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pipelex_testing.rulebook import Rulebook
from pipelex_testing.samples import PNG, SOUND, SPOKEN, Capability, SampleAnswer
from pipelex_testing.server import Received, Reply, Server
from pipelex_testing.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PICTURE, _SOUND = "/media/a.png", "/media/a.wav"
_WRITERS, _SPEAKERS = ("whisper", "wizper", "speech-to-text"), ("kokoro", "tts", "speech-02")
"""Words in the ids of models for transcripts, and of those that speak; all others make images."""


class QueueServer(Server):
    """The queue, and the host of its images and sound.

    Attributes:
        never_ends: Whether jobs stay in progress.
    """

    def __init__(self, rules: Rulebook | None = None) -> None:
        super().__init__(rules)
        self.never_ends = False

    async def answer(self, request: Received) -> Reply:
        """The queue's answer to each of the requests that a call is made of."""
        if request.path == _PICTURE:
            return Reply(chunks=(PNG,), content_type="image/png")
        if request.path == _SOUND:
            return Reply(chunks=(SOUND,), content_type="audio/wav")
        if request.method == "POST":
            return Reply.json(self._job(request.path, "IN_QUEUE", queue_position=0))
        if request.method == "PUT":
            return Reply.json({"status": "CANCELLATION_REQUESTED"}, status=202)
        if request.path.endswith("/status"):
            status = "IN_PROGRESS" if self.never_ends else "COMPLETED"
            return Reply.json(self._job(request.path.partition("/requests/")[0], status))
        return Reply.json(self._result(request.path), headers={"x-fal-request-id": "job-1"})

    def _result(self, path: str) -> Mapping[str, Any]:
        if any(word in path for word in _WRITERS):
            return {"text": SPOKEN, "chunks": [], "inferred_languages": ["en"]}
        if any(word in path for word in _SPEAKERS):
            return {"audio": {"url": self.url + _SOUND, "content_type": "audio/wav", "file_size": len(SOUND)}}
        image = {"url": self.url + _PICTURE, "width": 24, "height": 24, "content_type": "image/png"}
        return {"images": [image], "seed": 42, "has_nsfw_concepts": [False], "prompt": "p"}

    def _job(self, application: str, status: str, **more: Any) -> Mapping[str, Any]:
        address = f"https://queue.fal.run{application}/requests/job-1"
        urls = {"response_url": address, "status_url": f"{address}/status", "cancel_url": f"{address}/cancel"}
        return {"status": status, "request_id": "job-1", **urls, "logs": None, "metrics": {}, **more}


class FalQueue(Wire):
    """A job a call; the request that submits it is the one that is paid for."""

    name = "fal-queue"
    rules = Rulebook(provider="fal")
    says: ClassVar[frozenset[Capability]] = frozenset({"image out", "image edits", "transcription", "speech"})

    def server(self) -> QueueServer:
        return QueueServer(self.rules)

    def answer(self, sample: SampleAnswer) -> Reply:
        msg = "fal's queue has no words"
        raise NotImplementedError(msg)

    def error(self, status: int, message: str = "it went wrong") -> Reply:
        return Reply.json({"detail": message}, status=status, headers={"x-fal-request-id": "job-1"})

    def queue_reply(self, server: QueueServer, reply: Callable[[], Reply]) -> None:  # noqa: ARG002 -- it makes its own
        server.never_ends = False

    def queue_image(self, server: QueueServer) -> None:
        server.never_ends = False

    def hang(self, server: QueueServer) -> None:
        server.never_ends = True

    def calls(self, server: Server) -> list[Received]:
        return [request for request in server.received if request.method == "POST"]

    def was_cancelled(self, server: Server) -> bool:
        return any(request.method == "PUT" for request in server.received)
