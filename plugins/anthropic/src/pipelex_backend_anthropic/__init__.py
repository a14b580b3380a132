"""Anthropic's Claude models through the Messages API.

This module declares what there is and imports no SDK; `_backend` does, when a backend is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_backend_anthropic.options import CACHING, MODEL_OPTIONS
from pipelex_core.backend import BackendFactory, Option
from pipelex_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable

    from pipelex_core.backend import Backend
    from pipelex_core.specs import BackendConfig

__all__ = ["pipelex_backends", "pipelex_model_specs"]

_OPTIONS = (
    Option(
        name="claude_4_tokens_limit",
        type="int",
        help="Most output tokens to ask of a Claude 4 model (4.0 to 4.8), whatever the request or the spec says.",
    ),
    Option(name="prompt_caching", default="false", type="bool", help=CACHING),
    Option(
        name="anthropic_version",
        help="API version to send always. By default, 2023-06-01 goes with temperature or top_p, else the SDK's own.",
    ),
)


def _create(config: BackendConfig) -> Backend:
    from pipelex_backend_anthropic._backend import AnthropicBackend

    return AnthropicBackend(config)


@hookimpl
def pipelex_backends() -> Mapping[str, BackendFactory]:
    """The sdk `anthropic`."""
    return {"anthropic": BackendFactory(_create, options=_OPTIONS, model_options=MODEL_OPTIONS)}


@hookimpl
def pipelex_model_specs() -> Mapping[str, Traversable]:
    """The models of the backend `anthropic`."""
    from importlib.resources import files

    return {"anthropic": files(__name__) / "specs" / "anthropic.toml"}
