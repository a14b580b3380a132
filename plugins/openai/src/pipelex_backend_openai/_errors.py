"""One table of errors: what the SDK, its transport and the endpoints raise or answer, as ours.

Statuses, codes and types decide; a message is never searched. Codes of OpenAI:
https://platform.openai.com/docs/guides/error-codes; of Azure:
https://learn.microsoft.com/azure/ai-foundry/openai/concepts/content-filter.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import openai

from pipelex_backend_openai._error_bodies import body_of, facts_of
from pipelex_core import errors
from pipelex_core.headers import first_id, retry_after
from pipelex_core.hiding import hide

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_backend_openai._error_bodies import Facts
    from pipelex_core.specs import Secret

_BY_CODE: dict[str, type[errors.CallError]] = {
    "context_length_exceeded": errors.ContextTooLongError,
    "too_many_prompt_tokens": errors.ContextTooLongError,
    "tokens_limit_reached": errors.ContextTooLongError,
    "exceed_context_size_error": errors.ContextTooLongError,  # llama.cpp
    "content_filter": errors.ContentFilterError,
    "contentFilter": errors.ContentFilterError,
    "content_policy_violation": errors.ContentFilterError,
    "image_content_policy_violation": errors.ContentFilterError,
    "refusal": errors.ContentFilterError,
    "invalid_prompt": errors.ContentFilterError,
    "moderation_blocked": errors.ContentFilterError,
    "ResponsibleAIPolicyViolation": errors.ContentFilterError,
    "insufficient_quota": errors.RateLimitError,
    "billing_hard_limit_reached": errors.PermissionDeniedError,
    "provider_overloaded": errors.OverloadedError,
    "invalid_api_key": errors.AuthenticationError,
}
"""Codes and types that say more than the status they come with."""

_AT_400: dict[str, type[errors.CallError]] = {
    **dict.fromkeys(
        ("model_not_found", "invalid_model", "unknown_model", "unavailable_model", "model_decommissioned"),
        errors.NotFoundError,
    ),
    "budget_exceeded": errors.PermissionDeniedError,
    "expired_key": errors.AuthenticationError,
}
"""Codes and types that have a status of their own elsewhere, and come with 400 here and there."""

_REFUSED_KEY = re.compile(
    r"Incorrect API key provided(: \S+)?\. You can obtain an API key from https://console\.x\.ai\.?"
)
"""All that xAI says of a refused key, with a piece of it or without, with status 400 and the code of any bad argument;
compared whole, not searched."""

_UNKNOWN_MODEL = re.compile(
    r"\S+ is not a valid model ID"  # OpenRouter: https://github.com/OpenRouterTeam/openrouter-examples/issues/74
    r"|Model not found: \S+"  # xAI: https://github.com/definableai/definable.ai/issues/112
    r"|Model Not Exist"  # DeepSeek: https://github.com/langbot-app/LangBot/issues/1643
    r"|(400: \{'error': ')?(/\S+: )?Invalid model name passed in model=\S+?(\. Call `/v1/models`[^'\"]*)?('\})?"  # LiteLLM's proxy
)
"""All that some endpoints say of a model that they do not have, with status 400 and no code; compared whole as well."""

_WITHOUT_STATUS: dict[str, type[errors.CallError]] = {
    "rate_limit_exceeded": errors.RateLimitError,
    "rate_limit_error": errors.RateLimitError,
    "too_many_requests": errors.RateLimitError,
    "RateLimitReached": errors.RateLimitError,
    "overloaded": errors.OverloadedError,
    "overloaded_error": errors.OverloadedError,
    "server_overloaded": errors.OverloadedError,
    "service_unavailable": errors.OverloadedError,
    "service_unavailable_error": errors.OverloadedError,
    "model_not_found": errors.NotFoundError,
    "not_found_error": errors.NotFoundError,
    "authentication_error": errors.AuthenticationError,
    "permission_error": errors.PermissionDeniedError,
    "server_error": errors.ServerError,
    "internal_error": errors.ServerError,
    "invalid_request_error": errors.BadRequestError,
    "invalid_image": errors.BadRequestError,
    "invalid_image_format": errors.BadRequestError,
    "invalid_base64_image": errors.BadRequestError,
    "invalid_image_url": errors.BadRequestError,
    "image_too_large": errors.BadRequestError,
    "failed_to_download_image": errors.BadRequestError,
}
"""Codes and types of errors inside a stream or a 200, where no status says what they are."""

_REQUEST_ID_HEADERS = ("x-request-id", "apim-request-id", "x-generation-id")

_MASKED = "***"
"""What fills a piece of a key that an endpoint has masked."""
_LONGEST_MESSAGE = 600


class MalformedError(Exception):
    """An answer that is not of the form its API has; the text says what is wrong."""


class ReportedError(Exception):
    """An answer that reports an error: `args[0]` is the object that holds `error`."""


_DATA_ERRORS = (MalformedError, ValueError, TypeError, AttributeError, LookupError, RecursionError)


class Failures:
    """Turns whatever goes wrong at one backend into our errors, which never hold its key."""

    def __init__(self, key: Secret | None) -> None:
        self._key = key.reveal() if key else ""

    def of(self, error: Exception, *, partial_text: str | None = None) -> errors.CallError:
        """The error for what the SDK raised; `partial_text` is what a stream had given before."""
        reported = _reported(error)
        if reported is not None:
            return self.in_answer(reported, partial_text=partial_text)
        if isinstance(error, openai.APIStatusError):
            return self._of_status(error)
        if isinstance(error, openai.APIConnectionError):
            return self._of_connection(error, partial_text)
        if isinstance(error, _DATA_ERRORS):
            return self._of_data(error, partial_text)
        message = f"the call broke: {type(error).__name__}: {self._clean(str(error))}"
        return errors.ProviderConnectionError(message, partial_text=partial_text)

    def in_answer(self, body: Mapping[str, Any], *, partial_text: str | None = None) -> errors.CallError:
        """The error that an event of a stream, or an answer with status 200, reports."""
        facts = facts_of(body)
        by_status = errors.error_class_for_status(facts.status) if facts.status else None
        chosen = _chosen(facts.codes, _BY_CODE) or by_status or _chosen(facts.codes, _WITHOUT_STATUS)
        return (chosen or errors.ServerError)(
            self._worded(facts) or "the provider reported an error in its answer",
            status=facts.status,
            partial_text=partial_text,
        )

    def _of_status(self, error: openai.APIStatusError) -> errors.CallError:
        response = error.response
        body = body_of(response)
        facts = facts_of(body)
        status = error.status_code
        chosen = _chosen(facts.codes, _BY_CODE) or errors.error_class_for_status(status)
        if status == 400:
            chosen = _chosen(facts.codes, _AT_400) or chosen
        if status == 400 and _REFUSED_KEY.fullmatch(unquote(facts.message)):
            chosen = errors.AuthenticationError
        if status == 400 and _UNKNOWN_MODEL.fullmatch(facts.message.strip()):
            chosen = errors.NotFoundError
        return chosen(
            self._worded(facts) or f"the provider answered with status {status}",
            status=status,
            request_id=request_id(response.headers),
            retry_after=retry_after(response.headers),
        )

    def _of_connection(self, error: openai.APIConnectionError, partial_text: str | None) -> errors.CallError:
        cause = error.__cause__ or error
        what = "the provider took too long" if isinstance(error, openai.APITimeoutError) else "the connection failed"
        detail = self._clean(str(cause)) or type(cause).__name__
        return errors.ProviderConnectionError(f"{what}: {detail}", partial_text=partial_text)

    def _of_data(self, error: Exception, partial_text: str | None) -> errors.CallError:
        """The error for data that cannot be encoded on the way there, or be read on the way back."""
        if isinstance(error, MalformedError):
            return errors.InvalidAnswerError(str(error), partial_text=partial_text)
        if partial_text is not None:
            message = f"the answer has an unknown form: {type(error).__name__}"
            return errors.InvalidAnswerError(message, partial_text=partial_text)
        if isinstance(error, UnicodeEncodeError):
            return errors.UnsupportedInputError("the request holds text that is not Unicode: a lone surrogate")
        return errors.BadRequestError(f"the request could not be made: {self._clean(str(error))}")

    def _worded(self, facts: Facts) -> str:
        """The endpoint's message, and its code where the message lacks it."""
        message = self._clean(facts.message)
        code = facts.codes[0] if facts.codes else ""
        if not code or code in message or code.isdigit():
            return message
        return f"{message} [{code}]" if message else code

    def _clean(self, text: str) -> str:
        """One line of bounded length, with the key and masked pieces of it left out."""
        text = hide(text, self._key, _MASKED)
        text = " ".join(_MASKED if _MASKED in word else word for word in text.split()).rstrip(".")
        return text if len(text) <= _LONGEST_MESSAGE else f"{text[:_LONGEST_MESSAGE]}…"


def _reported(error: Exception) -> Mapping[str, Any] | None:
    """The object with the error that an answer reported, where it is such an error."""
    if isinstance(error, ReportedError):
        reported: Mapping[str, Any] = error.args[0]
        return reported
    if isinstance(error, openai.APIError) and not isinstance(error, openai.APIStatusError | openai.APIConnectionError):
        return {"error": error.body}  # an event of a stream
    return None


def request_id(headers: Mapping[str, str]) -> str | None:
    """The provider's id of the request."""
    return first_id(headers, *_REQUEST_ID_HEADERS)


def _chosen(codes: tuple[str, ...], table: Mapping[str, type[errors.CallError]]) -> type[errors.CallError] | None:
    return next((table[code] for code in codes if code in table), None)
