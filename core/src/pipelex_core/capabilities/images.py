"""The capability `img_gen`: a text in, and pictures to change; images out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from pipelex_core.backend import Backend, ImageGenerator
from pipelex_core.capabilities.record import Capability, Operation, expectation_of, results
from pipelex_core.errors import ImgGenHandleNotFoundError, ImgGenPresetNotFoundError, UnsupportedInputError
from pipelex_core.settings import SEED, SettingRule

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from pipelex_core.media import MediaSource
    from pipelex_core.parts import Media
    from pipelex_core.requests import ImageRequest
    from pipelex_core.specs import ModelSpec


@frozen(eq=False, repr=False)
class ImageInput:
    """What a call is about.

    Attributes:
        prompt: What to show, or how to change the pictures.
        images: The pictures to change or to follow.
        mask: Where the first of them may change, or None.
    """

    prompt: str
    images: tuple[Media, ...] = ()
    mask: Media | None = None


def _read(prompt: str, images: Iterable[MediaSource] = (), mask: MediaSource | None = None) -> ImageInput:
    from pipelex_core.prompts import read_image_prompt

    text = read_image_prompt(prompt)
    if not images and mask is None:
        return ImageInput(text)
    from pipelex_core.media import read_image
    from pipelex_core.pictures import check_mask

    if isinstance(images, (str, bytes)):
        raise UnsupportedInputError(f"images is a list of pictures, not {type(images).__name__}")
    pictures = tuple(map(read_image, images))
    if mask is None:
        return ImageInput(text, pictures)
    if not pictures:
        raise UnsupportedInputError("a mask says where a picture may change, and there are no images")
    mask = read_image(mask)
    check_mask(pictures[0], mask)
    return ImageInput(text, pictures, mask)


def _reads_files(_prompt: object, *, images: object = (), mask: object = None) -> bool:
    return bool(images) or mask is not None


def _build(what: ImageInput, spec: ModelSpec, settings: Mapping[str, Any], timeout: float | None) -> ImageRequest:
    if what.images and spec.inputs and "images" not in spec.inputs:
        msg = f"model '{spec.name}' takes no images: its inputs are {', '.join(sorted(spec.inputs))}"
        raise UnsupportedInputError(msg)
    from pipelex_core.requests import ImageRequest

    return ImageRequest(spec=spec, prompt=what.prompt, images=what.images, mask=what.mask, timeout=timeout, **settings)


async def _fetch(request: ImageRequest, fetched: Callable[[Media, str], Awaitable[Media]]) -> ImageRequest:
    if not request.images:
        return request
    from pipelex_core.pictures import check_mask

    images = tuple([await fetched(image, "image") for image in request.images])
    mask = None if request.mask is None else await fetched(request.mask, "image")
    if mask is not None:
        check_mask(images[0], mask)
    return evolve(request, images=images, mask=mask)


def _refuse(request: ImageRequest, backend: Backend) -> str | None:
    if request.images and not (isinstance(backend, ImageGenerator) and backend.edits_images):
        return f"sdk '{request.spec.sdk}' makes images of a prompt alone: leave images out, or ask a model of another provider"
    if request.mask is not None and not (isinstance(backend, ImageGenerator) and backend.takes_masks):
        return f"sdk '{request.spec.sdk}' takes no mask: say in the prompt what is to change, or ask a model of another provider"
    return None


def _sample(_spec: ModelSpec | None) -> ImageInput:
    return ImageInput("A lighthouse")


IMAGES = Capability(
    name="img_gen",
    model_types=("img_gen",),
    noun="image-generation",
    purpose="images",
    unit="image",
    outputs=frozenset({"image"}),
    gives=frozenset({"image"}),
    operations=(
        Operation(
            name="generate_image",
            needs=ImageGenerator,
            answer=lambda: results().ImageAnswer,
            result=lambda: results().ImageResult,
            refuse=_refuse,
        ),
    ),
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
    arguments=("images", "mask"),
    reads_files=_reads_files,
    build=_build,
    fetch=_fetch,
    expect=expectation_of("of_image"),
    sample=_sample,
    once=True,
    telemetry="generate_content",
)
"""Images."""
