"""What a request becomes in the words of fal's models."""

from __future__ import annotations

from base64 import b64decode
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from pipelex_backend_fal._arguments import arguments
from pipelex_core.errors import UnsupportedInputError
from pipelex_core.parts import Media
from pipelex_core.requests import ImageRequest
from pipelex_core.specs import ModelSpec, ModelType
from pipelex_testing.samples import png


def of(model_id: str, *, prompt: str = "A lighthouse", options: dict[str, Any] | None = None, **settings: Any) -> Any:
    """The arguments besides the prompt."""
    spec = ModelSpec(
        name=model_id,
        backend="fal",
        sdk="fal",
        model_id=f"fal-ai/{model_id}",
        model_type=ModelType.IMG_GEN,
        options=options or {},
    )
    sent = arguments(ImageRequest(spec=spec, prompt=prompt, **settings))
    assert sent.pop("prompt") == prompt
    return sent


EVERYTHING: dict[str, Any] = {
    "guidance_scale": 4.5,
    "nb_steps": 4,
    "safety_tolerance": 6,
    "is_moderated": True,
    "seed": 0,
    "output_format": "png",
    "aspect_ratio": "16:9",
}


def test_nothing_is_sent_but_what_is_asked_for() -> None:
    """A bare prompt goes alone: everything else is the model's default."""
    assert of("flux-pro/v1.1") == {}
    assert of("no-such-model") == {}


@pytest.mark.parametrize(
    "model_id, expected",
    [
        (
            "flux-pro",
            {
                "guidance_scale": 4.5,
                "num_inference_steps": 4,
                "safety_tolerance": "6",
                "enable_safety_checker": True,
                "seed": 0,
                "output_format": "png",
                "image_size": "landscape_16_9",
            },
        ),
        (
            "flux-pro/v1.1",
            {
                "safety_tolerance": "6",
                "enable_safety_checker": True,
                "seed": 0,
                "output_format": "png",
                "image_size": "landscape_16_9",
            },
        ),
        (
            "flux-pro/v1.1-ultra",
            {
                "safety_tolerance": "6",
                "enable_safety_checker": True,
                "seed": 0,
                "output_format": "png",
                "aspect_ratio": "16:9",
            },
        ),
        (
            "flux-pro/kontext/text-to-image",
            {
                "guidance_scale": 4.5,
                "safety_tolerance": "6",
                "seed": 0,
                "output_format": "png",
                "aspect_ratio": "16:9",
            },
        ),
        (
            "flux/dev",
            {
                "guidance_scale": 4.5,
                "num_inference_steps": 4,
                "enable_safety_checker": True,
                "seed": 0,
                "output_format": "png",
                "image_size": "landscape_16_9",
            },
        ),
        (
            "flux-2-pro",
            {
                "safety_tolerance": "5",
                "enable_safety_checker": True,
                "seed": 0,
                "output_format": "png",
                "image_size": "landscape_16_9",
            },
        ),
        (
            "fast-lightning-sdxl",
            {
                "num_inference_steps": "4",
                "enable_safety_checker": True,
                "seed": 0,
                "format": "png",
                "image_size": "landscape_16_9",
            },
        ),
        (
            "fast-sdxl",
            {
                "guidance_scale": 4.5,
                "num_inference_steps": 4,
                "enable_safety_checker": True,
                "seed": 0,
                "format": "png",
                "image_size": "landscape_16_9",
            },
        ),
        (
            "no-such-model",
            {
                "guidance_scale": 4.5,
                "num_inference_steps": 4,
                "safety_tolerance": "6",
                "enable_safety_checker": True,
                "seed": 0,
                "output_format": "png",
                "image_size": "landscape_16_9",
            },
        ),
    ],
)
def test_each_family_gets_the_arguments_it_has(model_id: str, expected: dict[str, Any]) -> None:
    """The same settings, in the words of each model's schema; what only tunes is left out where a model has it not."""
    assert of(model_id, **EVERYTHING) == expected


@pytest.mark.parametrize(
    "model_id, steps",
    [
        ("flux-pro", [14, 28, 50]),
        ("flux/schnell", [2, 4, 8]),
        ("fast-lightning-sdxl", ["2", "4", "8"]),
        ("fast-sdxl", [12, 25, 50]),
        ("qwen-image", [15, 30, 50]),
        ("z-image/turbo", [4, 8, 8]),
        ("flux-pro/v1.1-ultra", [None, None, None]),
        ("no-such-model", [None, None, None]),
    ],
)
def test_quality_is_a_number_of_steps(model_id: str, steps: list[Any]) -> None:
    """Each quality has the steps of the table in the README, and none where a model takes no steps."""
    sent = [of(model_id, quality=quality).get("num_inference_steps") for quality in ("low", "medium", "high")]
    assert sent == steps


@pytest.mark.parametrize(
    "ratio, size",
    [
        ("1:1", "square_hd"),
        ("4:3", "landscape_4_3"),
        ("3:4", "portrait_4_3"),
        ("9:16", "portrait_16_9"),
        ("32:18", "landscape_16_9"),
        ("3:2", {"width": 1248, "height": 832}),
        ("21:9", {"width": 1568, "height": 672}),
        ("1:100", {"width": 96, "height": 10240}),
    ],
)
def test_an_aspect_ratio_is_a_size(ratio: str, size: Any) -> None:
    """Fal's names where it has one for the shape, else about a megapixel."""
    assert of("flux/dev", aspect_ratio=ratio) == {"image_size": size}


