"""How endpoints that speak OpenAI's API differ, as declared traits: one class, one table, no name checks elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from attrs import evolve, fields, frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

SchemaDialect: TypeAlias = Literal["openai", "azure_openai", "groq", "xai", "deepseek"]


@frozen(kw_only=True)
class Traits:
    """What an endpoint does differently. The defaults suit an unknown compatible server.

    Every field is an option of backends.toml and of a model spec under the same name; the model's wins.

    Attributes:
        usage_in_stream: Takes `stream_options.include_usage`.
        max_tokens_parameter: What it calls the limit of output tokens.
        structured_output: How it is made to answer with an object.
        strict_schemas: Honours `strict` schemas; what its strict mode cannot express is sent as a schema that is not.
        schema_dialect: Whose dialect of JSON Schema it takes; see `_dialects`.
        reasoning_parameter: How the reasoning effort is sent: OpenAI's `reasoning_effort`, or OpenRouter's object
            `reasoning`, which also takes a budget in tokens.
        output_tokens: What its count of output tokens holds: reasoning included, reasoning excluded, or a count to
            leave alone and take from the total.
        documents: How a PDF is sent: in a `file` part, in one that takes a URL too, in a `file_url` part, or not at all.
        audio_formats: The formats of sound that it takes in a prompt; empty for none.
        returned_fields: Fields of an assistant's message with tool calls that it wants back in the next turn.
        calls_need_reasoning: Whether an assistant's message with tool calls must have `reasoning_content`, be it empty.
        encrypted_reasoning: Whether the Responses API is asked for its reasoning in encrypted form, to give it back in
            the next turn; None to ask the models whose constraints say that they reason.
        reasoning_summary: Which summary of its reasoning the Responses API is asked for, or None.
        fetches_urls: Downloads images that are given as URLs.
        image_api: Whether images come of `images/generations`, or of a chat that answers with a URL.
        image_edits: How pictures to change are sent: in a form, as OpenAI takes them, in JSON, as xAI does, or not at all.
        image_parameters: The settings of an image request that `images/generations` takes: of `size`, `aspect_ratio`,
            `quality`, `background`, `output_format`, `is_moderated`, `seed`, `guidance_scale`, `nb_steps`,
            `safety_tolerance`.
        image_qualities: Which words it has for a quality: `low`, `medium` and `high`, or `standard` and `hd`, as DALL·E had.
        image_sizes: Which sizes an aspect ratio may become: the three of every GPT image model, or free ones.
        image_response_format: The `response_format` to ask for, or None to take the endpoint's own.
        think_tags: Whether the model writes its reasoning into the answer, in a leading `<think>…</think>`, of which the
            opening tag may be missing.
        effort_levels: The reasoning efforts that the model takes: any other becomes the nearest; empty to send each as it is.
        web_search: Whether its Responses API searches the web itself; a chat model goes there for it.
        responses_for: What a chat model needs the Responses API for: `tools`, `effort`.
        embedding_format: The `encoding_format` to ask for, or None to take the endpoint's own; either form is read.
        dimensions_parameter: What it calls the dimensions of vectors.
        purpose_parameter: How it learns what vectors are for: `input_type` (Voyage), `task` (Jina), or not at all.
        query_prefix: What precedes a text to search with, for models that were trained so.
        document_prefix: What precedes a text to be found.
        batches: Whether it has a batch API.
        batch_form: Whose: OpenAI's, or xAI's, which has no embeddings.
        max_audio_bytes: Most bytes of a recording; None where that is not known.
        sound_api: Whose addresses and forms its transcription and speech have: OpenAI's, or xAI's.
        voices: Its voices; the first is taken where none is named. A model's spec may have others.
        speech_events: Whether speech comes in events, of which the last tells what was used.
        rerank_path: Where documents are ranked.
        rerank_form: How they are: as Cohere, Jina, Voyage or text-embeddings-inference take it.
    """

    usage_in_stream: bool = True
    max_tokens_parameter: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    structured_output: Literal["json_schema", "tool", "json_mode"] = "json_schema"
    strict_schemas: bool = False
    schema_dialect: SchemaDialect = "openai"
    reasoning_parameter: Literal["reasoning_effort", "reasoning"] = "reasoning_effort"
    output_tokens: Literal["with_reasoning", "without_reasoning", "from_total"] = "with_reasoning"
    documents: Literal["file", "file_or_url", "file_url", "none"] = "file"
    audio_formats: tuple[str, ...] = ("wav", "mp3")
    returned_fields: tuple[str, ...] = ("reasoning_content", "reasoning_details", "extra_content")
    calls_need_reasoning: bool = False
    encrypted_reasoning: bool | None = None
    reasoning_summary: Literal["auto", "concise", "detailed"] | None = None
    fetches_urls: bool = True
    image_api: Literal["images", "chat"] = "images"
    image_edits: Literal["form", "json", "none"] = "form"
    image_parameters: tuple[str, ...] = ("size", "quality", "background", "output_format", "seed")
    image_qualities: Literal["low_to_high", "standard_or_hd"] = "low_to_high"
    image_sizes: Literal["fixed", "free"] = "fixed"
    image_response_format: Literal["b64_json", "url"] | None = None
    think_tags: bool = False
    effort_levels: tuple[str, ...] = ()
    web_search: bool = False
    responses_for: tuple[str, ...] = ()
    embedding_format: Literal["base64", "float"] | None = "base64"
    dimensions_parameter: Literal["dimensions", "output_dimension"] = "dimensions"
    purpose_parameter: Literal["input_type", "task"] | None = None
    query_prefix: str = ""
    document_prefix: str = ""
    batches: bool = False
    batch_form: Literal["openai", "xai"] = "openai"
    max_audio_bytes: int | None = None
    sound_api: Literal["openai", "xai"] = "openai"
    voices: tuple[str, ...] = ()
    speech_events: bool = False
    rerank_path: str = "/rerank"
    rerank_form: Literal["cohere", "jina", "voyage", "tei"] = "cohere"

    def overridden(self, options: Mapping[str, Any]) -> Traits:
        """These traits with what the options of a backend or a model say otherwise."""
        provided = {name: options[name] for name in TRAIT_NAMES if name in options}
        changes: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in provided.items()
        }
        return evolve(self, **changes) if changes else self


TRAIT_NAMES: tuple[str, ...] = tuple(attribute.name for attribute in fields(Traits))

_OPENAI = Traits(
    max_tokens_parameter="max_completion_tokens",
    strict_schemas=True,
    returned_fields=(),
    web_search=True,
    image_parameters=("size", "quality", "background", "output_format", "is_moderated"),
    batches=True,
    max_audio_bytes=25 * 1024 * 1024,  # https://platform.openai.com/docs/guides/speech-to-text
    voices=("alloy",),
)

TRAITS: dict[str, Traits] = {
    "openai": _OPENAI,
    "azure_openai": evolve(_OPENAI, schema_dialect="azure_openai", web_search=False),
    # A gateway that translates for several providers: https://docs.litellm.ai/docs/completion/input
    "pipelex_inference": Traits(strict_schemas=True),
    # https://docs.x.ai/docs/api-reference: `completion_tokens` leaves the reasoning out.
    "xai": Traits(
        audio_formats=(),
        max_tokens_parameter="max_completion_tokens",
        output_tokens="without_reasoning",
        documents="none",
        returned_fields=(),
        encrypted_reasoning=True,
        web_search=True,
        schema_dialect="xai",
        image_edits="json",
        image_parameters=("aspect_ratio", "quality"),
        batches=True,
        batch_form="xai",
        sound_api="xai",
        voices=("eve",),
        max_audio_bytes=500 * 1024 * 1024,
    ),
    # https://console.groq.com/docs/structured-outputs: json_schema on a few models only, tools on all.
    "groq": Traits(
        audio_formats=(),
        max_tokens_parameter="max_completion_tokens",
        structured_output="tool",
        schema_dialect="groq",
        documents="none",
        returned_fields=(),
        batches=True,
    ),
    # https://docs.ollama.com/api/openai-compatibility
    "ollama": Traits(audio_formats=(), documents="none", fetches_urls=False),
    # https://docs.perplexity.ai/guides/structured-outputs
    "perplexity": Traits(audio_formats=(), documents="file_url"),
    # https://openrouter.ai/docs/api-reference/parameters
    # https://openrouter.ai/docs/features/multimodal/audio
    "openrouter": Traits(
        strict_schemas=True,
        reasoning_parameter="reasoning",
        documents="file_or_url",
        audio_formats=("wav", "mp3", "aiff", "aac", "ogg", "flac", "m4a"),
    ),
    # https://api-docs.deepseek.com/guides/json_mode: no json_schema; a reasoner refuses a forced tool.
    # https://api-docs.deepseek.com/guides/thinking_mode#tool-calls: thoughts go back with the calls.
    "deepseek": Traits(
        structured_output="json_mode",
        schema_dialect="deepseek",
        documents="none",
        audio_formats=(),
        calls_need_reasoning=True,
    ),
    "blackboxai": Traits(audio_formats=(), documents="none", image_api="chat"),
}
"""What is known of endpoints, by the name of the backend."""


def traits_of(backend: str, options: Mapping[str, Any]) -> Traits:
    """The traits of a backend: what the table knows of its name, then what its options say."""
    return TRAITS.get(backend, Traits()).overridden(options)
