"""Requests: what a plugin receives, already adapted to the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from attrs import frozen

from pipelex_core.parts import Media, Message, Tool
from pipelex_core.plain import Tagged
from pipelex_core.specs import ModelSpec


@frozen(kw_only=True, slots=False)
class TextRequest(Tagged):
    """One text generation, settings merged and constraints applied: a plugin sends what it finds here, as it is.

    Attributes:
        spec: The model; its `model_id` goes to the provider.
        messages: The conversation. System text is in `system`, never in here.
        system: System prompt, or None.
        temperature: In the provider's own range already, or None for the provider's default.
        max_tokens: Most output tokens, or None for the provider's default.
        top_p: Nucleus sampling, 0…1, or None.
        seed: For repeatable sampling, or None.
        stop: Strings that end the answer.
        reasoning_effort: `none`, `minimal`, `low`, `medium`, `high`, `xhigh` or `max`; None for the default.
        reasoning_budget: Most reasoning tokens, or None.
        cache: `5m` or `1h`: how long the provider is to keep the prompt, where it wants a mark for that; None for no mark.
        logprobs: How many of the likeliest tokens to tell of each place, with how likely they were; 0 for that of the chosen one
            alone. None for nothing of it. Only for backends whose class says `gives_logprobs`.
        n: How many answers to give; None for one. Only for backends whose class says `gives_several`.
        tools: Tools the model may ask for.
        tool_choice: `auto`, `none`, `required`, or a tool's name; None for the default.
        hosted_tools: Tools that the provider runs itself: `web_search`. Only those that the backend's class names.
        timeout: Seconds this attempt may take, or None. The execution layer cancels it then; pass it on only to an
            SDK that would otherwise stop earlier, or go on after a cancellation.
    """

    spec: ModelSpec
    messages: tuple[Message, ...]
    system: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    reasoning_effort: str | None = None
    reasoning_budget: int | None = None
    cache: Literal["5m", "1h"] | None = None
    logprobs: int | None = None
    n: int | None = None
    tools: tuple[Tool, ...] = ()
    tool_choice: str | None = None
    hosted_tools: tuple[str, ...] = ()
    timeout: float | None = None


@frozen(kw_only=True, slots=False)
class ObjectRequest(TextRequest):
    """A text generation whose answer is one JSON document.

    Attributes:
        schema: JSON schema (draft 2020-12) of the answer; always an object at the top.
        schema_name: Letters, digits, `_` and `-`, up to 64.
    """

    schema: Mapping[str, Any]
    schema_name: str = "answer"


@frozen(kw_only=True)
class ExtractRequest(Tagged):
    """Take the pages out of a document.

    Attributes:
        spec: The model.
        document: A PDF or an image.
        max_nb_images: Most images to cut out, 0 for none; None for all.
        image_min_size: Smallest side in pixels of an image to cut out; None for no limit.
        timeout: As in `TextRequest`.
    """

    spec: ModelSpec
    document: Media
    max_nb_images: int | None = None
    image_min_size: int | None = None
    timeout: float | None = None


@frozen(kw_only=True)
class ImageRequest(Tagged):
    """Make images, or change some.

    Attributes:
        spec: The model.
        prompt: What to show, or how to change the pictures.
        images: The pictures to change or to follow, in the order that the prompt speaks of them; empty to make new ones.
        mask: A PNG of the size of the first picture, whose transparent pixels alone may change; or None.
        number: How many images.
        quality: `low`, `medium` or `high`; excludes `nb_steps`.
        nb_steps: Diffusion steps; excludes `quality`.
        guidance_scale: How closely to follow the prompt, > 0.
        is_moderated: Whether the provider's safety checker is on.
        safety_tolerance: 1 (strict) … 6 (permissive).
        width: Pixels; with `height`.
        height: Pixels; with `width`.
        aspect_ratio: Such as `16:9`, where no size is given.
        seed: For repeatable images.
        background: `transparent`, `opaque` or `auto`.
        output_format: `png`, `jpeg` or `webp`.
        timeout: As in `TextRequest`.
    """

    spec: ModelSpec
    prompt: str
    images: tuple[Media, ...] = ()
    mask: Media | None = None
    number: int = 1
    quality: Literal["low", "medium", "high"] | None = None
    nb_steps: int | None = None
    guidance_scale: float | None = None
    is_moderated: bool | None = None
    safety_tolerance: int | None = None
    width: int | None = None
    height: int | None = None
    aspect_ratio: str | None = None
    seed: int | None = None
    background: str | None = None
    output_format: str | None = None
    timeout: float | None = None


@frozen(kw_only=True)
class EmbeddingRequest(Tagged):
    """Make a vector of each of some texts, no more of them than the model's spec allows in a request.

    Attributes:
        spec: The model.
        texts: One or more, none of them empty.
        purpose: What the vectors are for: to search with (`query`), or to be found (`document`); None where the caller does
            not say. A model that makes no difference ignores it.
        dimensions: Numbers in a vector; None for the model's default.
        timeout: As in `TextRequest`.
    """

    spec: ModelSpec
    texts: tuple[str, ...]
    purpose: Literal["query", "document"] | None = None
    dimensions: int | None = None
    timeout: float | None = None


Request: TypeAlias = TextRequest | ObjectRequest | ExtractRequest | ImageRequest | EmbeddingRequest
