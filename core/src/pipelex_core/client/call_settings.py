"""The settings of a call, as type checkers see them; what they may be is in `settings.py`, and a test compares the two."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypedDict

if TYPE_CHECKING:
    from collections.abc import Sequence


class LLMSettings(TypedDict, total=False):
    """Settings of `generate_text`, `stream_text` and `generate_object`; they win over the preset's."""

    temperature: float | None
    max_tokens: int | Literal["auto"] | None
    prompting_target: str | None
    top_p: float | None
    seed: int | None
    stop: Sequence[str] | None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None
    reasoning_budget: int | None


class ExtractSettings(TypedDict, total=False):
    """Settings of `extract`; they win over the preset's."""

    max_nb_images: int | None
    image_min_size: int | None


class ImgGenSettings(TypedDict, total=False):
    """Settings of `generate_image`; they win over the preset's."""

    quality: Literal["low", "medium", "high"] | None
    nb_steps: int | None
    guidance_scale: float | None
    is_moderated: bool | None
    safety_tolerance: int | None
    width: int | None
    height: int | None
    aspect_ratio: str | None
    seed: int | None
    number: int | None
    background: Literal["transparent", "opaque", "auto"] | None
    output_format: Literal["png", "jpeg", "webp"] | None
