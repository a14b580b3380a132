"""The text of scans and pictures, read on this machine by RapidOCR: no network, no key.

This module declares what there is and imports no SDK; a process of its own does, at the first document.
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
    from pipelex_backend_rapidocr._backend import RapidOcrBackend

    return RapidOcrBackend(config)


@hookimpl
def pipelex_backends() -> Mapping[str, BackendFactory]:
    """The sdk `rapidocr`."""
    dpi = Option(
        name="dpi", default="170", type="int", help="Dots per inch at which pages of PDFs without text are read."
    )
    return {"rapidocr": BackendFactory(_create, model_options=(dpi,), model_type=ModelType.TEXT_EXTRACTOR)}


@hookimpl
def pipelex_model_specs() -> Mapping[str, Traversable]:
    """The models of the backend `rapidocr`."""
    from importlib.resources import files

    return {"rapidocr": files(__name__) / "specs" / "rapidocr.toml"}
