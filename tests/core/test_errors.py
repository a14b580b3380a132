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
        (410, errors.NotFoundError),
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
    """Those that are known by number, then those known by their hundred, then what is not an error of HTTP's."""
    assert errors.error_class_for_status(status) is kind


def test_a_configuration_error_counts_faults_and_warnings_apart() -> None:
    """A warning that stands beside the faults is none of them."""
    fault = errors.Problem(code="bad-value", message="it is wrong")
    warning = errors.Problem(severity="warning", code="newer-key", message="it is new")
    assert str(errors.ConfigError(problems=[fault, fault])).startswith("2 faults in the configuration\n")
    text = str(errors.ConfigError(problems=[fault, warning, warning]))
    assert text.startswith("1 fault in the configuration, and 2 warnings\n")


def _below(kind: type[errors.CallError]) -> set[type[errors.CallError]]:
    return {kind}.union(*(_below(child) for child in kind.__subclasses__() if child.__module__ == errors.__name__))


SAYS_ITSELF: set[type[errors.CallError]] = {
    errors.CallError,
    errors.UnsupportedInputError,
    errors.BudgetExceededError,
    errors.AllAttemptsFailedError,
}
"""Errors whose own messages tell what to do."""


@pytest.mark.parametrize("kind", sorted(_below(errors.CallError) - SAYS_ITSELF, key=repr))
def test_an_error_names_its_facts_and_what_to_do(kind: type[errors.CallError]) -> None:
    """Whatever a provider's error becomes: backend, model, request id, and a sentence on what to do."""
    text = str(kind("It failed", backend="b-1", model="m-1", request_id="r-1"))
    assert text == f"It failed (backend b-1, model m-1, request id r-1). {kind.hint}"
    assert len(kind.hint) > 10
