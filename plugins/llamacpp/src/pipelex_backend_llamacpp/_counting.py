"""The tokens of a prompt: llama.cpp tells how many it is about to read, and is stopped there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pipelex_backend_llamacpp._generation import Job, error_of
from pipelex_core.errors import BadRequestError, CallError, InvalidAnswerError

if TYPE_CHECKING:
    from collections.abc import Callable

    import xllamacpp


class Counting(Job):
    """A request to count on its way through a worker's thread; `tell` gets the number, or an error.

    Args:
        body: As for `Generation`: with `return_progress` on, the first chunk has the whole prompt's length
            (tools/server/README.md of llama.cpp).
        tell: As for `Job`.
    """

    def __init__(self, body: bytes, tell: Callable[[Any], None]) -> None:
        super().__init__(tell)
        self._body = body
        self._outcome: int | CallError | None = None

    def run(self, server: xllamacpp.Server) -> None:
        """Count, in the calling thread."""
        self.begun = True
        try:
            server.handle_chat_completions(self._body, self.take)
        except (ValueError, RuntimeError) as error:  # what the server throws over a template or a request
            self._outcome = BadRequestError(f"llama.cpp refused the request: {error}")
        self.end(InvalidAnswerError("llama.cpp gave no count of tokens") if self._outcome is None else self._outcome)

    def take(self, chunk: bytes) -> bool:
        """One chunk; True stops the server. An exception would be lost inside the library."""
        try:
            read = json.loads(chunk)
            if "error" in read:
                self._outcome = error_of(read["error"])
            elif "prompt_progress" in read:
                self._outcome = int(read["prompt_progress"]["total"])
        except (ValueError, LookupError, TypeError) as error:
            self._outcome = InvalidAnswerError(f"llama.cpp gave a chunk that cannot be read: {error!r}")
        return self.cancelled or self._outcome is not None
