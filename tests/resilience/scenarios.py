"""The rows of the table: what a server does wrong, and how a call has to end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attrs import evolve, field, frozen

from pipelex_core.errors import (
    CallError,
    DeadlineExceededError,
    IdleTimeoutError,
    InvalidAnswerError,
    ProviderConnectionError,
    ServerError,
    error_class_for_status,
)
from pipelex_testing.samples import WORLD, SampleAnswer
from pipelex_testing.server import Reply
from tests.resilience import faulty
from tests.resilience.faulty import FaultyServer, Nobody

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pipelex_testing.calls import Kind
    from pipelex_testing.running import Running
    from pipelex_testing.server import Server
    from pipelex_testing.wire import Wire

Only = Literal["streams", "words", "texts", "jobs"]

DEADLINE = 0.5
ENOUGH = 1.5
"""Seconds in which a stream begins, on a busy machine too."""
IDLE = 0.5
PLENTY = 20.0
REPLIES = 6
"""How often a fault is queued: more than any policy asks."""


@frozen(kw_only=True)
class Scenario:
    """One row.

    Attributes:
        name: What the server does.
        outcome: The error's class; None for an answer.
        again: Whether it may pass on its own, and the provider is asked again.
        job_again: The same of a request that takes a job that is paid for; and of any other image, by default.
        image_again: The same of an image that is not a job.
        replies: What the server replies, one after the other.
        server: Its own server, where replies do not do it.
        terms: What the call says beside.
        only: What it makes sense for, where that is not everything.
        requests: How many requests the good answer took, with the default policy.
        retry_after: What the error tells of the wait.
        partial: Whether the error has the text that came before.
        least: Seconds that the call takes at least.
        text: The text of the answer.
    """

    name: str
    outcome: type[CallError] | None
    again: bool = False
    job_again: bool | None = None
    image_again: bool | None = None
    replies: Callable[[Running, Kind], list[Reply]] | None = None
    server: Callable[[Wire], Server] | None = None
    terms: Mapping[str, Any] = field(factory=lambda: {"deadline": PLENTY})
    only: Only | None = None
    requests: int = 1
    retry_after: float | None = None
    partial: bool = False
    least: float = 0.0
    text: str | None = None


def _status(status: int, headers: Mapping[str, str] | None = None) -> Callable[[Running, Kind], list[Reply]]:
    def replies(at: Running, call: Kind) -> list[Reply]:
        reply = at.wire.error(status)
        if (at.wire.name, status) == ("bedrock-converse", 408):
            reply = evolve(reply, headers={**reply.headers, "x-amzn-errortype": "ModelTimeoutException"})
        return [evolve(reply, headers={**reply.headers, **(headers or {})})] * REPLIES

    return replies


def _always(reply: Reply) -> Callable[[Running, Kind], list[Reply]]:
    return lambda at, call: [reply] * REPLIES


def _then_well(status: int, headers: Mapping[str, str] | None = None) -> Callable[[Running, Kind], list[Reply]]:
    def replies(at: Running, call: Kind) -> list[Reply]:
        return [_status(status, headers)(at, call)[0], call.reply(at)]

    return replies


def _statuses() -> Iterator[Scenario]:
    for status in (400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 529):
        again = status in {408, 429} or status >= 500
        yield Scenario(
            name=f"{status}",
            outcome=error_class_for_status(status),
            again=again,
            job_again=again and (status < 500 or status == 503),
            image_again=again and status != 502,
            replies=_status(status),
        )


def _replies() -> Iterator[Scenario]:
    limited, html = error_class_for_status(429), "<html><h1>Gateway</h1></html>"
    yield Scenario(
        name="429, Retry-After: 120",
        outcome=limited,
        replies=_status(429, {"Retry-After": "120"}),
        retry_after=120,
    )
    yield Scenario(
        name="429, Retry-After: 1, then an answer",
        outcome=None,
        replies=_then_well(429, {"Retry-After": "1"}),
        requests=2,
        least=1.0,
        only="words",
    )
    yield Scenario(name="503, then an answer", outcome=None, replies=_then_well(503), requests=2, only="words")
    yield Scenario(
        name="502, a web page",
        outcome=error_class_for_status(502),
        again=True,
        job_again=False,
        replies=_always(Reply.text(html, status=502)),
    )
    yield Scenario(name="200, a web page", outcome=InvalidAnswerError, replies=_always(Reply.text(html)))
    yield Scenario(name="200, malformed JSON", outcome=InvalidAnswerError, replies=_always(Reply(chunks=(b"{]",))))
    yield Scenario(
        name="200, half of the JSON, all there is",
        outcome=InvalidAnswerError,
        replies=lambda at, call: [evolve(call.reply(at), chunks=(_half(call.reply(at)),))] * REPLIES,
        only="texts",
    )
    yield Scenario(
        name="200, the connection cut in the JSON",
        outcome=ProviderConnectionError,
        again=True,
        job_again=False,
        replies=lambda at, call: [_cut(at, call)] * REPLIES,
    )
    yield Scenario(
        name="a huge answer, 4 MB",
        outcome=None,
        replies=lambda at, call: [_says(at, call, HUGE)],
        only="words",
        text=HUGE,
    )
    yield Scenario(
        name="a slow queue: an answer after 0.3 s",
        outcome=None,
        replies=lambda at, call: [evolve(call.reply(at), delay=0.3)],
        only="words",
        least=0.3,
    )


HUGE = "Long is the Seine. " * 220_000


def _half(reply: Reply) -> bytes:
    body = b"".join(reply.chunks)
    return body[: len(body) // 2]


def _cut(at: Running, call: Kind) -> Reply:
    return Reply(chunks=(b'{"id": "a", ', b'"choices": [' + b" " * 100), cut_after=1)


def _says(at: Running, call: Kind, text: str) -> Reply:
    stated = SampleAnswer(text=text)
    return at.wire.stream(stated) if call.capability == "stream" else at.wire.answer(stated)


def _streams() -> Iterator[Scenario]:
    yield Scenario(
        name="characters split between packets",
        outcome=None,
        replies=lambda at, call: [_bytewise(_says(at, call, WORLD))],
        only="words",
        text=WORLD,
    )
    yield Scenario(
        name="a stream that falls silent",
        outcome=DeadlineExceededError,
        replies=lambda at, call: [evolve(call.reply(at), stall_after=len(call.reply(at).chunks) - 1)] * REPLIES,
        terms={"deadline": ENOUGH},
        only="streams",
        partial=True,
    )
    yield Scenario(
        name="a stream that falls silent, `idle_timeout`",
        outcome=IdleTimeoutError,
        replies=lambda at, call: [evolve(call.reply(at), stall_after=len(call.reply(at).chunks) - 1)] * REPLIES,
        terms={"idle_timeout": IDLE},
        only="streams",
        partial=True,
    )
    yield Scenario(
        name="a healthy stream longer than its `idle_timeout`",
        outcome=None,
        replies=lambda at, call: [evolve(call.reply(at), pause=0.1)],
        terms={"idle_timeout": 2.0},
        only="streams",
    )


def _bytewise(reply: Reply) -> Reply:
    body = b"".join(reply.chunks)
    return evolve(reply, chunks=tuple(body[place : place + 1] for place in range(len(body))))


def _connections() -> Iterator[Scenario]:
    hangs = {"silence before headers": faulty.silence, "silence after headers": faulty.silence_after_headers}
    for name, fault in hangs.items():
        server = _with(fault)
        yield Scenario(name=name, outcome=DeadlineExceededError, server=server, terms={"deadline": DEADLINE})
        yield Scenario(
            name=f"{name}, `idle_timeout`",
            outcome=IdleTimeoutError,
            again=True,
            job_again=False,
            server=server,
            terms={"idle_timeout": IDLE},
        )
    yield Scenario(
        name="a body that drips",
        outcome=DeadlineExceededError,
        server=_with(faulty.drip),
        terms={"deadline": DEADLINE, "idle_timeout": 10},
    )
    yield Scenario(
        name="headers that drip",
        outcome=DeadlineExceededError,
        server=_with(faulty.dripping_headers),
        terms={"deadline": DEADLINE},
    )
    broken = {
        "reset": faulty.reset,
        "reset in the body": faulty.reset_in_the_body,
        "closed in the headers": faulty.cut_in_headers,
        "bytes that are no HTTP": faulty.garbage,
    }
    for name, fault in broken.items():
        yield Scenario(name=name, outcome=ProviderConnectionError, again=True, job_again=False, server=_with(fault))
    yield Scenario(name="refused", outcome=ProviderConnectionError, again=True, server=lambda wire: Nobody())
    yield Scenario(
        name="a host that nobody knows",
        outcome=ProviderConnectionError,
        again=True,
        server=lambda wire: Nobody("nobody.invalid"),
    )
    yield Scenario(
        name="a queue that never ends",
        outcome=DeadlineExceededError,
        server=lambda wire: _endless(wire.server()),
        terms={"deadline": DEADLINE},
        only="jobs",
    )


def _with(fault: faulty.Fault) -> Callable[[Wire], Server]:
    return lambda wire: FaultyServer(fault)


def _endless(server: Any) -> Server:
    server.script.status = ["IN_PROGRESS"]
    made: Server = server
    return made


SCENARIOS: tuple[Scenario, ...] = (*_statuses(), *_replies(), *_streams(), *_connections())


@frozen(kw_only=True)
class Exceptional:
    """What is different at one backend, and why."""

    outcome: type[CallError]
    again: bool
    why: str


EXCEPTIONS: dict[tuple[str, str], Exceptional] = {
    ("408", "Bedrock"): Exceptional(
        outcome=ServerError, again=True, why="AWS calls its 408 a `ModelTimeoutException`, a fault of the model"
    ),
    ("closed in the headers", "Bedrock"): Exceptional(
        outcome=InvalidAnswerError, again=False, why="the SDK's HTTP library takes half of the headers for all of them"
    ),
}
