"""A fal queue of one's own: submit, status, result, cancel, and the images' host, as fal's documentation has them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define, field

from tests.servers.base import Received, Reply, Server

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

T = TypeVar("T")

PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
    b"\x00\x00\x00\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\x00\x05\x00\x01\xff\x89\x99=\x1d\x00\x00\x00\x00IEND\xaeB`\x82"
)
QUEUE = "https://queue.fal.run"
MEDIA = "/media/"


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
    """fal's queue. Its answers name fal's own addresses, as the real ones do; images lie on this server.

    Attributes:
        script: What it does.
        prefix: What stands before fal's paths here, as behind a proxy; its answers do not have it.
        media_url: Where its images lie.
    """

    provider = "fal"

    def __init__(self, *, prefix: str = "", **script: Any) -> None:
        super().__init__()
        self.prefix = prefix
        self.script = Script(**script)

    @property
    def media_url(self) -> str:
        return self.url + MEDIA

    @property
    def submitted(self) -> list[Received]:
        """The submissions."""
        return [request for request in self.received if request.method == "POST"]

    @property
    def cancelled(self) -> list[Received]:
        """The cancellations."""
        return [request for request in self.received if request.method == "PUT" and request.path.endswith("/cancel")]

    @property
    def fetched(self) -> list[Received]:
        """The requests for images."""
        return [request for request in self.received if request.path.startswith(MEDIA)]

    async def answer(self, request: Received) -> Reply:
        """The queue's answer."""
        script = self.script
        if request.path.startswith(MEDIA):
            return _next(
                script.media.get(request.path.removeprefix(MEDIA), []), Reply(chunks=(PNG,), content_type="image/png")
            )
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
        result: Mapping[str, Any] | Reply = _next(script.result, self.result())
        return result if isinstance(result, Reply) else Reply.json(result, headers={"x-fal-request-id": job})

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
            {"url": self.media_url + name, "width": 1024, "height": 768, "content_type": "image/jpeg"} for name in names
        ]
        return {"images": images, "seed": 42, "has_nsfw_concepts": [False] * len(images), "prompt": "p", **more}


def _next(replies: list[T], otherwise: T) -> T:
    return replies.pop(0) if replies else otherwise


def fault(status: int, detail: Any, **headers: str) -> Reply:
    """An error as fal gives it."""
    return Reply(status=status, chunks=(json.dumps({"detail": detail}).encode(),), headers=headers)
