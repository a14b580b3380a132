"""The wires, one module each, imported when a provider is first asked for."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelex_rules.wire import Wire

PLACES: dict[str, dict[str, str]] = {
    "openai": {
        "chat": "openai_chat:CHAT",
        "responses": "openai_responses:RESPONSES",
        "input_tokens": "openai_responses:INPUT_TOKENS",
        "images": "openai_images:IMAGES",
        "images/edits": "openai_images:IMAGE_EDITS",
        "images/variations": "openai_images:IMAGE_VARIATIONS",
        "embeddings": "openai_others:EMBEDDINGS",
        "audio/speech": "openai_others:SPEECH",
        "audio/transcriptions": "openai_others:TRANSCRIPTION",
        "moderations": "judging:MODERATIONS",
        "batch": "openai_others:BATCH",
        "files": "openai_others:FILES",
    },
    "azure_openai": {
        "chat": "azure:CHAT",
        "foundry": "azure:FOUNDRY",
        "responses": "azure:RESPONSES",
        "images": "azure:IMAGES",
        "images/edits": "azure:IMAGE_EDITS",
        "embeddings": "azure:EMBEDDINGS",
        "audio/speech": "azure:SPEECH",
        "audio/transcriptions": "azure:TRANSCRIPTION",
        "batch": "azure:BATCH",
        "files": "azure:FILES",
    },
    "anthropic": {
        "messages": "anthropic_messages:MESSAGES",
        "count_tokens": "anthropic_messages:COUNT_TOKENS",
        "rawPredict": "anthropic_vertex:RAW_PREDICT",
        "batch": "anthropic_messages:BATCH",
        "files": "anthropic_messages:FILES",
    },
    "google": {
        "generateContent": "gemini:GENERATE",
        "embedContent": "gemini_embeddings:EMBED",
        "embeddings": "gemini_embeddings:BATCH_EMBED",
        "predict": "gemini_embeddings:PREDICT",
        "rank": "gemini_ranking:RANK",
        "countTokens": "gemini_ranking:COUNT",
        "files": "gemini_ranking:FILES",
        "batch": "gemini_batches:BATCH",
        "batchEmbeddings": "gemini_batches:BATCH_EMBEDDINGS",
    },
    "mistral": {
        "chat": "mistral_chat:CHAT",
        "ocr": "mistral_others:OCR",
        "embeddings": "mistral_others:EMBEDDINGS",
        "audio/speech": "mistral_sound:SPEECH",
        "audio/transcriptions": "mistral_sound:TRANSCRIPTION",
        "moderations": "judging:MISTRAL_MODERATIONS",
        "batch": "mistral_others:BATCH",
        "files": "mistral_others:FILES",
    },
    "bedrock": {
        "converse": "bedrock_converse:CONVERSE",
        "invoke": "bedrock_invoke:INVOKE",
        "batch": "bedrock_batches:BATCH",
    },
    "groq": {
        "chat": "groq:CHAT",
        "audio/transcriptions": "groq_others:TRANSCRIPTION",
        "audio/speech": "groq_others:SPEECH",
        "batch": "groq_others:BATCH",
    },
    "xai": {
        "chat": "xai:CHAT",
        "responses": "xai:RESPONSES",
        "images": "xai_images:IMAGES",
        "images/edits": "xai_images:IMAGE_EDITS",
        "stt": "xai_sound:TRANSCRIPTION",
        "tts": "xai_sound:SPEECH",
        "batch": "xai:BATCH",
    },
    "deepseek": {"chat": "deepseek:CHAT", "responses": "deepseek:RESPONSES"},
    "openrouter": {"chat": "openrouter:CHAT", "responses": "openrouter:RESPONSES"},
    "ollama": {"chat": "local_servers:OLLAMA_CHAT", "responses": "local_servers:OLLAMA_RESPONSES"},
    "vllm": {"chat": "local_servers:VLLM_CHAT"},
    "llamacpp": {"chat": "local_servers:LLAMACPP_CHAT"},
    "fal": {"queue": "fal:QUEUE"},
    "compatible": {"chat": "compatible:CHAT", "rerank": "judging:RERANK"},
}
"""Where each wire is: provider, API, module and name."""
PROVIDER_ALIASES = {
    "azure": "azure_openai",
    "gemini": "google",
    "vertexai": "google",
    "vertex": "google",
    "xAI": "xai",
    "blackboxai": "compatible",
    "perplexity": "compatible",
}
API_ALIASES = {
    "mistral chat": "chat",
    "fal queue": "queue",
    "audio": "audio/speech",
    "images/generations": "images",
    "batchEmbedContents": "embeddings",
    "converse-stream": "converse",
    "streamGenerateContent": "generateContent",
}


class UnknownWireError(LookupError):
    """No rules are known for a provider's API."""


def speaks(provider: str, api: str) -> bool:
    """Tell whether there are rules for a provider's API."""
    return API_ALIASES.get(api, api) in PLACES.get(PROVIDER_ALIASES.get(provider, provider), {})


@cache
def wire(provider: str, api: str) -> Wire:
    """Find the rules of a provider's API.

    Raises:
        UnknownWireError: There are none.
    """
    name, kind = PROVIDER_ALIASES.get(provider, provider), API_ALIASES.get(api, api)
    place = PLACES.get(name, {}).get(kind)
    if place is None:
        known = ", ".join(PLACES.get(name, PLACES))
        msg = f"no rules are known for {provider} {api}; known are: {known}"
        raise UnknownWireError(msg)
    module, _, attribute = place.partition(":")
    found: Wire = getattr(import_module(f"pipelex_rules.wires.{module}"), attribute)
    return found
