"""Image generation with fal.

This module declares what there is and imports no SDK; `_backend` does, when a backend is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_core.backend import BackendFactory, Option
from pipelex_core.hookspecs import hookimpl
from pipelex_core.specs import ModelType

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable

    from pipelex_core.backend import Backend
    from pipelex_core.specs import BackendConfig

__all__ = ["pipelex_backends", "pipelex_model_specs"]


def _create(config: BackendConfig) -> Backend:
    from pipelex_backend_fal._backend import FalBackend

    return FalBackend(config)


@hookimpl
def pipelex_backends() -> Mapping[str, BackendFactory]:
    """The sdk `fal`."""
    arguments = Option(name="arguments", type="table", help="Further arguments of the model, sent to fal as they are.")
    picture = Option(
        name="image_argument",
        choices=("image_url", "image_urls"),
        help="What the model calls a picture to change, or several; for those that are known, the plugin knows it.",
    )
    return {
        "fal": BackendFactory(
            _create, model_options=(arguments, picture), requires_key=True, model_type=ModelType.IMG_GEN
        )
    }


@hookimpl
def pipelex_model_specs() -> Mapping[str, Traversable]:
    """The models of the backend `fal`."""
    from importlib.resources import files

    return {"fal": files(__name__) / "specs" / "fal.toml"}
