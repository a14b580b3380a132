"""Retries, fallback, rests and silence in backends.toml."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipelex_core import CooldownPolicy, RetryPolicy

if TYPE_CHECKING:
    from tests.core.config_project import Project

ANCHOR = 'region = "eu"'
ALL = """
idle_timeout = 2.5
retries = 4
retry_wait = 0
longest_retry_wait = 5
longest_retry_after = 10.5
fallback_on = "provider"
rest_after_failures = 0
rest_seconds = 60
"""


def test_each_key_has_its_place_and_defaults_are_those_of_the_policies(project: Project) -> None:
    """They are no options of the plugin; a backend that sets none has the defaults."""
    project.replace("backends.toml", ANCHOR, ANCHOR + ALL)
    backends = project.load().deck.backends
    acme, beta = backends["acme"], backends["beta"]
    assert acme.retry == RetryPolicy(
        retries=4, initial_wait=0, longest_wait=5, longest_retry_after=10.5, fallback_on="provider"
    )
    assert acme.cooldown == CooldownPolicy(failures=0, seconds=60)
    assert acme.idle_timeout == 2.5
    assert type(acme.idle_timeout) is type(acme.cooldown.seconds) is float
    assert acme.options == {"region": "eu"}
    assert (beta.retry, beta.cooldown, beta.idle_timeout) == (RetryPolicy(), CooldownPolicy(), None)


@pytest.mark.parametrize(
    "line, expected",
    [
        ("retries = -1", "a whole number of at least 0"),
        ("retries = 1.5", "a whole number of at least 0"),
        ("retry_wait = -0.1", "a number of seconds, 0 or more"),
        ("retry_wait = true", "a number of seconds, 0 or more"),
        ("longest_retry_after = inf", "a number of seconds, 0 or more"),
        ("longest_retry_wait = nan", "a number of seconds, 0 or more"),
        ('idle_timeout = "2"', "a number of seconds above 0"),
        ("idle_timeout = 0", "a number of seconds above 0"),
        ("rest_seconds = 0.0", "a number of seconds above 0"),
        ("rest_after_failures = -3", "a whole number of at least 0"),
        ('fallback_on = "prvider"', "one of unavailable, provider, any"),
        ("fallback_on = 3", "one of unavailable, provider, any"),
    ],
)
def test_a_value_that_is_none_is_told_with_its_place(project: Project, line: str, expected: str) -> None:
    """Wrong types, negative numbers, no numbers at all, unknown words."""
    project.replace("backends.toml", ANCHOR, f"{ANCHOR}\n{line}")
    problem = project.only()
    assert (problem.code, problem.key) == ("bad-value", f"acme.{line.partition(' ')[0]}")
    assert problem.expected == expected
    assert problem.line is not None


def test_a_misspelt_word_and_a_misspelt_key_are_suggested(project: Project) -> None:
    """The nearest that there is."""
    project.replace("backends.toml", ANCHOR, f'{ANCHOR}\nfallback_on = "prvider"')
    assert "provider" in (project.only().suggestion or "")
    project.replace("backends.toml", 'fallback_on = "prvider"', "retrys = 3")
    assert "retries" in (project.only().suggestion or "")
