"""The capability `img_gen`: a text in, images out."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pipelex_core.backend import ImageGenerator
from pipelex_core.capabilities.record import Capability, Operation
from pipelex_core.errors import ImgGenHandleNotFoundError, ImgGenPresetNotFoundError
from pipelex_core.requests import ImageRequest
from pipelex_core.results import ImageAnswer, ImageResult
from pipelex_core.settings import SEED, SettingRule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_core.estimates.expectations import Expectation
    from pipelex_core.specs import ModelSpec


def _read(prompt: str) -> str:
    from pipelex_core.prompts import read_image_prompt

    return read_image_prompt(prompt)


def _build(prompt: str, spec: ModelSpec, settings: Mapping[str, Any], timeout: float | None) -> ImageRequest:
    return ImageRequest(spec=spec, prompt=prompt, timeout=timeout, **settings)


def _expect(request: ImageRequest) -> Expectation:
    from pipelex_core.estimates.expectations import Expectation, tokens_of

    pixels = (request.width or 0) * (request.height or 0)
    megapixels = Decimal(-(-pixels // 1_000_000) * request.number) if pixels else None  # providers round up
    return Expectation(input_tokens=tokens_of(request.prompt), images=request.number, megapixels=megapixels)


def _sample(_spec: ModelSpec | None) -> str:
    return "A lighthouse"


IMAGES = Capability(
    name="img_gen",
    model_types=("img_gen",),
    noun="image-generation",
    purpose="images",
    unit="image",
    outputs=frozenset({"image"}),
    gives=frozenset({"image"}),
    operations=(Operation(name="generate_image", needs=ImageGenerator, answer=ImageAnswer, result=ImageResult),),
    settings={
        "quality": SettingRule(
            "string", "Excludes nb_steps.", choices=("low", "medium", "high"), excludes=("nb_steps",)
        ),
        "nb_steps": SettingRule("integer", "Diffusion steps; excludes quality.", minimum=1),
        "guidance_scale": SettingRule("number", "How closely to follow the prompt.", above=0),
        "is_moderated": SettingRule("boolean", "Whether the provider's safety checker is on."),
        "safety_tolerance": SettingRule("integer", "1 is strict, 6 permissive.", minimum=1, maximum=6),
        "width": SettingRule("integer", "Pixels; with height.", minimum=1, partner="height"),
        "height": SettingRule("integer", "Pixels; with width.", minimum=1, partner="width"),
        "aspect_ratio": SettingRule(
            "string", 'Such as "16:9"; excludes width and height.', excludes=("width", "height")
        ),
        "seed": SEED,
        "number": SettingRule("integer", "How many images.", minimum=1),
        "background": SettingRule("string", "Of the image.", choices=("transparent", "opaque", "auto")),
        "output_format": SettingRule("string", "Of the image.", choices=("png", "jpeg", "webp")),
    },
    handle_error=ImgGenHandleNotFoundError,
    preset_error=ImgGenPresetNotFoundError,
    read=_read,
    build=_build,
    expect=_expect,
    sample=_sample,
    once=True,
    telemetry="generate_content",
)
"""Images."""
