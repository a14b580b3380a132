"""Gemini for pipelex-core: Google AI Studio with a key, Vertex AI with a project and credentials.

This module declares what there is and imports no SDK; `_backend` does, when a backend is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_core.backend import BackendFactory, Option
from pipelex_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable

    from pipelex_core.backend import Backend
    from pipelex_core.specs import BackendConfig

__all__ = ["pipelex_backends", "pipelex_model_specs"]

_API_VERSION = Option(name="api_version", default="v1beta; Vertex AI: v1beta1", help="Version in the API's paths.")

_VERTEX = (
    Option(name="gcp_project_id", default="the credentials' own", help="Google Cloud project."),
    Option(name="gcp_location", default="global", help="Region, `us`, `eu` or `global`."),
    Option(
        name="gcp_credentials_file_path",
        help="A service account's JSON file; application default credentials where it is not given or empty.",
    ),
    _API_VERSION,
)

_MODEL = (
    Option(
        name="thinking",
        default="level",
        choices=("level", "budget"),
        help="How the model is told to think: Gemini 3 and later by level, 2.5 by a budget of tokens.",
    ),
    Option(name="thinking_levels", type="list", help="The levels it has, of minimal, low, medium, high."),
    Option(name="min_thinking_budget", type="int", help="The smallest budget it takes; 0 where thinking can be off."),
    Option(name="image_sizes", type="table", help="The image size to ask for, by quality: low, medium, high."),
)


def _ai_studio(config: BackendConfig) -> Backend:
    from pipelex_backend_google._backend import GoogleBackend

    return GoogleBackend(config, vertex=False)


def _vertex(config: BackendConfig) -> Backend:
    from pipelex_backend_google._backend import GoogleBackend

    return GoogleBackend(config, vertex=True)


def _vertex_openai(config: BackendConfig) -> Backend:
    """For specs with model ids of Vertex AI's OpenAI-compatible form, `google/gemini-…`: the native API serves them."""
    from pipelex_backend_google._backend import GoogleBackend

    return GoogleBackend(config, vertex=True, model_prefix="google/")


@hookimpl
def pipelex_backends() -> Mapping[str, BackendFactory]:
    """The sdks `google` and `vertexai`, and `openai` for the backend `vertexai` alone."""
    return {
        "google": BackendFactory(_ai_studio, options=(_API_VERSION,), model_options=_MODEL, requires_key=True),
        "vertexai": BackendFactory(_vertex, options=_VERTEX, model_options=_MODEL),
        "vertexai:openai": BackendFactory(_vertex_openai, options=_VERTEX, model_options=_MODEL),
    }


@hookimpl
def pipelex_model_specs() -> Mapping[str, Traversable]:
    """The models of the backends `google` and `vertexai`."""
    from importlib.resources import files

    specs = files(__name__) / "specs"
    return {"google": specs / "google.toml", "vertexai": specs / "vertexai.toml"}
