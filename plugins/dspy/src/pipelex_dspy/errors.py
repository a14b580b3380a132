"""One table: errors of pipelex-core as those of an engine of DSPy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dspy import lm15

from pipelex_core import errors

if TYPE_CHECKING:
    from pipelex_core import PipelexError

_ERRORS: tuple[tuple[type[PipelexError], type[lm15.LM15Error]], ...] = (
    (errors.AuthenticationError, lm15.AuthError),
    (errors.PermissionDeniedError, lm15.AuthError),
    (errors.BudgetExceededError, lm15.BillingError),
    (errors.NotFoundError, lm15.UnsupportedModelError),
    (errors.ContextTooLongError, lm15.ContextLengthError),
    (errors.UnsupportedInputError, lm15.UnsupportedFeatureError),
    (errors.BadRequestError, lm15.InvalidRequestError),
    (errors.ContentFilterError, lm15.InvalidRequestError),
    (errors.RateLimitError, lm15.RateLimitError),
    (errors.OverloadedError, lm15.ServerError),
    (errors.ServerError, lm15.ServerError),
    (errors.DeadlineExceededError, lm15.TimeoutError),
    (errors.ProviderConnectionError, lm15.TransportError),
    (errors.ConfigError, lm15.ConfigurationError),
)


def error_of(error: PipelexError) -> lm15.LM15Error:
    """The engine's error; its cause is the one of pipelex-core, with its ledger."""
    kind = next((theirs for ours, theirs in _ERRORS if isinstance(error, ours)), lm15.ProviderError)
    known = {name: getattr(error, name, None) for name in ("status", "request_id", "retry_after")}
    return kind(str(error), provider="pipelex", **known)
