"""The backends of the table: the suites that first-party plugins go through, with the default policy but for its waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from pipelex_core.policies import RETRY
from pipelex_testing.calls import CALLS
from tests.conformance import test_suites as suites

if TYPE_CHECKING:
    from pipelex_core.specs import BackendConfig
    from pipelex_testing import Conformance
    from pipelex_testing.calls import Kind

SHORT = evolve(RETRY, initial_wait=0.02, longest_wait=0.02)
"""The default policy, whose waits a test does not have to sit through."""


class _Patient:
    """A suite whose backend asks again as the default policy says."""

    def config(self, endpoint: str, key: str | None = None) -> BackendConfig:
        config: BackendConfig = super().config(endpoint, key)  # type: ignore[misc]  # of the suite
        return evolve(config, retry=SHORT)


def _patient(suite: type[Conformance]) -> Conformance:
    made: Conformance = type(suite.__name__.removeprefix("Test"), (_Patient, suite), {})()
    return made


WIRES: dict[str, Conformance] = {
    "OpenAI chat": _patient(suites.TestOpenAI),
    "OpenAI responses": _patient(suites.TestOpenAIResponses),
    "Anthropic": _patient(suites.TestAnthropic),
    "Mistral": _patient(suites.TestMistral),
    "Google": _patient(suites.TestGoogle),
    "Bedrock": _patient(suites.TestBedrock),
    "fal": _patient(suites.TestFal),
}
"""One backend for each API."""

OTHERS: dict[str, Conformance] = {
    "compatible": _patient(suites.TestCompatible),
    "Azure OpenAI": _patient(suites.TestAzureOpenAI),
    "Azure responses": _patient(suites.TestAzureResponses),
    "Vertex": _patient(suites.TestVertex),
}
"""Backends that share their code with one of these."""


def kinds(suite: Conformance) -> list[Kind]:
    """What a backend can be asked for."""
    return [call for call in CALLS if call.capability in suite.claims]


def first_kind(suite: Conformance) -> Kind:
    """A text, or what the backend has instead."""
    return kinds(suite)[0]


def pays_for_jobs(suite: Conformance) -> bool:
    """Whether a request takes a job that is paid for, whatever becomes of its answer."""
    return suite.sdk == "fal"
