"""One table of errors: what botocore and urllib3 raise, as ours.

Codes of Bedrock: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_Errors;
of every AWS service: https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from botocore import exceptions as boto
from botocore.eventstream import ParserError
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from pipelex_core import errors
from pipelex_core.headers import retry_after
from pipelex_core.results import NO_USAGE

if TYPE_CHECKING:
    from pipelex_backend_bedrock._calls import Call
    from pipelex_backend_bedrock._settings import Settings

_BY_CODE: dict[str, type[errors.CallError]] = {
    **dict.fromkeys(
        (
            "ExpiredToken",
            "ExpiredTokenException",
            "IncompleteSignature",
            "IncompleteSignatureException",
            "InvalidAccessKeyId",
            "InvalidClientTokenId",
            "InvalidSignatureException",
            "InvalidToken",
            "MissingAuthenticationToken",
            "MissingAuthenticationTokenException",
            "NotAuthorized",
            "RequestExpired",
            "SignatureDoesNotMatch",
            "UnauthorizedException",
            "UnrecognizedClientException",
        ),
        errors.AuthenticationError,
    ),
    "AccessDenied": errors.PermissionDeniedError,
    "AccessDeniedException": errors.PermissionDeniedError,
    "OptInRequired": errors.PermissionDeniedError,
    "ResourceNotFoundException": errors.NotFoundError,
    "ValidationException": errors.BadRequestError,
    "ConflictException": errors.BadRequestError,
    "LimitExceededException": errors.RateLimitError,
    "ProvisionedThroughputExceededException": errors.RateLimitError,
    "RequestLimitExceeded": errors.RateLimitError,
    "ServiceQuotaExceededException": errors.RateLimitError,
    "SlowDown": errors.RateLimitError,
    "ThrottledException": errors.RateLimitError,
    "Throttling": errors.RateLimitError,
    "ThrottlingException": errors.RateLimitError,
    "TooManyRequestsException": errors.RateLimitError,
    "ModelNotReadyException": errors.OverloadedError,
    "ServiceUnavailable": errors.OverloadedError,
    "ServiceUnavailableException": errors.OverloadedError,
    "ModelTimeoutException": errors.ServerError,
    "ModelErrorException": errors.ServerError,
    "ModelStreamErrorException": errors.ServerError,
    "InternalError": errors.ServerError,
    "InternalFailure": errors.ServerError,
    "InternalServerError": errors.ServerError,
    "InternalServerException": errors.ServerError,
}
"""By AWS's code; the codes of errors inside a stream are the same, with a small first letter."""

_UNKNOWN_MODEL = re.compile(
    r"The provided model identifier is invalid\."
    r"|Invocation of model ID \S+ with on-demand throughput isn.t supported\."
    r" Retry your request with the ID or ARN of an inference profile that contains this model\."
)
"""All that Bedrock says of a model that it does not have under a name, with the code of any bad argument; compared whole,
not searched."""

_REFUSED_KEY = frozenset(
    [
        "Authentication failed: Please make sure your API Key is valid.",
        "Invalid API Key format: Must start with pre-defined prefix",
    ]
)
"""All that Bedrock says of a refused API key, with the code of whatever is not allowed; compared as well."""

_BY_CLASS: tuple[tuple[type[Exception], type[errors.CallError]], ...] = (
    (boto.NoCredentialsError, errors.AuthenticationError),
    (boto.PartialCredentialsError, errors.AuthenticationError),
    (boto.CredentialRetrievalError, errors.AuthenticationError),
    (boto.ProfileNotFound, errors.AuthenticationError),
    (boto.NoAuthTokenError, errors.AuthenticationError),
    (boto.TokenRetrievalError, errors.AuthenticationError),
    (boto.LoginError, errors.AuthenticationError),
    (boto.SSOError, errors.AuthenticationError),
    (boto.RefreshWithMFAUnsupportedError, errors.AuthenticationError),
    (boto.InfiniteLoopConfigError, errors.AuthenticationError),
    (boto.InvalidConfigError, errors.AuthenticationError),
    (boto.ConfigParseError, errors.AuthenticationError),
    (boto.HTTPClientError, errors.ProviderConnectionError),
    (boto.ConnectionError, errors.ProviderConnectionError),
    (boto.ReadTimeoutError, errors.ProviderConnectionError),
    (boto.IncompleteReadError, errors.ProviderConnectionError),
    (HTTPError, errors.ProviderConnectionError),
    (OSError, errors.ProviderConnectionError),
    (ParserError, errors.InvalidAnswerError),
    (ResponseParserError, errors.InvalidAnswerError),
)
"""By class, where there is no code; the first that fits."""

