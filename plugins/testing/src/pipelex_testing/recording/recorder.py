"""Recording: a backend is asked as always, and what it answered is written down."""

from __future__ import annotations

import logging
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from pipelex_core.errors import CallError
from pipelex_testing.recording.cassette import write
from pipelex_testing.recording.plain import answer_data, error_data, request_data
from pipelex_testing.recording.standing import Around, standing_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from pipelex_core.backend import Backend, Resources
    from pipelex_core.capabilities import Capabilities
    from pipelex_core.requests import Request, TextRequest
    from pipelex_core.results import TextAnswer

_log = logging.getLogger("pipelex_testing.recording")


def recorded(inner: Backend, folder: str, redact: Callable[[str], str], capabilities: Capabilities) -> Backend:
    """The same backend, its answers recorded."""
    backend: Backend = standing_for(Recorder, inner, capabilities)(inner, folder, redact)
    return backend


class Recorder(Around):
    """Writes down each attempt once it has ended; one that was cancelled before an answer is not."""

    def __init__(self, inner: Backend, folder: str, redact: Callable[[str], str]) -> None:
        super().__init__(inner.config)
        self._inner: Any = inner
        self._folder = folder
        self._redact = redact
        self._has_warned = False

    async def open(self, resources: Resources) -> None:
        """Open the backend."""
        await self._inner.open(resources)

    async def close(self) -> None:
        """Close the backend."""
        await self._inner.close()

    async def whole(self, operation: str, request: Request) -> Any:
        """The answer, written down; or the error."""
        try:
            answer = await getattr(self._inner, operation)(request)
        except CallError as error:
            self._write(operation, request, error=error)
            raise
        self._write(operation, request, answer=answer)
        return answer

    async def stream(self, operation: str, request: TextRequest) -> AsyncIterator[str | TextAnswer]:
        """The answer as it comes, written down as far as it was read."""
        deltas: list[str] = []
        outcome: dict[str, Any] = {}
        try:
            async with aclosing(getattr(self._inner, operation)(request)) as events:
                async for event in events:
                    if isinstance(event, str):
                        deltas += [event] if type(event) is str else []  # what comes beside the text is in the answer
                    elif not isinstance(event, bytes):  # the answer holds the bytes of speech
                        outcome["answer"] = event
                    yield event
        except CallError as error:
            outcome["error"] = error
            raise
        finally:
            if outcome or deltas:
                self._write(operation, request, deltas=deltas, **outcome)

    def _pieces(self, deltas: list[str]) -> list[str]:
        """The deltas as they came; where one text goes over several of them, and it is a secret, as one."""
        clean = [self._redact(delta) for delta in deltas]
        whole = self._redact("".join(deltas))
        return clean if "".join(clean) == whole else [whole]

    def _write(self, operation: str, request: Request, **outcome: Any) -> None:
        """Write an attempt down; what was paid for reaches the caller whatever becomes of the cassette."""
        try:
            data = {name: self._data(name, value) for name, value in outcome.items()}
            write(self._folder, request_data(operation, request, self._redact), data)
        except Exception as error:  # noqa: BLE001 -- a full disk, or an answer of a plugin that has no plain form
            if not self._has_warned:
                self._has_warned = True
                _log.warning(
                    "backend '%s': not every answer is recorded in '%s': %s",
                    self.config.name,
                    self._folder,
                    self._redact(f"{type(error).__name__}: {error}"),
                )

    def _data(self, name: str, value: Any) -> Any:
        if name == "deltas":
            return self._pieces(value)
        return (error_data if name == "error" else answer_data)(value, self._redact)
