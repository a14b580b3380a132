"""The table: what a server does wrong, at every backend."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_testing.suite.secrets import found_in
from tests.resilience.backends import OTHERS, WIRES, first_kind, kinds
from tests.resilience.cells import check_cell, fits
from tests.resilience.scenarios import SCENARIOS, Scenario
from tests.servers.bedrock import clean_aws

if TYPE_CHECKING:
    from pipelex_testing.calls import Kind

__all__ = ["clean_aws"]

pytestmark = pytest.mark.usefixtures("clean_aws", "no_such_host", "short_partings")


_BY_DEFAULT = ("OpenAI chat", "Anthropic", "Bedrock", "fal")
"""One of each kind: events, named events, binary events, a queue."""


_IMAGES = (
    "500",
    "502",
    "reset",
    "200, the connection cut in the JSON",
    "silence before headers, `idle_timeout`",
    "refused",
)
"""An image that may have been made is not asked for again: also tested where an image is not a job."""


def _cells() -> list[Any]:
    """Each backend with its first kind of call; the other kinds and backends are slow."""
    found = []
    for name, suite in (WIRES | OTHERS).items():
        for call in kinds(suite):
            for scenario in SCENARIOS:
                if not fits(scenario, suite, call):
                    continue
                quick = name in _BY_DEFAULT and (
                    call is first_kind(suite)
                    or scenario.only == "streams"
                    or (call.capability == "image out" and scenario.name in _IMAGES)
                )
                marks = () if quick else (pytest.mark.slow,)
                title = f"{scenario.name}-{name}-{call.capability}".replace(" ", "_")
                found.append(pytest.param(scenario, name, call, marks=marks, id=title))
    return found


@pytest.mark.parametrize("scenario, name, call", _cells())
def test_a_cell(scenario: Scenario, name: str, call: Kind, caplog: pytest.LogCaptureFixture) -> None:
    """The outcome's class, the number of requests and attempts, the time, no key, nothing left open."""
    with caplog.at_level(logging.DEBUG):
        check_cell(scenario, name, (WIRES | OTHERS)[name], call)
    reported = " ".join(f"{record.getMessage()} {record.args!r}" for record in caplog.records)
    assert found_in("the log", reported) == []
