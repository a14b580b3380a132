"""OpenAI's images: `POST /v1/images/generations`, `/edits` and `/variations`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_rules import forms
from pipelex_rules.media import decoded_size
from pipelex_rules.rule import rule
from pipelex_rules.shapes import ANY, BOOLEAN, OBJECT, TEXT, choice, data, either, integer, listing, obj, text
from pipelex_rules.sources import Source
from pipelex_rules.values import amount, sequence, size_of, string
from pipelex_rules.wire import Wire

if TYPE_CHECKING:
    from pipelex_rules.rule import Findings, Request

SPECIFICATION = Source("github:openai/openai-openapi openapi.json@f85dbe2", "2026-08-21")
SDK = Source("openai@3.57.0 types/image_generate_params.py", "2026-11-30")
EDITS = Source("openai@3.57.0 types/image_edit_params.py", "2026-11-30")
MEGABYTES = 50
MASK = 4_000_000

_COMMON = {
    "prompt": text(1),
    "background": choice("transparent opaque auto", source=SDK),
    "model": TEXT,
    "n": integer(1, 10),
    "output_compression": integer(0, 100),
    "output_format": choice("png webp jpeg gif svg", source=SDK),
    "partial_images": integer(0, 3),
    "quality": choice("low medium high xhigh max auto standard hd", source=SDK),
    "response_format": choice("url b64_json"),
    "safety_identifier": text(0, 128),
    "size": TEXT,
    "stream": BOOLEAN,
    "user": TEXT,
    "complexity": choice("low medium high"),
    "frame_count": integer(1),
    "frame_duration_ms": integer(1),
    "svg": OBJECT,
    "moderation": choice("low auto"),
}
GENERATION = obj("prompt", closed=True, fields=_COMMON, style=choice("vivid natural"))
_FILE = either(data(1), OBJECT, listing(either(data(1), OBJECT), at_least=1, at_most=16), source=EDITS)
EDIT = obj(
    "prompt",
    closed=True,
    fields=_COMMON,
    image=_FILE,
    images=listing(ANY, at_least=1, at_most=16),
    mask=either(data(1), OBJECT),
    input_fidelity=choice("high low"),
)
VARIATION = obj(
    "image",
    closed=True,
    image=data(1),
    model=TEXT,
    n=integer(1, 10),
    response_format=choice("url b64_json"),
    size=choice("256x256 512x512 1024x1024"),
    user=TEXT,
)

_SIZES = {
    "dall-e-2": ("256x256", "512x512", "1024x1024"),
    "dall-e-3": ("1024x1024", "1792x1024", "1024x1792"),
    "gpt-image-1": ("auto", "1024x1024", "1536x1024", "1024x1536"),
}
_QUALITIES = {
    "dall-e-2": ("standard", "auto"),
    "dall-e-3": ("standard", "hd", "auto"),
    "gpt-image": ("low", "medium", "high", "xhigh", "max", "auto"),
}
_PROMPTS = {"dall-e-2": 1_000, "dall-e-3": 4_000, "gpt-image": 32_000, "chatgpt-image": 32_000}
_GPT_ONLY = (
    "background",
    "moderation",
    "output_compression",
    "output_format",
    "partial_images",
    "stream",
    "complexity",
    "frame_count",
    "frame_duration_ms",
    "svg",
    "input_fidelity",
)


def _family(model: str) -> str:
    """Name the family of an image model; without a model OpenAI takes dall-e-2's parameters."""
    return next(
        (name for name in ("dall-e-2", "dall-e-3", "gpt-image", "chatgpt-image") if model.startswith(name)),
        "" if model else "dall-e-2",
    )


def _is_gpt(model: str) -> bool:
    return _family(model) in {"gpt-image", "chatgpt-image"}


@rule(SDK, status=404, code="model_not_found", since="2026-05-12")
def retired_models(request: Request) -> Findings:
    """dall-e-2 and dall-e-3 were retired on 2026-05-12."""
    if request.model.startswith("dall-e"):
        yield "model", f"the model '{request.model[:60]}' does not exist"


@rule(SDK, status=404, code="model_not_found", since="2026-10-23")
def retired_gpt_image_1(request: Request) -> Findings:
    """gpt-image-1 was shut down on 2026-10-23."""
    if request.model == "gpt-image-1":
        yield "model", "the model 'gpt-image-1' does not exist"


@rule(SDK, code="string_above_max_length")
def prompt_length(request: Request) -> Findings:
    """A prompt has at most 32,000 characters for GPT image models, 1,000 for dall-e-2, 4,000 for dall-e-3."""
    most = _PROMPTS.get(_family(request.model)) if request.model else 32_000
    length = len(string(request.get("prompt")))
    if most is not None and length > most:
        yield (
            "prompt",
            f"string too long. Expected a string with maximum length {most}, but got a string with length {length} instead",
        )


