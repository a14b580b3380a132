"""Image generation: a request as the body of `images/generations` or `images/edits`, or as a chat with a model that answers with a URL.

https://platform.openai.com/docs/api-reference/images/create · https://platform.openai.com/docs/api-reference/images/createEdit ·
https://docs.x.ai/developers/model-capabilities/images · https://docs.blackbox.ai/api-reference/image
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from pipelex_core.errors import UnsupportedInputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipelex_backend_openai._traits import Traits
    from pipelex_core.parts import Media
    from pipelex_core.requests import ImageRequest

_HINTS = frozenset(["quality", "nb_steps", "guidance_scale", "is_moderated", "safety_tolerance"])
"""Settings that tune how a model works, and not what comes out: a preset may hold them for another model."""

_FIXED_SIZES = ((1024, 1024), (1536, 1024), (1024, 1536))
_FREE_AREA = 1024 * 1024
_FREE_STEP = 16


def image_body(request: ImageRequest, traits: Traits) -> dict[str, Any]:
    """The body of `images/generations`, or the fields of `images/edits` besides the pictures.

    A setting that changes the picture and cannot be sent is refused.
    """
    body: dict[str, Any] = {"model": request.spec.model_id, "prompt": request.prompt}
    if request.number != 1:
        body["n"] = request.number
    for name, value in _settings(request):
        if name in traits.image_parameters:
            body["moderation" if name == "is_moderated" else name] = _sent(name, value, traits)
        elif name == "aspect_ratio" and "size" in traits.image_parameters:
            body["size"] = size_for_ratio(value, traits.image_sizes)
        elif name not in _HINTS:
            msg = f"this endpoint takes no {name} for images"
            raise UnsupportedInputError(msg)
    if traits.image_response_format is not None:
        body["response_format"] = traits.image_response_format
    return body


def edit_uploads(pictures: Sequence[Media], mask: Media | None) -> list[tuple[str, tuple[str, bytes, str]]]:
    """The files of the form of `images/edits`, each with a name and a type: without them it would be `upload`, of no known kind.

    A single picture is `image[]` too, as the SDK sends it.
    """
    files = [("image[]", _upload(picture, f"image-{number}")) for number, picture in enumerate(pictures)]
    return files if mask is None else [*files, ("mask", _upload(mask, "mask"))]


def _upload(media: Media, stem: str) -> tuple[str, bytes, str]:
    assert media.data is not None  # noqa: S101 -- what was at a URL has been downloaded
    return f"{stem}.{media.media_type.rpartition('/')[2]}", media.data, media.media_type


def edit_body(request: ImageRequest, traits: Traits) -> dict[str, Any]:
    """The body of `images/edits` as xAI takes it: pictures as URLs, which data URLs are too.

    Raises:
        UnsupportedInputError: There is a mask.
    """
    if request.mask is not None:
        msg = f"model '{request.spec.name}' takes no mask: say in the prompt what is to change"
        raise UnsupportedInputError(msg)
    pictures = [{"type": "image_url", "url": picture.as_url()} for picture in request.images]
    several = {"image": pictures[0]} if len(pictures) == 1 else {"images": pictures}
    return {**image_body(request, traits), **several}


def image_chat_body(request: ImageRequest) -> dict[str, Any]:
    """The body of a chat whose answer is the picture's URL: it has a prompt and nothing else."""
    if request.images:
        msg = "this endpoint makes images of a prompt alone"
        raise UnsupportedInputError(msg)
    if request.number != 1:
        msg = "this endpoint makes one image a call"
        raise UnsupportedInputError(msg)
    for name, _ in _settings(request):
        if name not in _HINTS:
            msg = f"this endpoint takes no {name} for images"
            raise UnsupportedInputError(msg)
    return {"model": request.spec.model_id, "messages": [{"role": "user", "content": request.prompt}]}


def _settings(request: ImageRequest) -> Iterator[tuple[str, Any]]:
    """The settings that are set, width and height as one."""
    if request.width is not None and request.height is not None:
        yield "size", f"{request.width}x{request.height}"
    for name in (
        "aspect_ratio",
        "quality",
        "nb_steps",
        "guidance_scale",
        "is_moderated",
        "safety_tolerance",
        "seed",
        "background",
        "output_format",
    ):
        value = getattr(request, name)
        if value is not None:
            yield name, value


def _sent(name: str, value: Any, traits: Traits) -> Any:
    """A setting's value in the endpoint's words."""
    if name == "is_moderated":
        return "auto" if value else "low"
    if name == "quality" and traits.image_qualities == "standard_or_hd":
        return "hd" if value == "high" else "standard"
    return value


def size_for_ratio(ratio: str, sizes: str) -> str:
    """The size for an aspect ratio such as `16:9`: exact where sizes are free, else the nearest one there is.

    Args:
        ratio: Width and height.
        sizes: `fixed` for the three sizes every GPT image model has, `free` for multiples of 16.
    """
    wide, _, high = ratio.partition(":")
    try:
        wanted = float(wide) / float(high)
    except (ValueError, ZeroDivisionError):
        wanted = 0.0
    if not 0 < wanted < math.inf:
        msg = f"'{ratio}' is not an aspect ratio such as 16:9"
        raise UnsupportedInputError(msg)
    if sizes == "fixed":
        width, height = min(_FIXED_SIZES, key=lambda size: abs(math.log(size[0] / size[1] / wanted)))
    else:
        height = _FREE_STEP * round(math.sqrt(_FREE_AREA / wanted) / _FREE_STEP)
        width = _FREE_STEP * round(height * wanted / _FREE_STEP)
    return f"{width}x{height}"
