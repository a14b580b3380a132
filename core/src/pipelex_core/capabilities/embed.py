"""The capability `embed`: texts in, a vector of each out; any number of texts, in as many requests as they need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_core.backend import Embedder
from pipelex_core.capabilities.record import Capability, Member, Operation
from pipelex_core.requests import EmbeddingRequest
from pipelex_core.results import EmbeddingAnswer, EmbeddingResult
from pipelex_core.settings import SettingRule

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipelex_core.capabilities.texts import EmbeddingInput, GatheredVectors
    from pipelex_core.estimates.expectations import Expectation
    from pipelex_core.specs import ModelSpec
    from pipelex_core.vectors import PartialVectors


def _read(texts: object, *, resume: PartialVectors | None = None) -> EmbeddingInput:
    from pipelex_core.capabilities.texts import read_texts

    return read_texts(texts, resume)


def _build(
    what: EmbeddingInput, spec: ModelSpec, settings: Mapping[str, Any], timeout: float | None
) -> EmbeddingRequest:
    return EmbeddingRequest(spec=spec, texts=what.texts, timeout=timeout, **settings)


def _gather(what: EmbeddingInput, members: Sequence[Member]) -> GatheredVectors:
    from pipelex_core.capabilities.texts import gather

    return gather(what, members)


def _expect(request: EmbeddingRequest) -> Expectation:
    from pipelex_core.estimates.expectations import of_texts

    return of_texts(request.texts)


def _sample(_spec: ModelSpec | None) -> EmbeddingInput:
    return _read("a river")


def _mock(request: EmbeddingRequest) -> EmbeddingAnswer:
    from pipelex_core.capabilities.texts import made_up

    return made_up(request)


EMBED = Capability(
    name="embed",
    model_types=("embedding",),
    noun="embedding",
    purpose="embeddings",
    outputs=frozenset({"vectors"}),
    gives=frozenset({"vectors"}),
    one_model=True,
    operations=(Operation(name="embed", needs=Embedder, answer=EmbeddingAnswer, result=EmbeddingResult),),
    settings={
        "purpose": SettingRule(
            "string", "Whether to search with the vectors, or to find them.", choices=("query", "document")
        ),
        "dimensions": SettingRule("integer", "Numbers in a vector, where the model has a choice.", minimum=1),
    },
    read=_read,
    arguments=("resume",),
    build=_build,
    expect=_expect,
    sample=_sample,
    mock=_mock,
    telemetry="embeddings",
    gather=_gather,
)
"""Vectors of texts."""
