"""OpenAI, Azure OpenAI and every OpenAI-compatible endpoint, for pipelex-core."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from pipelex_backend_openai._options import AZURE_OPTIONS, ENDPOINT_OPTIONS, MODEL_OPTIONS
from pipelex_core.backend import BackendFactory
from pipelex_core.hookspecs import hookimpl
from pipelex_core.specs import ModelType

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable

    from pipelex_core.backend import Backend
    from pipelex_core.specs import BackendConfig

SHIPPED = (
    "openai",
    "azure_openai",
    "xai",
    "groq",
    "deepseek",
    "perplexity",
    "openrouter",
    "blackboxai",
    "pipelex_inference",
    "ollama",
)
"""The backends whose models come with this plugin, in the order in which they are preferred."""

_EMBEDDING_MODELS = {"text-embedding-": ModelType.EMBEDDING}


def _make_chat(config: BackendConfig) -> Backend:
    from pipelex_backend_openai._backend import chat_backend

    return chat_backend(config)


def _make_azure_chat(config: BackendConfig) -> Backend:
    from pipelex_backend_openai._backend import AzureChatBackend

    return AzureChatBackend(config)


def _make_responses(config: BackendConfig) -> Backend:
    from pipelex_backend_openai._backend import ResponsesBackend

    return ResponsesBackend(config)


def _make_azure_responses(config: BackendConfig) -> Backend:
    from pipelex_backend_openai._backend import AzureResponsesBackend

    return AzureResponsesBackend(config)


def _make_images(config: BackendConfig) -> Backend:
    from pipelex_backend_openai._endpoint_backend import ImageBackend

    return ImageBackend(config)


@hookimpl
def pipelex_backends() -> Mapping[str, BackendFactory]:
    """One factory a sdk; each imports the SDK when it is called."""
    images = BackendFactory(
        _make_images, options=ENDPOINT_OPTIONS, model_options=MODEL_OPTIONS, model_type=ModelType.IMG_GEN
    )
    return {
        "openai": BackendFactory(
            _make_chat, options=ENDPOINT_OPTIONS, model_options=MODEL_OPTIONS, model_types=_EMBEDDING_MODELS
        ),
        "openai_img_gen": images,
        "openai_alt_img_gen": images,
        "openai_responses": BackendFactory(_make_responses, options=ENDPOINT_OPTIONS, model_options=MODEL_OPTIONS),
        "azure_openai": BackendFactory(
            _make_azure_chat, options=AZURE_OPTIONS, model_options=MODEL_OPTIONS, model_types=_EMBEDDING_MODELS
        ),
        "azure_openai_responses": BackendFactory(
            _make_azure_responses, options=AZURE_OPTIONS, model_options=MODEL_OPTIONS
        ),
    }


@hookimpl
def pipelex_model_specs() -> Mapping[str, Traversable]:
    """The models of the backends that this plugin knows, one file a backend."""
    folder = files(__name__).joinpath("specs")
    return {backend: folder.joinpath(f"{backend}.toml") for backend in SHIPPED}
