"""Which provider an SDK leads to, which API a path leads to, and the model that the path names."""

from __future__ import annotations

import re

from pipelex_rules.wires import PLACES, PROVIDER_ALIASES, speaks

_ENDINGS = (
    ("/chat/completions", "chat"),
    ("/responses", "responses"),
    ("/responses/input_tokens", "input_tokens"),
    ("/images/generations", "images"),
    ("/images/edits", "images/edits"),
    ("/images/variations", "images/variations"),
    ("/embeddings", "embeddings"),
    ("/moderations", "moderations"),
    ("/rerank", "rerank"),
    ("/audio/speech", "audio/speech"),
    ("/audio/transcriptions", "audio/transcriptions"),
    ("/tts", "tts"),
    ("/stt", "stt"),
    ("/messages", "messages"),
    ("/messages/count_tokens", "count_tokens"),
    ("/ocr", "ocr"),
    ("/converse", "converse"),
    ("/converse-stream", "converse"),
    ("/invoke", "invoke"),
    (":generateContent", "generateContent"),
    (":streamGenerateContent", "generateContent"),
    (":rawPredict", "rawPredict"),
    (":streamRawPredict", "rawPredict"),
    (":embedContent", "embedContent"),
    (":batchEmbedContents", "embeddings"),
    (":predict", "predict"),
    (":rank", "rank"),
    (":countTokens", "countTokens"),
    ("/batches", "batch"),
    ("/batch/jobs", "batch"),
    (":batchGenerateContent", "batch"),
    (":asyncBatchEmbedContent", "batchEmbeddings"),
    ("/model-invocation-job", "batch"),
    ("/files", "files"),
)
_DEPLOYMENT = re.compile(r"/deployments/([^/]+)/")
_BEDROCK = re.compile(r"/model/(.+)/(?:converse(?:-stream)?|invoke)$")
_GOOGLE = re.compile(r"/models/([^/:]+):\w+$")


_OF_SDK = ("anthropic", "bedrock", "fal", "google", "vertexai", "mistral")
_NOT_COMPATIBLE = frozenset({"anthropic", "bedrock", "fal", "google", "mistral", "azure_openai"})


def provider_of(sdk: str, backend: str) -> str | None:
    """Name the provider whose rules hold for an SDK at a backend; None for an SDK without a wire of its own.

    An SDK that many endpoints are compatible with has the rules of the backend's provider, where there are some, else
    those that every compatible endpoint has.

    Args:
        sdk: Such as `openai`, `openai_responses`, `azure_openai`, `anthropic`, `bedrock_aioboto3`, `vertexai`.
        backend: The name of the backend, such as `groq`.
    """
    if sdk.startswith("azure"):
        return "azure_openai"
    if (sdk, backend) == ("openai", "vertexai"):  # ids of an endpoint that is compatible, which Gemini's own API serves
        return "google"
    if sdk.startswith("openai"):
        return backend if backend in PLACES and backend not in _NOT_COMPATIBLE else "compatible"
    own = next((name for name in _OF_SDK if sdk == name or sdk.startswith(f"{name}_")), None)
    return PROVIDER_ALIASES.get(own, own) if own else None


def api_of(provider: str, path: str) -> tuple[str, str] | None:
    """Name the API and the model that the path of a POST leads to; None where no rules are known for it.

    Args:
        provider: As for `check`.
        path: The path of the address, percent-decoded, without the query.
    """
    if provider == "fal":
        return None if "/requests/" in path else ("queue", path.strip("/"))
    path = path.rstrip("/")
    found = max(
        (ending for ending in _ENDINGS if path.endswith(ending[0])), key=lambda ending: len(ending[0]), default=None
    )
    if found is None:
        return None
    named = next((match[1] for form in (_DEPLOYMENT, _BEDROCK, _GOOGLE) if (match := form.search(path))), "")
    api = found[1]
    if provider == "mistral" and api == "rawPredict":  # Vertex AI has one path for both, and the same bodies
        api = "ocr" if "ocr" in named else "chat"
    elif named == "count-tokens":
        api, named = "count_tokens", ""
    return (api, named) if speaks(provider, api) else None
