"""Mistral AI: language models, OCR, embeddings, speech both ways and moderation.

This module declares what there is and imports no SDK; `_backend` does, when a backend is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_backend_mistral.options import MODEL_OPTIONS
from pipelex_core.backend import BackendFactory
from pipelex_core.hookspecs import hookimpl
from pipelex_core.specs import ModelType

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable

    from pipelex_core.backend import Backend
    from pipelex_core.specs import BackendConfig

__all__ = ["pipelex_backends", "pipelex_model_specs"]

_TYPES = {
    "mistral-ocr": ModelType.TEXT_EXTRACTOR,
    "mistral-embed": ModelType.EMBEDDING,
    "codestral-embed": ModelType.EMBEDDING,
    "mistral-moderation": ModelType.MODERATOR,
}
"""What models are for by the beginning of their ids; all others are language models."""


def _create(config: BackendConfig) -> Backend:
    from pipelex_backend_mistral._backend import MistralBackend

    return MistralBackend(config)


@hookimpl
def pipelex_backends() -> Mapping[str, BackendFactory]:
    """The sdk `mistral`."""
    return {"mistral": BackendFactory(_create, model_options=MODEL_OPTIONS, requires_key=True, model_types=_TYPES)}


@hookimpl
def pipelex_model_specs() -> Mapping[str, Traversable]:
    """The models of the backend `mistral`."""
    from importlib.resources import files

    return {"mistral": files(__name__) / "specs" / "mistral.toml"}
