"""PDF text and page images, read in this process: no network, no key.

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
    from pipelex_backend_internal._backend import InternalBackend

    return InternalBackend(config)


@hookimpl
def pipelex_backends() -> Mapping[str, BackendFactory]:
    """The sdk `pypdfium2`."""
    dpi = Option(name="dpi", default="150", type="int", help="Dots per inch of rendered pages.")
    return {"pypdfium2": BackendFactory(_create, model_options=(dpi,), model_type=ModelType.TEXT_EXTRACTOR)}


@hookimpl
def pipelex_model_specs() -> Mapping[str, Traversable]:
    """The models of the backend `internal`."""
    from importlib.resources import files

    return {"internal": files(__name__) / "specs" / "internal.toml"}
