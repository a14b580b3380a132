"""Images and speech with fal.

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


_TYPES = {
    "fal-ai/whisper": ModelType.TRANSCRIBER,
    "fal-ai/wizper": ModelType.TRANSCRIBER,
    "fal-ai/elevenlabs/speech-to-text": ModelType.TRANSCRIBER,
    "fal-ai/elevenlabs/tts": ModelType.SPEAKER,
    "fal-ai/kokoro": ModelType.SPEAKER,
    "fal-ai/minimax/speech": ModelType.SPEAKER,
    "xai/tts": ModelType.SPEAKER,
}
"""What models are for by the beginning of their ids; all others make images."""


_SPOKEN = (
    Option(name="voices", type="list", help="The voices of a model that speaks: the first where none is named."),
    Option(name="formats", type="list", help="The encodings that its speech may have."),
    Option(name="max_characters", type="int", help="Most characters of a text that it speaks."),
)


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
            _create,
            model_options=(arguments, picture, *_SPOKEN),
            requires_key=True,
            model_type=ModelType.IMG_GEN,
            model_types=_TYPES,
        )
    }


@hookimpl
def pipelex_model_specs() -> Mapping[str, Traversable]:
    """The models of the backend `fal`."""
    from importlib.resources import files

    return {"fal": files(__name__) / "specs" / "fal.toml"}
