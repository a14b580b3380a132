"""Every recorded request that its provider answered well passes the rulebook, or the rule is wrong."""

from __future__ import annotations

import pytest

import pipelex_rules
from tests.rules.recorded import WIRE, recorded_requests

pytestmark = pytest.mark.skipif(not WIRE.is_dir(), reason="no recorded traffic: set PIPELEX_WIRE")


def test_answered_requests_pass_wire() -> None:
    """A request that its provider answered with a 2xx breaks no rule of its day, warnings included."""
    answered = [request for request in recorded_requests() if request.status < 300]

    broken = {
        request.id: [f"{violation.rule}: {violation.words}" for violation in violations]
        for request in answered
        if (
            violations := pipelex_rules.check(
                request.provider, request.api, request.body, model=request.model, on=request.on
            )
        )
    }

    assert not broken
    assert len(answered) > 400


def test_requests_refused_for_their_body_are_refused_wire() -> None:
    """A request that its provider refused for a reason the body shows breaks a rule, with the provider's status."""
    reasons = {"openai-chat-8565bcbc": "roles-of-o1-mini"}
    found = {request.id: request for request in recorded_requests() if request.id in reasons}

    for name, request in found.items():
        violations = pipelex_rules.check(
            request.provider, request.api, request.body, model=request.model, on=request.on
        )
        assert any(
            violation.rule.endswith(reasons[name]) and violation.status == request.status for violation in violations
        )
    assert found
