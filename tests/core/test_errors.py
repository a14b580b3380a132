"""The error class of an HTTP status; what a configuration error counts."""

from __future__ import annotations

import pytest

from pipelex_core import errors


@pytest.mark.parametrize(
    "status, kind",
    [
        (400, errors.BadRequestError),
        (401, errors.AuthenticationError),
        (402, errors.PermissionDeniedError),
        (403, errors.PermissionDeniedError),
        (404, errors.NotFoundError),
        (408, errors.ProviderConnectionError),
        (413, errors.BadRequestError),
        (418, errors.BadRequestError),
        (429, errors.RateLimitError),
        (498, errors.OverloadedError),
        (499, errors.ProviderConnectionError),
        (500, errors.ServerError),
        (503, errors.OverloadedError),
        (524, errors.ServerError),
        (529, errors.OverloadedError),
        (302, errors.InvalidAnswerError),
    ],
)
def test_statuses(status: int, kind: type[errors.CallError]) -> None:
    """Those that are known by number, then those known by their hundred, then what is no error of HTTP's."""
    assert errors.error_class_for_status(status) is kind


def test_a_configuration_error_counts_faults_and_warnings_apart() -> None:
    """A warning that stands beside the faults is none of them."""
    fault = errors.Problem(code="bad-value", message="it is wrong")
    warning = errors.Problem(severity="warning", code="newer-key", message="it is new")
    assert str(errors.ConfigError(problems=[fault, fault])).startswith("2 faults in the configuration\n")
    text = str(errors.ConfigError(problems=[fault, warning, warning]))
    assert text.startswith("1 fault in the configuration, and 2 warnings\n")
