"""The kit's scenarios for capabilities, at the mock: speech both ways, reranking and moderation."""

from __future__ import annotations

import pipelex_backend_mock
from pipelex_testing import CapabilityConformance


class OfMock(CapabilityConformance):
    """A capability of this distribution, answered by the mock."""

    sdk = "mock"
    __test__ = False

    def plugin(self) -> object:
        return pipelex_backend_mock


class TestTranscribe(OfMock):
    """A recording of half a second."""

    capability = "transcribe"
    __test__ = True


class TestSpeak(OfMock):
    """A short text."""

    capability = "speak"
    __test__ = True


class TestModerate(OfMock):
    """A text."""

    capability = "moderate"
    __test__ = True


class TestRerank(OfMock):
    """A query and two documents, as one input."""

    capability = "rerank"
    __test__ = True
