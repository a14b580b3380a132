"""The error object of `--json`: one shape for every error."""

from __future__ import annotations

import pytest

from pipelex_cli.output import error_as_json
from pipelex_core.errors import CallError, ConfigError, PipelexError, PluginError, Problem, RateLimitError
from pipelex_core.results import Attempt

KEYS = {"type", "message", "backend", "model", "status", "request_id", "attempts"}
TRIED = Attempt(model="m", backend="b", model_id="m-1", outcome="error", error="PluginError", seconds=0.5)


@pytest.mark.parametrize(
    "error", [PipelexError("x"), PluginError("x"), CallError("x"), RateLimitError("x", status=429)]
)
def test_every_error_has_the_same_keys(error: PipelexError) -> None:
    """What is not known is null, and nothing tried is an empty list."""
    reported = error_as_json(error)
    assert set(reported) == KEYS
    assert reported["type"] == type(error).__name__
    assert reported["attempts"] == []


def test_a_fault_of_the_configuration_has_its_problems_besides() -> None:
    """Each in the shape of `validate --json`."""
    reported = error_as_json(ConfigError("x", [Problem(code="bad-value", message="x", line=3)]))
    assert set(reported) == {*KEYS, "problems"}
    assert reported["problems"][0]["line"] == 3


@pytest.mark.parametrize("kind", [CallError, PluginError])
def test_what_was_tried_is_told_whoever_failed(kind: type[CallError | PluginError]) -> None:
    """A plugin that broke its contract ends a call as a provider does."""
    error = kind("x")
    error.attempts = (TRIED,)
    (attempt,) = error_as_json(error)["attempts"]
    assert (attempt["model"], attempt["backend"], attempt["outcome"], attempt["seconds"]) == ("m", "b", "error", 0.5)
