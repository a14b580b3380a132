"""The arguments of calls, as type checkers see them: groups, and what each method takes of them.

What settings may be is in the capabilities' records, and a test compares the two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypedDict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pipelex_core.media import MediaSource
    from pipelex_core.policies import FallbackOn
    from pipelex_core.prompts import ToolLike
    from pipelex_core.tools import RunnableTool, ToolSource
    from pipelex_core.vectors import PartialVectors

    RunTool = Callable[..., Any] | RunnableTool | ToolSource | str
    """What `run` runs."""


class CallTerms(TypedDict, total=False):
    """How long a call may take, and how hard to try."""

    deadline: float | None
    idle_timeout: float | None
    retries: int | None
    fallback_on: FallbackOn | None


class PromptInputs(TypedDict, total=False):
    """What goes with a prompt."""

    system: str | None
    images: Iterable[MediaSource]
    documents: Iterable[MediaSource]
    audio: Iterable[MediaSource]
    hosted_tools: Iterable[Literal["web_search"]]


class Tools(TypedDict, total=False):
    """The tools that a model may ask for."""

    tools: Iterable[ToolLike]
    tool_choice: str | None


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
    logprobs: int | None
    n: int | None
    cache: Literal["5m", "1h"] | None


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


class EmbedSettings(TypedDict, total=False):
    """Settings of `embed`; they win over the preset's."""

    purpose: Literal["query", "document"] | None
    dimensions: int | None


class TranscribeSettings(TypedDict, total=False):
    """Settings of `transcribe`; they win over the preset's."""

    language: str | None
    timestamps: Literal["segment", "word"] | None
    speakers: bool | None
    prompt: str | None


class SpeakSettings(TypedDict, total=False):
    """Settings of `speak` and `stream_speech`; they win over the preset's."""

    voice: str | None
    format: Literal["mp3", "opus", "aac", "flac", "wav", "pcm"] | None
    speed: float | None
    instructions: str | None


class RerankSettings(TypedDict, total=False):
    """Settings of `rerank`; they win over the preset's."""

    top_n: int | None


class TextArguments(PromptInputs, Tools, CallTerms, LLMSettings, total=False):
    """Arguments of `generate_text` and `stream_text`."""


class ObjectArguments(PromptInputs, Tools, CallTerms, LLMSettings, total=False):
    """Arguments of `generate_object` and `stream_object`."""


class RunArguments(PromptInputs, CallTerms, LLMSettings, total=False):
    """Arguments of `run`."""

    tool_choice: str | None


class ExtractArguments(CallTerms, ExtractSettings, total=False):
    """Arguments of `extract`."""


class ImageArguments(CallTerms, ImgGenSettings, total=False):
    """Arguments of `generate_image`."""

    images: Iterable[MediaSource]
    mask: MediaSource | None


class EmbedArguments(CallTerms, EmbedSettings, total=False):
    """Arguments of `embed`."""

    resume: PartialVectors | None


class TranscribeArguments(CallTerms, TranscribeSettings, total=False):
    """Arguments of `transcribe`."""


class SpeakArguments(CallTerms, SpeakSettings, total=False):
    """Arguments of `speak` and `stream_speech`."""


class RerankArguments(CallTerms, RerankSettings, total=False):
    """Arguments of `rerank`."""


class ModerateArguments(CallTerms, total=False):
    """Arguments of `moderate`."""
