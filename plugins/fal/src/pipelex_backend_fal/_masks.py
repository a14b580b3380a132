"""Masks in fal's colours: https://fal.ai/models/fal-ai/flux-pro/v1/fill/api."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from attrs import evolve

from pipelex_core.errors import PluginError, UnsupportedInputError

if TYPE_CHECKING:
    from pipelex_core.parts import Media


def in_black_and_white(mask: Media) -> Media:
    """The mask whose white pixels may change, of one whose transparent pixels may; one at a URL is fal's to read, as it is.

    Raises:
        PluginError: Pillow is not installed.
        UnsupportedInputError: The picture cannot be decoded.
    """
    if mask.data is None:
        return mask
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        msg = "a mask for fal is converted with Pillow; run: pip install 'pipelex-backend-fal[masks]'"
        raise PluginError(msg) from error
    try:
        with Image.open(BytesIO(mask.data)) as picture:
            white = ImageOps.invert(picture.convert("RGBA").getchannel("A"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        msg = f"the mask cannot be decoded: {error}"
        raise UnsupportedInputError(msg) from None
    written = BytesIO()
    white.save(written, "PNG")
    return evolve(mask, data=written.getvalue())
