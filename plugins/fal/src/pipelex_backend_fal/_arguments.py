"""A request in the words of fal's models; what a model cannot do is refused here, before it is paid for."""

from __future__ import annotations

from math import gcd, sqrt
from typing import TYPE_CHECKING, Any

from pipelex_backend_fal._masks import in_black_and_white
from pipelex_backend_fal._models import takes
from pipelex_core.errors import UnsupportedInputError

if TYPE_CHECKING:
    from pipelex_backend_fal._models import Takes
    from pipelex_core.requests import ImageRequest

SIZES = {
    "1:1": "square_hd",
    "4:3": "landscape_4_3",
    "16:9": "landscape_16_9",
    "3:4": "portrait_4_3",
    "9:16": "portrait_16_9",
}
"""fal's names of sizes, by their aspect ratio; another ratio becomes a size of about a megapixel."""

MEGAPIXEL = 1024 * 1024
STRIDE = 32
"""Sides are multiples of this: what all of the models take."""


def arguments(request: ImageRequest) -> dict[str, Any]:
    """The arguments of one job.

    A setting that only tunes a model (steps, quality, guidance, safety) is left out where the model has none; a number,
    size, format or background that a model cannot make is refused.
    """
    model = takes(request.spec.model_id)
    if not request.prompt.strip():
        msg = "the prompt is empty"
        raise UnsupportedInputError(msg)
    if request.background == "transparent":
        msg = f"model '{request.spec.name}' makes no transparent background"
        raise UnsupportedInputError(msg)
    wanted = {
        **_shape(request, model),
        "num_images": _number(request, model),
        "num_inference_steps": _steps(request, model),
        "guidance_scale": request.guidance_scale if model.guidance else None,
        "enable_safety_checker": request.is_moderated if model.checker else None,
        "safety_tolerance": _tolerance(request, model),
        "seed": request.seed,
        model.format: _format(request, model),
    }
    sent = {name: value for name, value in wanted.items() if value is not None}
    pictures = _pictures(request, model) if request.images else {}
    return {"prompt": request.prompt, **sent, **pictures, **request.spec.options.get("arguments", {})}


def _pictures(request: ImageRequest, model: Takes) -> dict[str, Any]:
    """The pictures to change, as URLs, which data URLs are too, and the mask in fal's colours."""
    name = request.spec.options.get("image_argument") or model.picture
    if not name:
        msg = f"model '{request.spec.name}' makes images of a prompt alone: leave images out, or take one of fal's that edit"
        raise UnsupportedInputError(msg)
    is_list = name.endswith("s")
    if len(request.images) > 1 and not is_list:
        msg = f"model '{request.spec.name}' takes one picture, not {len(request.images)}"
        raise UnsupportedInputError(msg)
    urls = [picture.as_url() for picture in request.images]
    sent: dict[str, Any] = {name: urls if is_list else urls[0]}
    if request.mask is not None:
        if not model.mask:
            msg = f"model '{request.spec.name}' takes no mask: say in the prompt what is to change"
            raise UnsupportedInputError(msg)
        sent[model.mask] = in_black_and_white(request.mask).as_url()
    return sent


def _number(request: ImageRequest, model: Takes) -> int | None:
    if model.most_images is not None and request.number > model.most_images:
        msg = f"model '{request.spec.name}' makes {model.most_images} images at once at most, not {request.number}"
        raise UnsupportedInputError(msg)
    return request.number if request.number > 1 else None


def _steps(request: ImageRequest, model: Takes) -> int | str | None:
    steps = request.nb_steps
    if steps is None and request.quality is not None:
        steps = model.quality_steps.get(request.quality)
    if steps is None or not model.steps:
        return None
    if not model.step_choices:
        return steps
    if steps not in model.step_choices:
        choices = ", ".join(map(str, model.step_choices))
        msg = f"model '{request.spec.name}' takes nb_steps of {choices}, not {steps}"
        raise UnsupportedInputError(msg)
    return str(steps)


def _tolerance(request: ImageRequest, model: Takes) -> str | None:
    """The number as text, as fal wants it; 6 means the most tolerant that a model is."""
    if request.safety_tolerance is None or model.most_tolerant is None:
        return None
    return str(min(request.safety_tolerance, model.most_tolerant))


def _format(request: ImageRequest, model: Takes) -> str | None:
    if request.output_format is not None and request.output_format not in model.formats:
        formats = " or ".join(model.formats)
        msg = f"model '{request.spec.name}' makes {formats}, not {request.output_format}"
        raise UnsupportedInputError(msg)
    return request.output_format


def _shape(request: ImageRequest, model: Takes) -> dict[str, Any]:
    """The size, as the model names it; none where none is asked for."""
    ratio = _ratio(request)
    if model.shape == "aspect_ratio":
        if ratio is None:
            return {}
        across, down = ratio
        text = f"{across}:{down}"
        if model.ratios and text not in model.ratios:
            msg = f"model '{request.spec.name}' makes images of {', '.join(model.ratios)}, not {text}"
            raise UnsupportedInputError(msg)
        return {"aspect_ratio": text}
    if request.width is not None and request.height is not None:
        return {"image_size": {"width": request.width, "height": request.height}}
    if ratio is None:
        return {}
    across, down = ratio
    return {"image_size": SIZES.get(f"{across}:{down}") or _size(across, down)}


def _ratio(request: ImageRequest) -> tuple[int, int] | None:
    """The shape asked for, in lowest terms; but fal writes 21:9, and not 7:3."""
    if request.width is not None and request.height is not None:
        across, down = request.width, request.height
    elif request.aspect_ratio is None:
        return None
    else:
        left, _, right = request.aspect_ratio.partition(":")
        if not (left.strip().isdecimal() and right.strip().isdecimal() and int(left) and int(right)):
            msg = f"an aspect ratio is two whole numbers such as 16:9, not '{request.aspect_ratio}'"
            raise UnsupportedInputError(msg)
        across, down = int(left), int(right)
    shared = gcd(across, down)
    lowest = across // shared, down // shared
    return {(7, 3): (21, 9), (3, 7): (9, 21)}.get(lowest, lowest)


def _size(across: int, down: int) -> dict[str, int]:
    """A size of about a megapixel in this shape."""
    unit = sqrt(MEGAPIXEL / (across * down))
    return {name: max(round(part * unit / STRIDE), 1) * STRIDE for name, part in (("width", across), ("height", down))}
