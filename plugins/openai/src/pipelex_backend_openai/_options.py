"""The keys of backends.toml and of model specs that this plugin reads."""

from __future__ import annotations

from pipelex_core.backend import Option

TRAIT_OPTIONS = (
    Option(
        name="usage_in_stream", default="true", type="bool", help="Whether streams are asked for their token counts."
    ),
    Option(
        name="max_tokens_parameter",
        default="max_tokens",
        choices=("max_tokens", "max_completion_tokens"),
        help="What the endpoint calls the limit of output tokens.",
    ),
    Option(
        name="structured_output",
        default="json_schema",
        choices=("json_schema", "tool", "json_mode"),
        help="How the endpoint is made to answer with an object.",
    ),
    Option(
        name="strict_schemas",
        default="false",
        type="bool",
        help="Whether schemas are sent as strict ones, where they can be.",
    ),
    Option(
        name="schema_dialect",
        default="openai",
        choices=("openai", "azure_openai", "groq", "xai", "deepseek"),
        help="Whose dialect of JSON Schema the endpoint takes.",
    ),
    Option(
        name="reasoning_parameter",
        default="reasoning_effort",
        choices=("reasoning_effort", "reasoning"),
        help="How the reasoning effort is sent: as OpenAI or as OpenRouter takes it.",
    ),
    Option(
        name="output_tokens",
        default="with_reasoning",
        choices=("with_reasoning", "without_reasoning", "from_total"),
        help="What the endpoint's count of output tokens holds.",
    ),
    Option(
        name="documents",
        default="file",
        choices=("file", "file_or_url", "file_url", "none"),
        help="How the endpoint takes a PDF.",
    ),
    Option(
        name="audio_formats",
        default="wav, mp3",
        type="list",
        help="The formats of sound that the endpoint takes in a prompt.",
    ),
    Option(
        name="returned_fields",
        default="reasoning_content, reasoning_details, extra_content",
        type="list",
        help="Fields of a message with tool calls to send back next turn.",
    ),
    Option(name="encrypted_reasoning", type="bool", help="Whether to ask for encrypted reasoning (Responses API)."),
    Option(
        name="reasoning_summary",
        choices=("auto", "concise", "detailed"),
        help="Which summary of its reasoning to ask for (Responses API).",
    ),
    Option(
        name="image_api",
        default="images",
        choices=("images", "chat"),
        help="Whether images come of images/generations, or of a chat that answers with a URL.",
    ),
    Option(
        name="image_edits",
        default="form",
        choices=("form", "json", "none"),
        help="How pictures to change are sent to images/edits: as OpenAI or as xAI takes them.",
    ),
    Option(
        name="image_parameters",
        default="size, quality, background, output_format, seed",
        type="list",
        help="Settings that images/generations takes.",
    ),
    Option(
        name="image_qualities",
        default="low_to_high",
        choices=("low_to_high", "standard_or_hd"),
        help="Its words for a quality: low, medium and high as they are, or standard for the first two and hd for high.",
    ),
    Option(
        name="image_sizes", default="fixed", choices=("fixed", "free"), help="Which sizes an aspect ratio may become."
    ),
    Option(
        name="image_response_format",
        choices=("b64_json", "url"),
        help="The response_format to ask of images/generations.",
    ),
    Option(
        name="think_tags",
        default="false",
        type="bool",
        help="Whether reasoning is part of the answer, in <think>…</think>.",
    ),
    Option(
        name="calls_need_reasoning",
        default="false",
        type="bool",
        help="Whether a message with tool calls must have reasoning_content, be it empty.",
    ),
    Option(
        name="effort_levels",
        type="list",
        help="Reasoning efforts that the model takes: another becomes the nearest. Empty to send each as it is.",
    ),
    Option(
        name="web_search",
        type="bool",
        default="false",
        help="Whether its Responses API searches the web itself, for hosted_tools; true at OpenAI and xAI. A chat model goes there for it.",
    ),
    Option(
        name="responses_for",
        type="list",
        help="What a chat model needs the Responses API for: of tools, effort.",
    ),
    Option(
        name="embedding_format",
        default="base64",
        choices=("base64", "float"),
        help="The encoding_format to ask of embeddings; whichever comes is read.",
    ),
    Option(
        name="dimensions_parameter",
        default="dimensions",
        choices=("dimensions", "output_dimension"),
        help="What the endpoint calls the dimensions of vectors.",
    ),
    Option(
        name="purpose_parameter",
        choices=("input_type", "task"),
        help="How the endpoint learns what vectors are for: as Voyage or as Jina takes it.",
    ),
    Option(name="query_prefix", help="What precedes a text to search with, such as `query: ` for E5 models."),
    Option(name="document_prefix", help="What precedes a text to be found, such as `passage: ` for E5 models."),
    Option(name="batches", default="false", type="bool", help="Whether the endpoint has a batch API."),
    Option(name="batch_form", default="openai", choices=("openai", "xai"), help="Whose batch API it has."),
    Option(name="fetches_urls", default="true", type="bool", help="Whether the endpoint downloads images itself."),
    Option(name="max_audio_bytes", type="int", help="Most bytes of a recording to transcribe."),
    Option(
        name="sound_api",
        default="openai",
        choices=("openai", "xai"),
        help="Whose addresses and forms transcription and speech have: audio/transcriptions and audio/speech, or stt and tts.",
    ),
    Option(
        name="voices",
        type="list",
        help="The voices there are: the first speaks where none is named, and in a model's spec another is refused.",
    ),
    Option(
        name="speech_events",
        default="false",
        type="bool",
        help="Whether speech comes in events, of which the last tells what was used.",
    ),
    Option(name="rerank_path", default="/rerank", help="Where documents are ranked."),
    Option(
        name="rerank_form",
        default="cohere",
        choices=("cohere", "jina", "voyage", "tei"),
        help="Whose form of a request to rank documents the endpoint takes.",
    ),
)
"""One option a trait; see `_traits.Traits`."""

MODEL_OPTIONS = (
    *TRAIT_OPTIONS,
    Option(name="formats", type="list", help="The encodings that a model's speech may have; empty for all."),
    Option(name="max_characters", type="int", help="Most characters of a text that a model speaks."),
)
"""What a model's spec may hold besides."""

ENDPOINT_OPTIONS = (
    *TRAIT_OPTIONS,
    Option(name="organization", help="OpenAI organization to bill."),
    Option(name="project", help="OpenAI project to bill."),
    Option(name="headers", type="strings", help="Further headers of every request."),
    Option(name="query", type="table", help="Further query parameters of every request."),
)

AZURE_OPTIONS = (
    *ENDPOINT_OPTIONS,
    Option(name="api_version", help="API version, such as 2024-10-21; none or v1 for the v1 API."),
    Option(name="azure_ad_token", type="secret", help="Microsoft Entra token, in place of a key.", replaces="api_key"),
)
