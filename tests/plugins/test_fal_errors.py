"""fal's errors as ours: by status, and by the types fal documents, never by their text."""

from __future__ import annotations

import json
from email.utils import formatdate
from time import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from pipelex_backend_fal._errors import of_status, of_transport
from pipelex_core import errors

if TYPE_CHECKING:
    from pipelex_core.errors import CallError


def answered(status: int, body: Any, **headers: str) -> CallError:
    text = body if isinstance(body, str) else json.dumps(body)
    return of_status(status, httpx.Headers(headers), text, None if isinstance(body, str) else body)


@pytest.mark.parametrize(
    "status, kind",
    [
        (400, errors.BadRequestError),
        (401, errors.AuthenticationError),
        (402, errors.PermissionDeniedError),
        (403, errors.PermissionDeniedError),
        (404, errors.NotFoundError),
        (422, errors.BadRequestError),
        (429, errors.RateLimitError),
        (500, errors.ServerError),
        (503, errors.OverloadedError),
        (504, errors.ServerError),
        (302, errors.InvalidAnswerError),
    ],
)
def test_the_status_decides(status: int, kind: type[CallError]) -> None:
    """Each status has its class, and stands in the error."""
    error = answered(status, {"detail": "said fal"})
    assert (type(error), error.status) == (kind, status)
    assert "said fal" in str(error)


@pytest.mark.parametrize(
    "status, body, headers, kind",
    [
        (422, {"detail": [{"type": "content_policy_violation", "msg": "no"}]}, {}, errors.ContentFilterError),
        (400, {"detail": [{"type": "downstream_service_error", "msg": "no"}]}, {}, errors.ServerError),
        (500, {"detail": [{"type": "downstream_service_unavailable"}]}, {}, errors.OverloadedError),
        (504, {"detail": "x", "error_type": "request_timeout"}, {}, errors.ServerError),
        (499, {"detail": "x", "error_type": "client_cancelled"}, {}, errors.InvalidAnswerError),
        (500, {"detail": "x"}, {"x-fal-error-type": "runner_scheduling_failure"}, errors.OverloadedError),
        (422, {"detail": [{"type": "missing", "msg": "content_policy_violation"}]}, {}, errors.BadRequestError),
    ],
)
def test_a_documented_type_says_more_than_the_status(
    status: int, body: Any, headers: dict[str, str], kind: type[CallError]
) -> None:
    """Types come from the body or the header; the words of a message are nothing."""
    assert type(answered(status, body, **headers)) is kind


def test_a_validation_error_names_the_argument() -> None:
    """Fal's list of faults becomes a sentence each, with its place."""
    error = answered(
        422,
        {
            "detail": [
                {"loc": ["body", "image_size", "width"], "msg": "Input should be less than 14142", "type": "less_than"},
                {"loc": ["body"], "msg": "Field required", "type": "missing"},
                "odd",
            ]
        },
    )
    assert error.message == ("fal answered 422: image_size.width: Input should be less than 14142; Field required; odd")


@pytest.mark.parametrize(
    "body",
    [
        "<html>\n nginx </html>",
        "",
        {"error": "x"},
        {"detail": None},
        {"detail": [[1]]},
        {"detail": [{"loc": True}]},
        {"detail": [{"loc": 5, "msg": None}]},
        {"detail": ["odd"] * 9999},
        {"detail": "x" * 9999},
    ],
)
def test_an_error_in_another_form_is_told_all_the_same(body: Any) -> None:
    """Whatever the body is, there is an error of the status with what it says, of bounded length."""
    error = answered(502, body)
    assert type(error) is errors.ServerError
    assert len("fal answered 502: ") < len(error.message) < 1000


def test_the_wait_and_the_id_are_kept() -> None:
    """`Retry-After` is seconds or a date; fal's id of the request is the error's."""
    error = answered(429, {}, **{"retry-after": "7", "x-fal-request-id": "abc"})
    assert (error.retry_after, error.request_id) == (7.0, "abc")
    dated = answered(429, {}, **{"retry-after": formatdate(time() + 60, usegmt=True)})
    assert dated.retry_after is not None
    assert 50 < dated.retry_after <= 60
    assert answered(429, {}, **{"retry-after": "soon"}).retry_after is None


@pytest.mark.parametrize(
    "status, unsettled", [(400, False), (429, False), (500, True), (502, True), (503, False), (504, True)]
)
def test_a_server_that_broke_may_have_taken_the_job(status: int, unsettled: bool) -> None:
    """A refusal settles it; a failure behind the door does not, unless there was no capacity."""
    assert answered(status, {}).unsettled is unsettled


@pytest.mark.parametrize(
    "raised, unsettled",
    [
        (httpx.ConnectError("key"), False),
        (httpx.ConnectTimeout("key"), False),
        (httpx.PoolTimeout("key"), False),
        (httpx.UnsupportedProtocol("key"), False),
        (httpx.InvalidURL("key"), False),
        (httpx.ReadTimeout("key"), True),
        (httpx.WriteTimeout("key"), True),
        (httpx.ReadError("key"), True),
        (httpx.RemoteProtocolError("key"), True),
        (httpx.DecodingError("key"), True),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_a_broken_connection_says_whether_the_request_left(raised: Any, unsettled: bool) -> None:
    """What failed before the request left is settled; the transport's own text is not repeated."""
    error = of_transport(raised)
    assert type(error) is errors.ProviderConnectionError
    assert error.unsettled is unsettled
    assert "key" not in str(error)
    assert type(raised).__name__ in str(error)
