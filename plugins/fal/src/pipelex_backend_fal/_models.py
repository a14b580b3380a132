"""What each of fal's models takes: one table, by model id.

The source is each model's input schema, https://fal.ai/models/<model id>/api (and https://fal.ai/models/<model id>/llms.txt),
in copies that bear no date: fal changes schemas without a version. fal has no word for quality; here `medium` is a model's
own default number of steps, `low` about half of it, and `high` the most that helps, up to the schema's limit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from attrs import evolve, field, frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

WIDE = ("21:9", "16:9", "4:3", "3:2", "1:1", "2:3", "3:4", "9:16", "9:21")
"""The shapes of FLUX models that take an aspect ratio."""


@frozen(kw_only=True)
class Takes:
    """The arguments a model takes besides its prompt.

    Attributes:
        shape: Whether its size is a width and height (`image_size`) or an `aspect_ratio`.
        ratios: The aspect ratios it takes; empty for any.
        steps: Whether it takes `num_inference_steps`.
        step_choices: The numbers of steps it takes, sent as text; empty for any, sent as numbers.
        quality_steps: Steps for each quality; empty where quality has no meaning for it.
        guidance: Whether it takes `guidance_scale`.
        most_tolerant: Highest `safety_tolerance` it takes; None for none at all.
        checker: Whether it takes `enable_safety_checker`.
        most_images: Most images at once; None for as many as asked for.
        format: Name of the argument for the image's format.
        formats: The formats it makes.
        picture: Name of the argument for pictures to change: `image_urls` for a list, `image_url` for one of them; empty
            where it makes images of a prompt alone.
        mask: Name of the argument for a mask, whose white pixels are those that may change; empty where it takes none.
    """

    shape: Literal["image_size", "aspect_ratio"] = "image_size"
    ratios: tuple[str, ...] = ()
    steps: bool = False
    step_choices: tuple[int, ...] = ()
    quality_steps: Mapping[str, int] = field(factory=dict)
    guidance: bool = False
    most_tolerant: int | None = None
    checker: bool = True
    most_images: int | None = 4
    format: Literal["output_format", "format"] = "output_format"
    formats: tuple[str, ...] = ("jpeg", "png")
    picture: Literal["", "image_url", "image_urls"] = ""
    mask: Literal["", "mask_url"] = ""


ANY_FORMAT = ("jpeg", "png", "webp")

_FLUX_1 = Takes(steps=True, guidance=True, quality_steps={"low": 14, "medium": 28, "high": 50})
_FLUX_PRO = Takes(most_tolerant=6)
_FLUX_2 = evolve(_FLUX_1, formats=ANY_FORMAT)
_FLUX_2_PRO = Takes(most_tolerant=5, most_images=1)
_SDXL = Takes(most_images=8, format="format", steps=True)
_FLUX_2_EDIT = evolve(_FLUX_2, picture="image_urls")
_FLUX_2_PRO_EDIT = evolve(_FLUX_2_PRO, picture="image_urls")
_INPAINTING = evolve(_FLUX_1, picture="image_url", mask="mask_url")
_KONTEXT = Takes(shape="aspect_ratio", ratios=WIDE, guidance=True, most_tolerant=6, checker=False)

MODELS: Mapping[str, Takes] = {
    "fal-ai/flux-pro": evolve(_FLUX_1, most_tolerant=6),
    "fal-ai/flux-pro/new": evolve(_FLUX_1, most_tolerant=6),
    "fal-ai/flux-pro/v1.1": _FLUX_PRO,
    "fal-ai/flux-pro/v1.1-ultra": evolve(_FLUX_PRO, shape="aspect_ratio"),
    "fal-ai/flux-pro/kontext/text-to-image": _KONTEXT,
    "fal-ai/flux-pro/kontext/max/text-to-image": _KONTEXT,
    "fal-ai/flux-pro/kontext": evolve(_KONTEXT, picture="image_url"),
    "fal-ai/flux-pro/kontext/max": evolve(_KONTEXT, picture="image_url"),
    "fal-ai/flux-pro/kontext/multi": evolve(_KONTEXT, picture="image_urls"),
    "fal-ai/flux-pro/kontext/max/multi": evolve(_KONTEXT, picture="image_urls"),
    "fal-ai/flux-pro/v1/fill": Takes(most_tolerant=6, checker=False, picture="image_url", mask="mask_url"),
    "fal-ai/flux-lora/inpainting": _INPAINTING,
    "fal-ai/flux-general/inpainting": _INPAINTING,
    "fal-ai/flux/dev": _FLUX_1,
    "fal-ai/flux/krea": _FLUX_1,
    "fal-ai/flux/schnell": evolve(_FLUX_1, quality_steps={"low": 2, "medium": 4, "high": 8}),
    "fal-ai/flux-2": _FLUX_2,
    "fal-ai/flux-2/turbo": evolve(_FLUX_2, steps=False, quality_steps={}),
    "fal-ai/flux-2/flash": evolve(_FLUX_2, steps=False, quality_steps={}),
    "fal-ai/flux-2-pro": _FLUX_2_PRO,
    "fal-ai/flux-2-max": _FLUX_2_PRO,
    "fal-ai/flux-2-flex": evolve(
        _FLUX_2_PRO, steps=True, guidance=True, quality_steps={"low": 14, "medium": 28, "high": 50}
    ),
    "fal-ai/flux-2/edit": _FLUX_2_EDIT,
    "fal-ai/flux-2-pro/edit": _FLUX_2_PRO_EDIT,
    "fal-ai/flux-2-max/edit": _FLUX_2_PRO_EDIT,
    "fal-ai/fast-lightning-sdxl": evolve(
        _SDXL, step_choices=(1, 2, 4, 8), quality_steps={"low": 2, "medium": 4, "high": 8}
    ),
    "fal-ai/fast-sdxl": evolve(_SDXL, guidance=True, quality_steps={"low": 12, "medium": 25, "high": 50}),
    "fal-ai/stable-diffusion-v35-large": _FLUX_1,
    "fal-ai/qwen-image": evolve(_FLUX_1, quality_steps={"low": 15, "medium": 30, "high": 50}),
    "fal-ai/z-image/turbo": Takes(steps=True, formats=ANY_FORMAT, quality_steps={"low": 4, "medium": 8, "high": 8}),
}

UNKNOWN = Takes(
    steps=True,
    guidance=True,
    most_tolerant=6,
    most_images=None,
    formats=ANY_FORMAT,
    picture="image_urls",
    mask="mask_url",
)
"""A model that is not in the table gets what is asked for, under the names most models have."""


def takes(model_id: str) -> Takes:
    """What a model takes."""
    return MODELS.get(model_id, UNKNOWN)
