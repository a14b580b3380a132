"""Anthropic's Claude models through the Messages API.

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

_CACHING = "Have the prompt cached: a mark on the system prompt (else the tools) and on the last user message."

_OPTIONS = (
    Option(
        name="claude_4_tokens_limit",
        type="int",
        help="Most output tokens to ask of a Claude 4 model (4.0 to 4.8), whatever the request or the spec says.",
    ),
    Option(name="prompt_caching", default="false", type="bool", help=_CACHING),
    Option(
        name="anthropic_version",
        help="API version to send always. By default, 2023-06-01 goes with temperature or top_p, else the SDK's own.",
    ),
)

_MODEL_OPTIONS = (
    Option(
        name="structured_output",
        default="native",
        choices=("native", "tool"),
        help="How objects are asked for: by the API's structured output, or by a tool.",
    ),
    Option(
        name="forced_tools",
        default="true",
        type="bool",
        help="Whether tool_choice may demand a tool.",
    ),
    Option(
        name="thinking",
        default="adaptive",
        choices=("budget", "adaptive", "on"),
        help="How reasoning is asked for: by a budget of tokens, as adaptive thinking with an effort, or "
        "by the effort alone, because the model thinks unasked.",
    ),
    Option(
        name="thinking_off",
        default="omit",
        choices=("omit", "disabled", "between_tools", "never"),
        help='What reasoning_effort = "none" sends: nothing, a thinking type, or an error.',
    ),
    Option(
        name="prefill",
        default="true",
        type="bool",
        help="Whether it goes on with its own message at the end of a conversation: from 4.6 on Claude does not.",
    ),
    Option(name="effort_levels", default="all five", type="list", help="The efforts the model knows, least first."),
    Option(name="prompt_caching", default="the backend's", type="bool", help=f"{_CACHING} Wins over the backend's."),
)


def _create(config: BackendConfig) -> Backend:
    from pipelex_backend_anthropic._backend import AnthropicBackend

    return AnthropicBackend(config)


@hookimpl
def pipelex_backends() -> Mapping[str, BackendFactory]:
    """The sdk `anthropic`."""
    return {"anthropic": BackendFactory(_create, options=_OPTIONS, model_options=_MODEL_OPTIONS)}


@hookimpl
def pipelex_model_specs() -> Mapping[str, Traversable]:
    """The models of the backend `anthropic`."""
    from importlib.resources import files

    return {"anthropic": files(__name__) / "specs" / "anthropic.toml"}
