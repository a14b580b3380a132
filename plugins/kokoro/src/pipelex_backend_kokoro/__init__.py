"""Text to speech on this machine, by Kokoro through onnxruntime: no network once the model is there, no key.

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
    from pipelex_backend_kokoro._backend import KokoroBackend

    return KokoroBackend(config)


@hookimpl
def pipelex_backends() -> Mapping[str, BackendFactory]:
    """The sdk `kokoro`."""
    return {
        "kokoro": BackendFactory(
            _create,
            options=(
                Option(name="n_threads", default="half the cores, at most 4", type="int", help="Threads that compute."),
                Option(name="cache_dir", default="the user's cache folder", help="Folder for fetched models."),
            ),
            model_options=(
                Option(name="voices", type="list", help="The voices; the first is taken where none is named."),
                Option(name="formats", type="list", help="The encodings that the speech may have."),
            ),
            model_type=ModelType.SPEAKER,
        )
    }


@hookimpl
def pipelex_model_specs() -> Mapping[str, Traversable]:
    """The models of the backend `kokoro`."""
    return {"kokoro": files(__package__).joinpath("specs", "kokoro.toml")}
