"""A call, as middlewares and those who listen see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from attrs import frozen

if TYPE_CHECKING:
    from pipelex_core.requests import Request
    from pipelex_core.results import Attempt, Result
    from pipelex_core.specs import Capability

Operation = Literal["generate_text", "stream_text", "generate_object", "extract", "generate_image"]


@frozen(kw_only=True)
class Call:
    """One attempt on its way to a plugin: what a middleware receives.

    Attributes:
        operation: The capability's method.
        capability: `llm`, `extract` or `img_gen`.
        handle: What the caller named, or the default it stood for.
        request: What the plugin is about to receive; its `spec` names model and backend.
    """

    operation: Operation
    capability: Capability
    handle: str
    request: Request


@frozen(kw_only=True)
class FinishedCall:
    """A call that ended, well or badly: what `pipelex_call_finished` receives.

    Attributes:
        operation: The capability's method.
        capability: `llm`, `extract` or `img_gen`.
        handle: What the caller named, or the default it stood for.
        attempts: The ledger.
        result: What the caller got, or None.
        error: What the caller got instead, or None; both None where the caller gave up.
        seconds: How long the whole call took.
    """

    operation: Operation
    capability: Capability
    handle: str
    attempts: tuple[Attempt, ...]
    result: Result | None = None
    error: Exception | None = None
    seconds: float = 0.0
