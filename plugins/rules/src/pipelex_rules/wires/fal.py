"""fal's queue: what a model is given when a job is submitted. Each model has a schema of its own; this is what they share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_rules import forms
from pipelex_rules.rule import rule
from pipelex_rules.shapes import BOOLEAN, INTEGER, TEXT, choice, either, integer, listing, number, obj, text
from pipelex_rules.sources import Source
from pipelex_rules.values import string
from pipelex_rules.wire import Wire
from pipelex_rules.wires import fal_sound

if TYPE_CHECKING:
    from pipelex_rules.rule import Findings, Request

ERRORS = Source("https://fal.ai/docs/model-apis/errors", "2026-11-30")
FLUX = Source("https://fal.ai/models/fal-ai/flux/dev/api", "2026-08")
SIZES = "square_hd square portrait_4_3 portrait_16_9 landscape_4_3 landscape_16_9 auto auto_2K auto_4K"
_SIDE = integer(1, 14_142)
BODY = obj(
    prompt=text(),
    negative_prompt=TEXT,
    image_size=either(obj("width height", width=_SIDE, height=_SIDE), choice(SIZES)),
    num_images=integer(1),
    num_inference_steps=integer(1),
    guidance_scale=number(0),
    seed=INTEGER,
    sync_mode=BOOLEAN,
    enable_safety_checker=BOOLEAN,
    image_url=text(1),
    image_urls=listing(text(1)),
    strength=number(0, 1),
)


@rule(ERRORS)
def prompt_is_a_text(request: Request) -> Findings:
    """A prompt that is set is not null."""
    if isinstance(request.body, dict) and "prompt" in request.body and request.body["prompt"] is None:
        yield "prompt", "Input should be a valid string"


@rule(FLUX)
def bounds_of_flux(request: Request) -> Findings:
    """FLUX makes at most 4 images with at most 50 steps (12 for schnell) and a guidance of 1 to 20."""
    if "flux/" not in request.model:
        return
    steps = 12 if "schnell" in request.model else 50
    for name, low, high in (("num_images", 1, 4), ("num_inference_steps", 1, steps), ("guidance_scale", 1, 20)):
        value = request.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and not low <= value <= high:
            yield name, f"Input should be between {low} and {high}"
    if string(request.get("output_format")) not in ("", "jpeg", "png"):
        yield "output_format", "Input should be 'jpeg' or 'png'"
    if string(request.get("acceleration")) not in ("", "none", "regular", "high"):
        yield "acceleration", "Input should be 'none', 'regular' or 'high'"


@rule(FLUX)
def prompt_of_flux(request: Request) -> Findings:
    """FLUX needs a prompt."""
    if "flux/" in request.model and (not isinstance(request.body, dict) or "prompt" not in request.body):
        yield "prompt", "Field required"


QUEUE = Wire(
    provider="fal",
    api="queue",
    shape=BODY,
    rules=(prompt_is_a_text, bounds_of_flux, prompt_of_flux, *fal_sound.RULES),
    form=forms.fal,
    source=ERRORS,
)
