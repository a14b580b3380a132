"""How a model is loaded: the options of backends.toml and of its spec, checked and filled in."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from attrs import frozen

from pipelex_backend_llamacpp.models import locate
from pipelex_core.errors import BadRequestError
from pipelex_core.specs import ModelType

if TYPE_CHECKING:
    from pipelex_backend_llamacpp.models import ModelFile
    from pipelex_core.specs import BackendConfig, ModelSpec

_MOST_CONTEXT = 8192
"""Tokens of context where nobody says more: its memory is taken when the model is loaded."""

_LEAST = {"n_ctx": 1, "n_threads": 1, "n_gpu_layers": 0, "n_parallel": 1, "n_batch": 1, "n_predict": 1}


@frozen(kw_only=True)
class EngineSettings:
    """What decides whether two calls can share one loaded model.

    Attributes:
        file: The model's file.
        n_ctx: Tokens of context a call.
        n_threads: Threads that compute.
        n_parallel: Calls at a time.
        n_batch: Tokens of a prompt read at a time, after which a cancelled call stops; None for the device's default.
        n_gpu_layers: Layers on the GPU; None for llama.cpp's choice.
        verbose: Whether llama.cpp writes its log to stderr.
        embeds: Whether it makes vectors, and writes no text.
    """

    file: ModelFile
    n_ctx: int
    n_threads: int
    n_parallel: int = 1
    n_batch: int | None = None
    n_gpu_layers: int | None = None
    verbose: bool = False
    embeds: bool = False


def engine_settings(config: BackendConfig, spec: ModelSpec) -> EngineSettings:
    """How to load a model.

    Raises:
        NotFoundError: Its `model_id` is neither a name of the catalogue nor a path.
        BadRequestError: An option is out of range.
    """
    options = _options(config, spec)
    known = {name: options[name] for name in ("n_parallel", "n_batch", "n_gpu_layers") if name in options}
    window = min(spec.context_window or _MOST_CONTEXT, _MOST_CONTEXT)
    embeds = spec.model_type in {ModelType.EMBEDDING, ModelType.RERANKER}  # which share one loaded model
    n_ctx = options.get("n_ctx") or window
    return EngineSettings(
        file=locate(spec.model_id, cache_dir=config.options.get("cache_dir")),
        n_ctx=min(n_ctx, window) if embeds else n_ctx,
        n_threads=options.get("n_threads") or _threads(),
        verbose=config.options.get("verbose", False),
        embeds=embeds,
        **known,
    )


def _threads() -> int:
    """Half the cores, eight at most.

    llama.cpp's threads spin while they wait for each other: with as many of them as there are cores, one other busy
    process makes it ten times slower; with half as many it does not.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(8, cores // 2))


def most_tokens(config: BackendConfig, spec: ModelSpec) -> int:
    """Most output tokens of a call that sets no limit itself: a small model may never stop by itself."""
    default = min(2048, spec.max_tokens or 2048)
    return int(_options(config, spec).get("n_predict", default))


def _options(config: BackendConfig, spec: ModelSpec) -> dict[str, Any]:
    options = {**config.options, **spec.options}
    for name, least in _LEAST.items():
        if options.get(name, least) < least:
            msg = f"option '{name}' must be at least {least}, not {options[name]}"
            raise BadRequestError(msg)
    return options
