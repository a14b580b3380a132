"""The table: what a server does wrong, at every backend."""

from __future__ import annotations

import logging
import socket
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_backend_fal import _backend as fal
from pipelex_core.testing.suite.secrets import found_in
from tests.resilience.backends import OTHERS, WIRES, first_kind, kinds
from tests.resilience.cells import check_cell, fits
from tests.resilience.scenarios import SCENARIOS, Scenario
from tests.servers.bedrock import clean_aws

if TYPE_CHECKING:
    from pipelex_core.testing.calls import Kind

__all__ = ["clean_aws"]

pytestmark = pytest.mark.usefixtures("clean_aws", "no_such_host", "short_partings")


@pytest.fixture
def no_such_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names under `.invalid` are known to nobody, also where a resolver takes its time to say so, or lies."""
    resolve = socket.getaddrinfo

    def look_up(host: Any, *args: Any, **options: Any) -> Any:
        if str(host).rstrip(".").endswith(".invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return resolve(host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


@pytest.fixture
def short_partings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client of fal that is closed waits for jobs it cancels; here, where the provider hangs, not for seconds."""
    monkeypatch.setattr(fal, "GRACE", 0.1)


_BY_DEFAULT = ("OpenAI chat", "Anthropic", "Bedrock", "fal")
"""One of each kind: events, named events, binary events, a queue."""


def _cells() -> list[Any]:
    """Each backend with its first kind of call; the other kinds and backends are slow."""
    found = []
    for name, suite in (WIRES | OTHERS).items():
        for call in kinds(suite):
            for scenario in SCENARIOS:
                if not fits(scenario, suite, call):
                    continue
                quick = name in _BY_DEFAULT and (call is first_kind(suite) or (scenario.only == "streams"))
                marks = () if quick else (pytest.mark.slow,)
                title = f"{scenario.name}-{name}-{call.capability}".replace(" ", "_")
                found.append(pytest.param(scenario, name, call, marks=marks, id=title))
    return found


@pytest.mark.parametrize("scenario, name, call", _cells())
def test_a_cell(scenario: Scenario, name: str, call: Kind, caplog: pytest.LogCaptureFixture) -> None:
    """The outcome's class, the number of requests and attempts, the time, no key, nothing left open."""
    with caplog.at_level(logging.DEBUG):
        check_cell(scenario, name, (WIRES | OTHERS)[name], call)
    told = " ".join(f"{record.getMessage()} {record.args!r}" for record in caplog.records)
    assert found_in("the log", told) == []