def test_a_size_is_a_size_or_its_shape() -> None:
    """Width and height go as they are, or as the ratio they have where a model takes only that."""
    assert of("flux/dev", width=1000, height=600) == {"image_size": {"width": 1000, "height": 600}}
    assert of("flux-pro/v1.1-ultra", width=1920, height=1080) == {"aspect_ratio": "16:9"}
    assert of("flux-pro/kontext/text-to-image", width=2520, height=1080) == {"aspect_ratio": "21:9"}
    assert of("flux-pro/v1.1-ultra", aspect_ratio="5:4") == {"aspect_ratio": "5:4"}


def test_several_images_are_asked_for_by_number() -> None:
    """One image is the default and not sent."""
    assert of("flux/dev", number=4) == {"num_images": 4}
    assert of("fast-lightning-sdxl", number=8) == {"num_images": 8}
    assert of("no-such-model", number=30) == {"num_images": 30}


@pytest.mark.parametrize(
    "model_id, settings, message",
    [
        ("flux/dev", {"number": 5}, "4 images at once at most, not 5"),
        ("flux-2-pro", {"number": 2}, "1 images at once"),
        ("flux/dev", {"output_format": "webp"}, "makes jpeg or png, not webp"),
        ("flux/dev", {"background": "transparent"}, "transparent"),
        ("fast-lightning-sdxl", {"nb_steps": 5}, "1, 2, 4, 8, not 5"),
        ("flux-pro/kontext/text-to-image", {"aspect_ratio": "5:4"}, "not 5:4"),
        ("flux-pro/kontext/text-to-image", {"width": 1000, "height": 999}, "not 1000:999"),
        ("flux/dev", {"aspect_ratio": "wide"}, "'wide'"),
        ("flux/dev", {"aspect_ratio": "16:0"}, "'16:0'"),
        ("flux/dev", {"aspect_ratio": "16"}, "'16'"),
        ("flux/dev", {"prompt": " \n"}, "prompt is empty"),
    ],
)
def test_what_a_model_cannot_make_is_refused(model_id: str, settings: dict[str, Any], message: str) -> None:
    """A picture other than the one asked for is not an answer; the refusal comes before anything is paid."""
    with pytest.raises(UnsupportedInputError, match=message):
        of(model_id, **settings)


def test_a_specs_own_arguments_go_along_and_win() -> None:
    """What a spec writes under `arguments` is sent as it is."""
    sent = of("flux-pro/v1.1-ultra", seed=1, options={"arguments": {"raw": True, "seed": 2}})
    assert sent == {"seed": 2, "raw": True}


def test_an_opaque_background_is_what_every_image_has() -> None:
    """Only transparency is refused."""
    assert of("flux/dev", background="opaque") == of("flux/dev", background="auto") == {}


PICTURE = Media(data=png(), media_type="image/png")
MASK = Media(data=png(transparent=True), media_type="image/png")


@pytest.mark.parametrize(
    "model_id, options, images, name, sent",
    [
        ("flux-pro/kontext", {}, (PICTURE,), "image_url", PICTURE.as_url()),
        ("flux-2-pro/edit", {}, (PICTURE, PICTURE), "image_urls", [PICTURE.as_url()] * 2),
        (
            "flux-2/edit",
            {},
            (Media(url="https://a.example/b.png", media_type="image/png"),),
            "image_urls",
            ["https://a.example/b.png"],
        ),
        ("nano-banana-2/edit", {}, (PICTURE,), "image_urls", [PICTURE.as_url()]),
        ("some-editor", {"image_argument": "image_url"}, (PICTURE,), "image_url", PICTURE.as_url()),
    ],
)
def test_pictures_to_change_are_urls(model_id: str, options: Any, images: Any, name: str, sent: Any) -> None:
    """Under the name that the model has for one, or for several; bytes as data URLs."""
    assert of(model_id, options=options, images=images) == {name: sent}


def test_a_mask_has_fals_colours() -> None:
    """What may change is white at fal, and transparent here."""
    sent = of("flux-pro/v1/fill", images=(PICTURE,), mask=MASK)
    kind, _, data = sent["mask_url"].partition(",")
    with Image.open(BytesIO(b64decode(data))) as mask:
        assert (kind, mask.size, mask.getextrema()) == ("data:image/png;base64", (2, 2), (255, 255))
    assert sent["image_url"] == PICTURE.as_url()


@pytest.mark.parametrize(
    "model_id, fields, match",
    [
        ("flux/dev", {"images": (PICTURE,)}, "of a prompt alone"),
        ("flux-pro/kontext", {"images": (PICTURE, PICTURE)}, "takes one picture, not 2"),
        ("flux-2/edit", {"images": (PICTURE,), "mask": MASK}, "takes no mask"),
        (
            "flux-pro/v1/fill",
            {"images": (PICTURE,), "mask": Media(data=png(transparent=True)[:40], media_type="image/png")},
            "cannot be decoded",
        ),
    ],
)
def test_pictures_that_a_model_does_not_take_are_refused(model_id: str, fields: Any, match: str) -> None:
    """Before anything is paid."""
    with pytest.raises(UnsupportedInputError, match=match):
        of(model_id, **fields)
