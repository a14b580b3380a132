"""Vertex AI for pipelex-core: Gemini, Claude, Mistral, and models on endpoints of one's own and in Model Garden.

This module declares what there is and imports no SDK; `_backend` does, when a backend is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_backend_anthropic.options import MODEL_OPTIONS as CLAUDE_OPTIONS
from pipelex_backend_google.options import MODEL_OPTIONS, MODEL_TYPES
from pipelex_backend_mistral.options import MODEL_OPTIONS as MISTRAL_OPTIONS
from pipelex_core.backend import BackendFactory, Option
from pipelex_core.hookspecs import hookimpl
from pipelex_core.specs import ModelType

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable

    from pipelex_core.backend import Backend
    from pipelex_core.specs import BackendConfig

__all__ = ["pipelex_backends", "pipelex_model_specs"]

_OPTIONS = (
    Option(name="gcp_project_id", default="the credentials' own", help="Google Cloud project."),
    Option(name="gcp_location", default="global", help="Region, `us`, `eu` or `global`."),
    Option(
        name="gcp_credentials_file_path",
        help="A service account's JSON file; application default credentials where it is missing or empty.",
    ),
    Option(name="api_version", default="v1beta1", help="Version in the API's paths."),
    Option(
        name="batch_gcs_uri",
        help="Folder in Cloud Storage for the requests and results of batches: gs://bucket/folder.",
    ),
    Option(name="gcs_endpoint", help="Address that replaces that of Cloud Storage."),
)

_MODEL = (
    *MODEL_OPTIONS,
    Option(
        name="endpoint_api",
        default="chat",
        choices=("chat", "gemini"),
        help="What the endpoint that the `model_id` names speaks: chat completions, or, for a tuned Gemini, Gemini's own API.",
    ),
    Option(
        name="endpoint_host",
        default="the location's shared host",
        help="The host of a dedicated endpoint, `….prediction.vertexai.goog`.",
    ),
)


def _vertex(config: BackendConfig) -> Backend:
    from pipelex_backend_vertexai._backend import VertexBackend

    return VertexBackend(config)


def _vertex_openai(config: BackendConfig) -> Backend:
    """For specs with model ids of Vertex AI's OpenAI-compatible form, `google/gemini-…`: the native API serves them."""
    from pipelex_backend_vertexai._backend import VertexBackend

    return VertexBackend(config, model_prefix="google/")


def _claude_on_vertex(config: BackendConfig) -> Backend:
    from pipelex_backend_vertexai._claude import ClaudeOnVertex

    return ClaudeOnVertex(config)


def _mistral_on_vertex(config: BackendConfig) -> Backend:
    from pipelex_backend_vertexai._mistral import MistralOnVertex

    return MistralOnVertex(config)


@hookimpl
def pipelex_backends() -> Mapping[str, BackendFactory]:
    """The sdk `vertexai`; and `openai`, `anthropic` and `mistral` for the backend `vertexai` alone."""
    return {
        "vertexai": BackendFactory(_vertex, options=_OPTIONS, model_options=_MODEL, model_types=MODEL_TYPES),
        "vertexai:openai": BackendFactory(
            _vertex_openai, options=_OPTIONS, model_options=_MODEL, model_types=MODEL_TYPES
        ),
        "vertexai:anthropic": BackendFactory(_claude_on_vertex, options=_OPTIONS, model_options=CLAUDE_OPTIONS),
        "vertexai:mistral": BackendFactory(
            _mistral_on_vertex,
            options=_OPTIONS,
            model_options=MISTRAL_OPTIONS,
            model_types={"mistral-ocr": ModelType.TEXT_EXTRACTOR},
        ),
    }


@hookimpl
def pipelex_model_specs() -> Mapping[str, Traversable]:
    """The models of the backend `vertexai`."""
    from importlib.resources import files

    return {"vertexai": files(__name__) / "specs" / "vertexai.toml"}