_NEVER_LEFT = (boto.EndpointConnectionError, boto.ConnectTimeoutError, boto.ProxyConnectionError, boto.SSLError)
"""Those from before a request leaves: there was no connection for it."""

_LONGEST = 500
"""Characters of a provider's text to show: a proxy's may be a whole page."""


def to_call_error(error: Exception, call: Call, settings: Settings) -> errors.CallError:
    """Our error for whatever was raised on the way to Bedrock and back; it holds no secret, and nothing of the SDK's."""
    if isinstance(error, errors.CallError):
        return error
    if call.is_too_large:
        what = f"the answer has more than {call.most:,} bytes"
        return errors.InvalidAnswerError(
            f"{what}: raise {call.most_key} of the backend in backends.toml, or ask for less", usage=NO_USAGE
        )
    if isinstance(error, boto.ClientError):
        return _of_code(error, settings)
    known = next((ours for theirs, ours in _BY_CLASS if isinstance(error, theirs)), None)
    if known is None:
        known = errors.InvalidAnswerError if call.sent else errors.BadRequestError
    never_sent = isinstance(error, _NEVER_LEFT) or not call.sent
    may_be_paid = known is errors.ProviderConnectionError and not never_sent
    made = known(_described(error, known, settings), usage=NO_USAGE if may_be_paid else None)
    made.never_sent = never_sent
    return made


def _of_code(error: boto.ClientError, settings: Settings) -> errors.CallError:
    reported: Any = error.response.get("Error", {})
    code = str(reported.get("Code") or "Unknown")
    known = _BY_CODE.get(code[:1].upper() + code[1:])
    if known is errors.BadRequestError and _UNKNOWN_MODEL.fullmatch(str(reported.get("Message"))):
        known = errors.NotFoundError
    about: Any = error.response.get("ResponseMetadata", {})
    status = about.get("HTTPStatusCode")
    if status == 403 and reported.get("Message") in _REFUSED_KEY:
        known = errors.AuthenticationError
    # A model that fails says with which status it did.
    response: Any = error.response
    original = response.get("originalStatusCode") or reported.get("originalStatusCode")
    if known is errors.ServerError and isinstance(original, int):
        known = errors.error_class_for_status(original)
    if known is None:
        known = errors.ServerError if status is None else errors.error_class_for_status(status)
    if status is None and known is errors.BadRequestError:
        status = 400  # what it has outside of a stream: core tells a prompt that is too long by it
    # AWS answers a wrong signature with the headers it was made of, a session token among them.
    text = "" if known is errors.AuthenticationError else _short(str(reported.get("Message") or ""), settings)
    return known(
        f"{error.operation_name}: {code}" + (f": {text}" if text else ""),
        status=status,
        request_id=about.get("RequestId"),
        retry_after=retry_after(about.get("HTTPHeaders", {})),
    )


def _described(error: Exception, known: type[errors.CallError], settings: Settings) -> str:
    name = type(error).__name__
    if known is errors.BadRequestError:
        return f"the request could not be made: {name}: {_short(str(error), settings)}"
    if known is errors.InvalidAnswerError:
        return f"the answer could not be read: {name}: {_short(str(error), settings)}"
    if isinstance(error, boto.ReadTimeoutError):
        return "nothing came from the provider within the read timeout"
    return f"{name}: {_short(str(error), settings)}"


def _short(text: str, settings: Settings) -> str:
    text = settings.redact(" ".join(text.split()).rstrip("."))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