@rule(Source("recorded traffic openai-images-34b9075a", "2026-03-31"), code="unknown_parameter")
def parameters_of_the_model(request: Request) -> Findings:
    """A parameter that the model does not know is refused."""
    gpt = _is_gpt(request.model)
    if _family(request.model) in {"dall-e-2", "dall-e-3"}:
        for name in _GPT_ONLY:
            if request.has(name):
                yield name, f"Unknown parameter: '{name}'"
    if (
        _family(request.model) == "dall-e-2"
        and request.has("quality")
        and request.get("quality") not in _QUALITIES["dall-e-2"]
    ):
        yield "quality", "Unknown parameter: 'quality'"
    if request.has("style") and request.model != "dall-e-3":
        yield "style", "Unknown parameter: 'style'"
    if gpt and request.has("response_format"):
        yield "response_format", "Unknown parameter: 'response_format'"


@rule(SDK, code="invalid_value")
def qualities(request: Request) -> Findings:
    """The qualities depend on the model."""
    allowed = _QUALITIES.get(_family(request.model))
    if (
        allowed is not None
        and _family(request.model) != "dall-e-2"
        and isinstance(request.get("quality"), str)
        and request.get("quality") not in allowed
    ):
        yield "quality", f"Invalid value: '{request.get('quality')[:40]}'. Supported values are: {', '.join(allowed)}"


@rule(SDK, code="invalid_value")
def sizes(request: Request) -> Findings:
    """The sizes depend on the model; newer GPT image models take any WIDTHxHEIGHT."""
    size = request.get("size")
    if not isinstance(size, str):
        return
    model = request.model or "dall-e-2"
    allowed = next(
        (
            sizes
            for name, sizes in _SIZES.items()
            if model == name or (name == "gpt-image-1" and model.startswith("gpt-image-1"))
        ),
        None,
    )
    width, separator, height = size.partition("x")
    well_formed = size == "auto" or (separator and width.isdecimal() and height.isdecimal())
    if (allowed is not None and size not in allowed) or not well_formed:
        yield (
            "size",
            f"Invalid value: '{size[:40]}'. Supported values are: {', '.join(allowed or ('auto', 'WIDTHxHEIGHT'))}",
        )


@rule(SDK, code="invalid_value")
def transparency_needs_alpha(request: Request) -> Findings:
    """A transparent background needs PNG, WebP, GIF or SVG."""
    if request.get("background") == "transparent" and request.get("output_format") == "jpeg":
        yield "background", "transparent background is not supported with output_format 'jpeg'"


@rule(SDK, code="invalid_value")
def compression_of_lossy_formats(request: Request) -> Findings:
    """output_compression other than 100 needs WebP or JPEG."""
    wanted = amount(request.get("output_compression"))
    if wanted is not None and wanted != 100 and request.get("output_format") in (None, "png"):
        yield "output_compression", "compression less than 100 is not supported for PNG output format"


@rule(SDK)
def partial_images_are_streamed(request: Request) -> Findings:
    """partial_images needs stream true."""
    if (amount(request.get("partial_images")) or 0) > 0 and request.get("stream") is False:
        yield "partial_images", "partial_images is only supported with stream"


@rule(SDK)
def one_image_of_dall_e_3(request: Request) -> Findings:
    """dall-e-3 makes one image a request."""
    if request.model == "dall-e-3" and (amount(request.get("n")) or 1) > 1:
        yield "n", "you must provide n=1 for this model"


@rule(EDITS)
def edited_image_bytes(request: Request) -> Findings:
    """Images to edit have less than 50 MB each."""
    image = request.get("image")
    for number, item in enumerate(sequence(image) or [image]):
        if decoded_size(item) >= MEGABYTES * 1024 * 1024:
            yield (
                f"image[{number}]" if isinstance(image, list) else "image",
                f"the image has {size_of(item)} bytes, it must have less than {MEGABYTES} MB",
            )


@rule(EDITS)
def mask_bytes(request: Request) -> Findings:
    """A mask has less than 4 MB."""
    if decoded_size(request.get("mask")) >= MASK:
        yield "mask", "the mask must have less than 4 MB"


@rule(EDITS, code="missing_required_parameter")
def image_to_edit(request: Request) -> Findings:
    """An edit has an image."""
    if not request.has("image") and not request.has("images"):
        yield "image", "required field 'image' is missing"


GENERATION_RULES = (
    retired_models,
    retired_gpt_image_1,
    prompt_length,
    parameters_of_the_model,
    qualities,
    sizes,
    transparency_needs_alpha,
    compression_of_lossy_formats,
    partial_images_are_streamed,
    one_image_of_dall_e_3,
)
IMAGES = Wire(
    provider="openai", api="images", shape=GENERATION, rules=GENERATION_RULES, form=forms.openai, source=SPECIFICATION
)
IMAGE_EDITS = Wire(
    provider="openai",
    api="images/edits",
    shape=EDIT,
    form=forms.openai,
    source=EDITS,
    rules=(*GENERATION_RULES, edited_image_bytes, mask_bytes, image_to_edit),
)
IMAGE_VARIATIONS = Wire(
    provider="openai",
    api="images/variations",
    shape=VARIATION,
    form=forms.openai,
    source=SPECIFICATION,
    rules=(retired_models, edited_image_bytes),
)
