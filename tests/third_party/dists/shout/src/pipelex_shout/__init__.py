"""A capability of a stranger: `shout`, a text in capitals; with a backend that does it, and a model."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from pipelex_core.hookspecs import hookimpl
from pipelex_shout.capability import SHOUT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from importlib.resources.abc import Traversable

    from pipelex_core.backend import Backend
    from pipelex_core.capabilities import Capability
    from pipelex_core.specs import BackendConfig


def _create(config: BackendConfig) -> Backend:
    from pipelex_shout.backend import LoudBackend

    return LoudBackend(config)


@hookimpl
def pipelex_capabilities() -> Sequence[Capability]:
    """The capability `shout`."""
    return [SHOUT]


@hookimpl
def pipelex_backends() -> Mapping[str, object]:
    """The sdk `loud`."""
    return {"loud": _create}


@hookimpl
def pipelex_model_specs() -> Mapping[str, Traversable]:
    """The models of the backend `loud`."""
    return {"loud": files(__package__).joinpath("loud.toml")}
