"""The plugins that belong to this project: which distribution brings what."""

from __future__ import annotations

from functools import cache
from typing import Any

_SDKS = {
    "pipelex-backend-anthropic": "anthropic",
    "pipelex-backend-bedrock": "bedrock bedrock_aioboto3 bedrock_anthropic bedrock_boto3",
    "pipelex-backend-fal": "fal",
    "pipelex-backend-google": "google",
    "pipelex-backend-internal": "pypdfium2",
    "pipelex-backend-kokoro": "kokoro",
    "pipelex-backend-llamacpp": "llamacpp",
    "pipelex-backend-mistral": "mistral",
    "pipelex-backend-mock": "mock",
    "pipelex-backend-openai": (
        "azure_openai azure_openai_responses openai openai_alt_img_gen openai_img_gen openai_responses"
    ),
    "pipelex-backend-rapidocr": "rapidocr",
    "pipelex-backend-vertexai": "vertexai vertexai:anthropic vertexai:mistral vertexai:openai",
    "pipelex-backend-whisper": "whisper",
}
"""Distribution -> the sdks of the documentation that it serves."""

_BACKENDS = {
    "pipelex-backend-anthropic": "anthropic",
    "pipelex-backend-bedrock": "bedrock",
    "pipelex-backend-fal": "fal",
    "pipelex-backend-google": "google",
    "pipelex-backend-internal": "internal",
    "pipelex-backend-kokoro": "kokoro",
    "pipelex-backend-llamacpp": "llamacpp",
    "pipelex-backend-mistral": "mistral",
    "pipelex-backend-openai": (
        "azure_openai blackboxai deepseek groq ollama openai openrouter perplexity pipelex_inference xai"
    ),
    "pipelex-backend-rapidocr": "rapidocr",
    "pipelex-backend-vertexai": "vertexai",
    "pipelex-backend-whisper": "whisper",
}
"""Distribution -> the backends of the documentation whose models it ships."""


def _inverted(names: dict[str, str]) -> dict[str, str]:
    return {name: distribution for distribution, several in names.items() for name in several.split()}


FIRST_PARTY = _inverted(_SDKS)
"""The distribution that serves each sdk of the documentation: what to install where none serves it."""

BACKENDS = _inverted(_BACKENDS)
"""The distribution that ships the models of each backend of the documentation."""

MODELS: dict[str, str] = {
    "all-minilm-": "llamacpp",
    "bedrock-": "bedrock",
    "canopylabs/": "groq",
    "claude-": "anthropic",
    "cohere.": "bedrock",
    "deepseek-": "deepseek",
    "fast-lightning-": "fal",
    "flux": "fal",
    "gemini-": "google",
    "gpt-": "openai",
    "grok-": "xai",
    "kokoro-": "kokoro",
    "mistral-": "mistral",
    "o3": "openai",
    "o4-": "openai",
    "omni-moderation-": "openai",
    "pp-ocr": "rapidocr",
    "pypdfium2-": "internal",
    "smollm2": "llamacpp",
    "sonar": "perplexity",
    "text-embedding-": "openai",
    "voxtral-": "mistral",
    "whisper-1": "openai",
    "whisper-base": "whisper",
    "whisper-large-": "groq",
    "whisper-tiny": "whisper",
}
"""The backend that has the models whose names begin with one of these, its maker's own where several have them."""

LOCAL = {
    "llm": "smollm2",
    "extract": "pp-ocrv6-small",
    "embed": "all-minilm-l6-v2",
    "rerank": "all-minilm-l6-v2-similarity",
    "transcribe": "whisper-tiny.en",
    "speak": "kokoro-82m",
}
"""The model of each capability that needs no key."""


def backend_of(model: str) -> str | None:
    """The backend of the documentation that has a model of this name, by the beginning of it, or None."""
    return next((backend for beginning, backend in MODELS.items() if model.startswith(beginning)), None)


def install_for(model: str) -> str | None:
    """How to install the plugin of those who make a model: `pip install …`; None where it is installed, or nobody is known."""
    from importlib.metadata import PackageNotFoundError, version

    distribution = BACKENDS.get(backend_of(model) or "")
    if distribution is None:
        return None
    try:
        version(distribution)
    except PackageNotFoundError:
        return f"pip install {distribution}"
    return None


def distribution_for(backend: str, sdk: str) -> str | None:
    """The first-party distribution that serves an sdk of a backend, or None."""
    return FIRST_PARTY.get(f"{backend}:{sdk}") or FIRST_PARTY.get(sdk)


LIMITS: dict[str, str] = dict.fromkeys(("redis", "rediss", "unix"), "pipelex-limits-redis")
"""The distribution that shares limits at the addresses of each scheme."""

TOOLS: dict[str, str] = {"mcp": "pipelex-tools-mcp"}
"""The distribution that brings the tools at the addresses of each scheme."""

HTTP = "pipelex-http"
"""The distribution that brings the HTTP connection pool."""

DIALECTS = "pipelex-dialects"
"""The distribution that makes typed objects, and adapts schemas and conversations to providers."""

LIMITER = "pipelex-limits"
"""The distribution that keeps limits and budgets, and guesses what calls will use."""

OPERATIONS = "pipelex-operations"
"""The distribution that carries out embed, rerank, transcribe, speak and moderate."""

LOCK = "pipelex-lock"
"""The distribution that reads plugin locks."""

RUN = "pipelex-runs"
"""The distribution that brings `client.run`."""

COMMAND_LINE = "pipelex-cli"
"""The distribution that brings the command `pipelex`."""


@cache
def brought(group: str, distribution: str, lack: str) -> Any:
    """What a distribution of this project brings to core as the entry point of a group; found, and imported, once.

    It is looked up by name: to read the entry points of every installed distribution takes a hundred times as long.

    Raises:
        PluginError: It is not installed; the message is `lack`, and what to install.
    """
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import distribution as installed

    from pipelex_core.errors import PluginError

    try:
        (point,) = installed(distribution).entry_points.select(group=group)
    except PackageNotFoundError:
        raise PluginError(f"{lack}; run: pip install {distribution}") from None
    return point.load()
