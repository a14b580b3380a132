"""A language model in this process, on a GGUF file, through llama.cpp (`xllamacpp`): no network, no key."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from pipelex_core.backend import BackendFactory, Option
from pipelex_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable

    from pipelex_core.backend import Backend
    from pipelex_core.specs import BackendConfig

__all__ = ["pipelex_backends", "pipelex_model_specs"]

_ENGINE_OPTIONS = (
    Option(
        name="n_ctx", default="the model's context_window, at most 8192", type="int", help="Tokens of context a call."
    ),
    Option(name="n_threads", default="half the cores, at most 8", type="int", help="Threads that compute."),
    Option(
        name="n_gpu_layers",
        default="llama.cpp's choice",
        type="int",
        help="Layers on the GPU, where xllamacpp is built for one; 0 for none.",
    ),
    Option(name="n_parallel", default="1", type="int", help="Calls that run at a time, each with its own context."),
    Option(name="n_batch", default="64, on a GPU 512", type="int", help="Tokens of a prompt read at a time."),
    Option(name="n_predict", default="2048", type="int", help="Most output tokens of a call that sets no max_tokens."),
)


def _llamacpp(config: BackendConfig) -> Backend:
    from pipelex_backend_llamacpp._backend import LlamaCppBackend

    return LlamaCppBackend(config)


@hookimpl
def pipelex_backends() -> Mapping[str, BackendFactory]:
    """The sdk `llamacpp`; a model's own options win over the backend's."""
    return {
        "llamacpp": BackendFactory(
            _llamacpp,
            options=(
                *_ENGINE_OPTIONS,
                Option(name="cache_dir", default="the user's cache folder", help="Folder for fetched models."),
                Option(name="verbose", default="false", type="bool", help="Let llama.cpp write its log to stderr."),
            ),
            model_options=_ENGINE_OPTIONS,
        )
    }


@hookimpl
def pipelex_model_specs() -> Mapping[str, Traversable]:
    """The backend `llamacpp` and the models of the catalogue."""
    return {"llamacpp": files(__package__).joinpath("specs", "llamacpp.toml")}
