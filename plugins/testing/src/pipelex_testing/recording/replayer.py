"""Replaying: what was recorded is answered again, after the SDK has gone through the call against a loopback server."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from pipelex_core.errors import ProviderConnectionError
from pipelex_testing.recording.cassette import tape
from pipelex_testing.recording.loopback import Loopback
from pipelex_testing.recording.plain import answer_of, error_of, request_data
from pipelex_testing.recording.standing import Around, standing_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from pipelex_core.backend import Backend, Resources
    from pipelex_core.capabilities import Capabilities
    from pipelex_core.requests import Request, TextRequest
    from pipelex_core.specs import BackendConfig

_log = logging.getLogger("pipelex_testing.recording")


def replayed(  # noqa: PLR0917 -- what `pipelex_wrap_backend` gets
    backend: Backend,
    make: Callable[[BackendConfig], Backend],
    config: BackendConfig,
    sdk: str,
    folder: str,
    redact: Callable[[str], str],
    capabilities: Capabilities,
) -> Backend:
    """A backend that answers from a folder of cassettes, with the capabilities of the one it replaces."""
    replayer: Backend = standing_for(Replayer, backend, capabilities)(make, config, sdk, folder, redact)
    return replayer


class Replayer(Around):
    """Answers from a tape; a provider's address is never asked."""

    def __init__(
        self,
        make: Callable[[BackendConfig], Backend],
        config: BackendConfig,
        sdk: str,
        folder: str,
        redact: Callable[[str], str],
    ) -> None:
        super().__init__(config)
        self._make = make
        self._sdk = sdk
        self._redact = redact
        self._tape = tape(folder)
        self._loopback: Loopback | None = None

    async def open(self, resources: Resources) -> None:
        """Open the SDK, against a server on loopback; without one, the tape alone answers."""
        loopback = Loopback.of(self._sdk, self.config.name)
        if loopback is None:
            return
        try:
            await loopback.open(self._make, self.config, resources)
        except Exception as error:  # noqa: BLE001 -- an SDK that finds no credentials, say; its text could hold some
            await loopback.close()
            _log.warning(
                "backend '%s' is replayed without its SDK, which could not be opened: %s",
                self.config.name,
                type(error).__name__,
            )
            return
        self._loopback = loopback

    async def close(self) -> None:
        """Close the SDK and the server."""
        if self._loopback is not None:
            await self._loopback.close()

    async def whole(self, operation: str, request: Request) -> Any:
        """The recorded answer, or error."""
        line = await self._played(operation, request)
        if "error" in line:
            raise error_of(line["error"])
        return answer_of(line["answer"], self.answers[operation])

    async def stream(self, operation: str, request: TextRequest) -> AsyncIterator[Any]:
        """The recorded answer, in the pieces it came in."""
        line = await self._played(operation, request)
        for delta in line["deltas"]:
            yield delta
        if "error" in line:
            raise error_of(line["error"])
        if "answer" not in line:
            msg = "the recorded stream was left here by who read it"
            raise ProviderConnectionError(msg, partial_text="".join(line["deltas"]))
        answer = answer_of(line["answer"], self.answers[operation])
        if operation == "stream_speech":
            yield answer.audio.data
        yield answer

    async def _played(self, operation: str, request: Request) -> dict[str, Any]:
        line = self._tape.take(request_data(operation, request, self._redact))
        if self._loopback is not None and "answer" in line:
            await self._loopback.exercise(operation, request, line["answer"])
        return line
