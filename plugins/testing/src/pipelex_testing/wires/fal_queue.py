"""fal's queue: https://docs.fal.ai/model-apis/model-endpoints/queue. Submit, ask for the status, fetch, cancel."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from attrs import define, field

from pipelex_testing.rulebook import Rulebook
from pipelex_testing.samples import PNG, SOUND, SPOKEN, Capability, SampleAnswer
from pipelex_testing.server import Received, Reply, Server
from pipelex_testing.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

QUEUE = "https://queue.fal.run"
MEDIA = "/media/"
_WRITERS, _SPEAKERS = ("whisper", "wizper", "speech-to-text"), ("kokoro", "tts", "speech-02")
"""Words in the ids of models for transcripts, and of those that speak; all others make images."""

T = TypeVar("T")


@define
class Script:
    """What the queue does next, each list from its beginning; what is not scripted goes well.

    Attributes:
        submit: Replies to submissions.
        status: Statuses of the job, or replies; the last one stays.
        result: The job's result, or a reply.
        cancel: Replies to cancellations.
        media: Replies of the images' host, by name.
    """

    submit: list[Reply] = field(factory=list)
    status: list[str | Reply] = field(factory=lambda: ["COMPLETED"])
    result: list[Mapping[str, Any] | Reply] = field(factory=list)
    cancel: list[Reply] = field(factory=list)
    media: dict[str, list[Reply]] = field(factory=dict)


class FalServer(Server):
    """fal's queue. Its answers name fal's own addresses, as the real ones do; images are on this server.

    Attributes:
        script: What it does.
        prefix: What comes before fal's paths here, as behind a proxy; its answers do not have it.
        media_url: Where its images are.
    """

    provider = "fal"

    def __init__(self, *, prefix: str = "", **script: Any) -> None:
        """Make the queue; `script` are the fields of `Script`."""
        super().__init__()
        self.prefix = prefix
        self.script = Script(**script)

    @property
    def media_url(self) -> str:
        """Where its images are."""
        return self.url + MEDIA

    @property
    def submitted(self) -> list[Received]:
        """The submissions."""
        return submissions(self)

    @property
    def cancelled(self) -> list[Received]:
        """The cancellations."""
        return cancellations(self)

    @property
    def fetched(self) -> list[Received]:
        """The requests for images."""
        return [request for request in self.received if request.path.startswith(MEDIA)]

    async def answer(self, request: Received) -> Reply:
        """The queue's answer."""
        script = self.script
        if request.path.startswith(MEDIA):
            name = request.path.removeprefix(MEDIA)
            usual = (SOUND, "audio/wav") if name.endswith(".wav") else (PNG, "image/png")
            return _next(script.media.get(name, []), Reply(chunks=usual[:1], content_type=usual[1]))
        path = request.path.removeprefix(self.prefix)
        if request.method == "POST":
            job = f"job-{len(self.submitted)}"
            return _next(script.submit, Reply.json(self.job(path, job, "IN_QUEUE")))
        application, _, rest = path.partition("/requests/")
        job, _, what = rest.partition("/")
        if what == "cancel":
            return _next(script.cancel, Reply.json({"status": "CANCELLATION_REQUESTED"}, status=202))
        if what == "status":
            status = script.status[0] if len(script.status) == 1 else script.status.pop(0)
            if isinstance(status, Reply):
                return status
            return Reply.json(self.job(application, job, status), status=200 if status == "COMPLETED" else 202)
        result: Mapping[str, Any] | Reply = _next(script.result, self._usual_result(application))
        return result if isinstance(result, Reply) else Reply.json(result, headers={"x-fal-request-id": job})

    def _usual_result(self, application: str) -> Mapping[str, Any]:
        if any(word in application for word in _WRITERS):
            return {"text": SPOKEN, "chunks": [], "inferred_languages": ["en"]}
        if any(word in application for word in _SPEAKERS):
            url = self.media_url + "a.wav"
            return {"audio": {"url": url, "content_type": "audio/wav", "file_size": len(SOUND)}}
        return self.result()

    def job(self, application: str, job: str, status: str) -> dict[str, Any]:
        """What fal says of a job."""
        owner_and_alias = "/".join(application.split("/")[:3])
        address = f"{QUEUE}{owner_and_alias}/requests/{job}"
        position = {"queue_position": 0} if status == "IN_QUEUE" else {}
        return {
            "status": status,
            "request_id": job,
            "response_url": address,
            "status_url": f"{address}/status",
            "cancel_url": f"{address}/cancel",
            "logs": None,
            "metrics": {},
            **position,
        }

    def result(self, names: Sequence[str] = ("a.png",), **more: Any) -> dict[str, Any]:
        """A result with images of these names."""
        images = [
            {"url": self.media_url + name, "width": 24, "height": 24, "content_type": "image/png"} for name in names
        ]
        return {"images": images, "seed": 42, "has_nsfw_concepts": [False] * len(images), "prompt": "p", **more}


def submissions(server: Server) -> list[Received]:
    """Find the requests that submit a job."""
    return [request for request in server.received if request.method == "POST"]


def cancellations(server: Server) -> list[Received]:
    """Find the requests that cancel a job."""
    return [request for request in server.received if request.method == "PUT" and request.path.endswith("/cancel")]


def _next(replies: list[T], otherwise: T) -> T:
    return replies.pop(0) if replies else otherwise


def fault(status: int, detail: Any, **headers: str) -> Reply:
    """An error as fal gives it."""
    return Reply(status=status, chunks=(json.dumps({"detail": detail}).encode(),), headers=headers)


class FalQueue(Wire):
    """A job a call; the request that submits it is the one that is paid for."""

    name = "fal-queue"
    rules = Rulebook(provider="fal")
    says: ClassVar[frozenset[Capability]] = frozenset({"image out", "image edits", "transcription", "speech"})

    def server(self) -> FalServer:
        return FalServer()

    def answer(self, sample: SampleAnswer) -> Reply:
        msg = "fal's queue has no words"
        raise NotImplementedError(msg)

    def error(self, status: int, message: str = "it went wrong") -> Reply:
        return Reply.json({"detail": message}, status=status, headers={"x-fal-request-id": "job-1"})

    def queue_reply(self, server: FalServer, reply: Callable[[], Reply]) -> None:  # noqa: ARG002 -- it makes its own
        server.script.status = ["COMPLETED"]

    def queue_image(self, server: FalServer) -> None:
        server.script.status = ["COMPLETED"]

    def hang(self, server: FalServer) -> None:
        server.script.status = ["IN_PROGRESS"]

    def calls(self, server: Server) -> list[Received]:
        return submissions(server)

    def was_cancelled(self, server: Server) -> bool:
        return bool(cancellations(server))
