"""The one table of errors of endpoints: what google-cloud-aiplatform and gRPC raise, as core's errors.

By the google.rpc status and its structured details (https://google.aip.dev/193), never by the words of a message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_core.errors import CallError, ProviderConnectionError, ServerError, error_class_for_status

if TYPE_CHECKING:
    from google.api_core.exceptions import GoogleAPICallError

_LONGEST = 500


def endpoint_error(error: GoogleAPICallError) -> CallError:
    """What an RPC failed with; without any metadata of an answer, it was the connection that failed."""
    name = error.grpc_status_code.name if error.grpc_status_code is not None else ""
    if name == "CANCELLED" or (name == "UNAVAILABLE" and not _was_answered(error)):
        return ProviderConnectionError(f"the connection to Vertex AI's endpoint failed ({name})")
    status = int(error.code) if error.code is not None else None
    made = error_class_for_status(status) if status is not None else ServerError
    details = error.details
    return made(
        f"Vertex AI's endpoint answered {name or 'with an error'}: {_shortened(error.message)}",
        status=status,
        request_id=next((d.request_id for d in details if getattr(d, "request_id", None)), None),
        retry_after=next(
            (d.retry_delay.ToTimedelta().total_seconds() for d in details if hasattr(d, "retry_delay")), None
        ),
    )


def reported(error: Any) -> CallError:
    """The error in the body of an answer, in Google's form or in that of the model's server."""
    body = error if isinstance(error, dict) else {"message": error}
    code = body.get("code")
    status = code if type(code) is int and 400 <= code < 600 else None
    made = error_class_for_status(status) if status is not None else ServerError
    return made(f"the endpoint's model answered with an error: {_shortened(body.get('message'))}", status=status)


def _was_answered(error: GoogleAPICallError) -> bool:
    calls = [call for call in error.errors if hasattr(call, "trailing_metadata")]
    return any(len(call.trailing_metadata() or ()) + len(call.initial_metadata() or ()) for call in calls)


def _shortened(message: Any) -> str:
    return " ".join(str(message or "it gives no reason").split())[:_LONGEST]
