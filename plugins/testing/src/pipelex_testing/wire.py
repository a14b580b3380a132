"""A wire: a provider's API as the kit's loopback server speaks it, in canned answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

from pipelex_testing.server import Reply, Server

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipelex_core.errors import CallError
    from pipelex_testing.rulebook import Rulebook
    from pipelex_testing.samples import Capability, SampleAnswer
    from pipelex_testing.server import Received


Fact = Literal[
    "finish reasons",
    "content filters",
    "counts",
    "cached counts",
    "request ids",
    "error events",
    "settings",
]
FACTS: frozenset[str] = frozenset(get_args(Fact))
"""What a provider may not have, whatever its plugin does."""


class Wire(ABC):
    """What a provider answers, in its own form.

    An author whose provider speaks none of the wires of `pipelex_testing` writes a small class: `answer` and, for
    what the backend claims, `stream`, `document` and `image`. Scenarios that need what a wire does not have are left
    out, and the certificate says so. A backend that is an engine in this process has no wire: its suite says
    `wire = None`.

    Attributes:
        name: What the certificate calls it.
        says: What the wire can say; a backend that claims more cannot prove it with this wire.
        error_headers: Headers of every error.
        special_errors: Errors that a structured code tells apart, beyond those that the status does.
        shows_request_id: Whether answers name their request.
        counts_in_stream: Whether streams are counted.
        counts_embeddings: Whether the tokens of texts to embed are counted.
        lacks: What the provider does not have, of `FACTS`: scenarios about it are absent, which is not a failure, and the
            certificate says so.
        rules: What the provider refuses; a wire of one's own names the provider whose rules hold, or has none.
        ending: How many events of a stream are its end: the one that says why it ended, and those after it.
    """

    name: ClassVar[str]
    says: ClassVar[frozenset[Capability]]
    error_headers: ClassVar[Mapping[str, str]] = {}
    special_errors: ClassVar[Mapping[type[CallError], tuple[int, Any]]] = {}
    shows_request_id: ClassVar[bool] = True
    counts_in_stream: ClassVar[bool] = True
    counts_embeddings: ClassVar[bool] = True
    ending: ClassVar[int] = 1
    lacks: ClassVar[frozenset[Fact]] = frozenset()
    rules: Rulebook | None = None

    def __init_subclass__(cls, **options: Any) -> None:
        """Refuse an unknown fact: a slip would claim what the provider has not."""
        super().__init_subclass__(**options)
        if unknown := sorted(cls.lacks - FACTS):
            msg = f"{cls.__name__}.lacks names {', '.join(unknown)}; the facts are {', '.join(sorted(FACTS))}"
            raise TypeError(msg)

    def lacking(self) -> frozenset[str]:
        """All that the provider does not have, what older attributes say of it included."""
        return self.lacks if self.shows_request_id else self.lacks | {"request ids"}

    def server(self) -> Server:
        """The server, not started; one of its own for a wire whose calls are several requests."""
        return Server(self.rules)

    def endpoint(self, url: str) -> str:
        """The value of `endpoint` for a server at this address."""
        return url

    @abstractmethod
    def answer(self, sample: SampleAnswer) -> Reply:
        """A whole answer, with the counts of `USAGE`."""

    def stream(self, sample: SampleAnswer) -> Reply:
        """The same, streamed: an event a piece of the reply, its text in two deltas at least."""
        msg = f"the wire {self.name} has no streams"
        raise NotImplementedError(msg)

    def document(self) -> Reply:
        """Two pages, the first with the image `JPEG`."""
        msg = f"the wire {self.name} has no documents"
        raise NotImplementedError(msg)

    def image(self) -> Reply:
        """The image `PNG`."""
        msg = f"the wire {self.name} has no images"
        raise NotImplementedError(msg)

    def embeddings(self) -> Reply:
        """The vectors `VECTORS`, with the input tokens of `USAGE`."""
        msg = f"the wire {self.name} has no embeddings"
        raise NotImplementedError(msg)

    def transcript(self) -> Reply:
        """The words of a recording: `SPOKEN`."""
        msg = f"the wire {self.name} has no transcripts"
        raise NotImplementedError(msg)

    def speech(self) -> Reply:
        """The sound `SOUND`."""
        msg = f"the wire {self.name} has no speech"
        raise NotImplementedError(msg)

    def speech_stream(self) -> Reply:
        """The sound `SOUND`, streamed; the same as `speech` where that is sent as it is made."""
        return self.speech()

    def ranking(self) -> Reply:
        """The ranking `RANKING`, as one search."""
        msg = f"the wire {self.name} has no rankings"
        raise NotImplementedError(msg)

    def verdicts(self) -> Reply:
        """The verdicts on `DOUBTFUL`: the second is flagged, for `CATEGORY`."""
        msg = f"the wire {self.name} has no verdicts"
        raise NotImplementedError(msg)

    def error(self, status: int, message: str = "it went wrong") -> Reply:
        """An error as the provider words it."""
        return Reply.json({"error": {"message": message}}, status=status, headers=self.error_headers)

    def error_in_stream(self) -> Reply | None:
        """A stream that reports a server's fault after its first delta; None where the provider has no such event."""
        return None

    # What a server of its own may change.

    def queue_reply(self, server: Any, reply: Callable[[], Reply]) -> None:
        """Have the server give this good answer next."""
        server.queue(reply())

    def queue_image(self, server: Any) -> None:
        """Have the server make the image `PNG` next."""
        server.queue(self.image())

    def hang(self, server: Any) -> None:
        """Have the server never finish the next call."""
        server.queue(Reply(fault="hang"))

    def calls(self, server: Any) -> list[Received]:
        """The requests that each stand for one call: those a provider would be paid for."""
        received: list[Received] = server.received
        return received

    def was_cancelled(self, server: Any) -> bool:
        """Whether the provider knows that the caller has gone."""
        return bool(server.abandoned)

    def settings(self, request: Received) -> Mapping[str, Any] | None:  # noqa: ARG002 -- for wires that look
        """The `model`, `temperature` and `max_tokens` a request asks for; None where the wire does not look."""
        return None
