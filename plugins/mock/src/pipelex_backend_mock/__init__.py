"""`sdk = "mock"`: a backend that answers by itself, always the same, without a network.

A model spec that says `sdk = "mock"` has it, and `pipelex validate --dry-run` answers every preset with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_core.backend import BackendFactory, Option
from pipelex_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_core.backend import Backend
    from pipelex_core.capabilities import Capabilities
    from pipelex_core.specs import BackendConfig

__all__ = ["MOCK", "pipelex_backends", "pipelex_wrap_backend"]

_SCRIPT = (
    Option(name="text", default="`template`", help="What every answer says."),
    Option(
        name="texts", type="list", default="`text`", help="What the answers say, one after the other; then the last."
    ),
    Option(
        name="template",
        default="`Mock answer to: {prompt}`",
        help="What an answer says, with {prompt}, {system} and {model} filled in.",
    ),
    Option(name="calls_tools", type="bool", default="false", help="Call the first tool of a request that gives tools."),
)

_SPOKEN = (
    Option(name="voices", type="list", help="The voices of a model that speaks; another is refused."),
    Option(name="formats", type="list", help="The encodings that its speech may have; another is refused."),
    Option(name="max_characters", type="int", help="Most characters of a text that it speaks."),
)


def _create(config: BackendConfig) -> Backend:
    from pipelex_backend_mock.backend import MockBackend

    return MockBackend(config)


MOCK = BackendFactory(_create, options=_SCRIPT, model_options=(*_SCRIPT, *_SPOKEN))
"""The factory of sdk `mock`; a model's own script wins over the backend's."""


@hookimpl
def pipelex_backends() -> Mapping[str, BackendFactory]:
    """The sdk `mock`."""
    return {"mock": MOCK}


@hookimpl(trylast=True)  # what records or limits wraps the mock, and is not inside it
def pipelex_wrap_backend(backend: Backend, sdk: str, capabilities: Capabilities) -> Backend | None:
    """The mock with the methods of the capabilities that plugins bring, where their records know an answer."""
    if sdk != "mock":
        return None
    from pipelex_backend_mock.further import with_capabilities

    return with_capabilities(backend, capabilities)
