"""Speech to text on this machine, by Whisper models through CTranslate2: no network once the model is there, no key.

This module declares what there is and imports no SDK.
"""

from __future__ import annotations

from importlib.resources import files
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
    from pipelex_backend_whisper._backend import WhisperBackend

    return WhisperBackend(config)


@hookimpl
def pipelex_backends() -> Mapping[str, BackendFactory]:
    """The sdk `whisper`."""
    return {
        "whisper": BackendFactory(
            _create,
            options=(
                Option(name="n_threads", default="half the cores, at most 4", type="int", help="Threads that compute."),
                Option(name="cache_dir", default="the user's cache folder", help="Folder for fetched models."),
            ),
            model_type=ModelType.TRANSCRIBER,
        )
    }


@hookimpl
def pipelex_model_specs() -> Mapping[str, Traversable]:
    """The models of the backend `whisper`."""
    return {"whisper": files(__package__).joinpath("specs", "whisper.toml")}
