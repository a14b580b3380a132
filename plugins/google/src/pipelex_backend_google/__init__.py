"""Gemini for pipelex-core, through Google AI Studio with a key.

This module declares what there is and imports no SDK; `_backend` does, when a backend is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_backend_google.options import MODEL_OPTIONS, MODEL_TYPES
from pipelex_core.backend import BackendFactory, Option
from pipelex_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable

    from pipelex_core.backend import Backend
    from pipelex_core.specs import BackendConfig

__all__ = ["pipelex_backends", "pipelex_model_specs"]

_OPTIONS = (Option(name="api_version", default="v1beta", help="Version in the API's paths."),)


def _ai_studio(config: BackendConfig) -> Backend:
    from pipelex_backend_google._backend import GoogleBackend

    return GoogleBackend(config)


@hookimpl
def pipelex_backends() -> Mapping[str, BackendFactory]:
    """The sdk `google`."""
    return {
        "google": BackendFactory(
            _ai_studio, options=_OPTIONS, model_options=MODEL_OPTIONS, requires_key=True, model_types=MODEL_TYPES
        )
    }


@hookimpl
def pipelex_model_specs() -> Mapping[str, Traversable]:
    """The models of the backend `google`."""
    from importlib.resources import files

    return {"google": files(__name__) / "specs" / "google.toml"}
