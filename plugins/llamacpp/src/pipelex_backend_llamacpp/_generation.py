"""One generation: the chunks that llama.cpp's server hands out, made into deltas and an answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias

from pipelex_core.errors import (
    BadRequestError,
    CallError,
    ContextTooLongError,
    InvalidAnswerError,
    OverloadedError,
    ProviderConnectionError,
    ServerError,
    UnsupportedInputError,
    error_class_for_status,
)
from pipelex_core.results import TextAnswer, Usage

if TYPE_CHECKING:
    from collections.abc import Callable

    import xllamacpp

    from pipelex_core.results import FinishReason

    Event: TypeAlias = str | TextAnswer | CallError

_ERRORS: dict[str, type[CallError]] = {
    "exceed_context_size_error": ContextTooLongError,
    "invalid_request_error": BadRequestError,
    "not_supported_error": UnsupportedInputError,
    "server_error": ServerError,
    "unavailable_error": OverloadedError,
}
"""llama.cpp's error types: tools/server/README.md, «Error responses»."""

_FINISH_REASONS: dict[str, FinishReason] = {"stop": "stop", "length": "length", "tool_calls": "tool_calls"}


class Job:
    """A call on its way through a worker's thread; `tell` hears how it ends, and nothing after `cancel`.

    Args:
        tell: Who listens; it must not raise.

    Attributes:
        cancelled: Whether nobody waits for it any more.
        begun: Whether its turn has come, and its model is loaded.
    """

    def __init__(self, tell: Callable[[Any], None]) -> None:
        self.cancelled = False
        self.begun = False
        self._tell = tell

    def cancel(self) -> None:
        """Stop soon, and tell nothing more; from any thread."""
        self.cancelled = True

    def close(self) -> None:
        """Stop as `cancel` does, and tell whoever still waits that the backend is closed."""
        if not self.cancelled:
            self.cancelled = True
            self._tell(CallError("the backend was closed during the call"))

    def end(self, event: Any) -> None:
        """Tell how it ended, unless it was cancelled."""
        if not self.cancelled:
            self._tell(event)

    def run(self, server: xllamacpp.Server) -> None:
        """Do it, in the calling thread."""
        raise NotImplementedError


class Generation(Job):
    """A call on its way through a worker's thread; `tell` hears of it there.

    `tell` gets deltas of text (only where `deltas`; empty for what comes without text, such as a piece of the prompt that was
    read, or a thought), then one `TextAnswer` or `CallError`; nothing after `cancel`.

    Args:
        body: The request's JSON, with `stream` and `return_progress` on: between two chunks it can be stopped.
        tell: Who listens; it must not raise.
        deltas: Whether to tell the text as it comes.
        is_json: Whether a grammar makes every answer begin with a brace.
    """

    def __init__(self, body: bytes, tell: Callable[[Event], None], *, deltas: bool, is_json: bool = False) -> None:
        super().__init__(tell)
        self._body = body
        self._deltas = deltas
        self._is_json = is_json
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._finish_reason: str | None = None
        self._last: dict[str, Any] = {}
        self._error: CallError | None = None

    def run(self, server: xllamacpp.Server) -> None:
        """Generate, in the calling thread."""
        self.begun = True
        try:
            server.handle_chat_completions(self._body, self.take)
        except (ValueError, RuntimeError) as error:  # what the server throws over a template or a request
            self._error = BadRequestError(f"llama.cpp refused the request: {error}")
        self.finish()

    def finish(self) -> None:
        """Tell the answer, or what went wrong: no chunk follows."""
        self.end(self._error or self._answer())

    def take(self, chunk: bytes) -> bool:
        """One chunk; True stops the generation. An exception would be lost inside the library."""
        if self.cancelled:
            return True
        try:
            self._read(json.loads(chunk))
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            shown = chunk[:200].decode(errors="replace")
            self._error = InvalidAnswerError(f"llama.cpp gave a chunk that cannot be read: {error!r}", raw=shown)
        return self._error is not None

    def _read(self, chunk: dict[str, Any]) -> None:
        if "error" in chunk:
            self._error = error_of(chunk["error"])
            return
        self._last = {**self._last, **chunk}
        known = len(self._text)
        for choice in chunk["choices"]:
            delta = choice["delta"]
            if delta.get("reasoning_content"):
                self._reasoning.append(delta["reasoning_content"])
            if delta.get("content"):
                self._add(delta["content"])
            self._finish_reason = choice["finish_reason"] or self._finish_reason
        if self._deltas and len(self._text) == known:
            self._tell("")

    def _add(self, text: str) -> None:
        self._text.append(text)
        if self._is_json and (begin := "".join(self._text).lstrip()):
            self._is_json = False
            if not begin.startswith("{"):
                self._error = UnsupportedInputError("llama.cpp cannot make a grammar of this JSON schema")
                return
        if self._deltas:
            self._tell(text)

    def _answer(self) -> TextAnswer | CallError:
        text = "".join(self._text)
        if self._finish_reason is None:
            return ProviderConnectionError("llama.cpp's server stopped before the answer's end", partial_text=text)
        usage = self._last.get("usage") or {}
        return TextAnswer(
            text=text,
            finish_reason=_FINISH_REASONS.get(self._finish_reason, "other"),
            usage=Usage(
                input_tokens=usage.get("prompt_tokens"),
                output_tokens=usage.get("completion_tokens"),
                cached_tokens=(usage.get("prompt_tokens_details") or {}).get("cached_tokens"),
            ),
            reasoning="".join(self._reasoning) or None,
            request_id=self._last.get("id"),
            raw=self._last,
        )


def error_of(error: dict[str, Any]) -> CallError:
    """The error that llama.cpp's server reports."""
    status = error.get("code")
    known = _ERRORS.get(str(error.get("type")))
    if known is None:
        known = error_class_for_status(status) if isinstance(status, int) else ServerError
    return known(str(error.get("message")), status=status if isinstance(status, int) else None, raw=error)
