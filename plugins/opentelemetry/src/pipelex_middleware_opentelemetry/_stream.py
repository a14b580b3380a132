"""A stream under observation: whatever runs while a piece of it is awaited runs inside its span."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.context import attach, detach

if TYPE_CHECKING:
    from typing import Self

    from opentelemetry.context import Context

    from pipelex_core.results import TextAnswer
    from pipelex_middleware_opentelemetry._attempt import Attempt


class Stream:
    """The events of a stream, as they come.

    No generator: its span is current while an event is awaited, and never in the code of whoever reads the stream; and
    one that is closed before its first event ends its span as well.
    """

    def __init__(self, events: Any, attempt: Attempt, context: Context) -> None:
        self._events = events
        self._attempt = attempt
        self._context = context

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str | TextAnswer:
        token = attach(self._context)
        try:
            event: str | TextAnswer = await anext(self._events)
        except GeneratorExit:
            self._attempt.abandoned()  # closed while the next event was awaited
            raise
        except BaseException as error:
            self._attempt.failed(error)  # also where it ends without an answer
            raise
        finally:
            detach(token)
        if isinstance(event, (str, bytes)):
            self._attempt.chunk()
        else:
            self._attempt.answered(event)
        return event

    async def aclose(self) -> None:
        """Close the stream; before its end, the caller has left it."""
        self._attempt.abandoned()
        await self._events.aclose()
