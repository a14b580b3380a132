"""The plugins that belong to this project: which distribution brings what."""

from __future__ import annotations

FIRST_PARTY: dict[str, str] = {
    "anthropic": "pipelex-backend-anthropic",
    "azure_openai": "pipelex-backend-openai",
    "azure_openai_responses": "pipelex-backend-openai",
    "bedrock": "pipelex-backend-bedrock",
    "bedrock_aioboto3": "pipelex-backend-bedrock",
    "bedrock_anthropic": "pipelex-backend-bedrock",
    "bedrock_boto3": "pipelex-backend-bedrock",
    "fal": "pipelex-backend-fal",
    "google": "pipelex-backend-google",
    "llamacpp": "pipelex-backend-llamacpp",
    "mistral": "pipelex-backend-mistral",
    "mock": "pipelex-backend-mock",
    "openai": "pipelex-backend-openai",
    "openai_alt_img_gen": "pipelex-backend-openai",
    "openai_img_gen": "pipelex-backend-openai",
    "openai_responses": "pipelex-backend-openai",
    "pypdfium2": "pipelex-backend-internal",
    "vertexai": "pipelex-backend-vertexai",
    "vertexai:openai": "pipelex-backend-vertexai",
}
"""The distribution that serves each sdk of the documentation: what to tell someone who has not installed it."""


BACKENDS: dict[str, str] = {
    "anthropic": "pipelex-backend-anthropic",
    "azure_openai": "pipelex-backend-openai",
    "bedrock": "pipelex-backend-bedrock",
    "blackboxai": "pipelex-backend-openai",
    "deepseek": "pipelex-backend-openai",
    "fal": "pipelex-backend-fal",
    "google": "pipelex-backend-google",
    "groq": "pipelex-backend-openai",
    "internal": "pipelex-backend-internal",
    "llamacpp": "pipelex-backend-llamacpp",
    "mistral": "pipelex-backend-mistral",
    "ollama": "pipelex-backend-openai",
    "openai": "pipelex-backend-openai",
    "openrouter": "pipelex-backend-openai",
    "perplexity": "pipelex-backend-openai",
    "pipelex_inference": "pipelex-backend-openai",
    "vertexai": "pipelex-backend-vertexai",
    "xai": "pipelex-backend-openai",
}
"""The distribution that ships the models of each backend of the documentation."""

MODELS: dict[str, str] = {
    "bedrock-": "bedrock",
    "claude-": "anthropic",
    "deepseek-": "deepseek",
    "fast-lightning-": "fal",
    "flux-": "fal",
    "gemini-": "google",
    "gpt-": "openai",
    "grok-": "xai",
    "mistral-": "mistral",
    "o3": "openai",
    "o4-": "openai",
    "pypdfium2-": "internal",
    "smollm2": "llamacpp",
    "sonar": "perplexity",
}
"""The backend that has the models whose names begin with one of these, its maker's own where several have them."""


def backend_of(model: str) -> str | None:
    """The backend of the documentation that has a model of this name, by the beginning of it, or None."""
    return next((backend for beginning, backend in MODELS.items() if model.startswith(beginning)), None)


def distribution_for(backend: str, sdk: str) -> str | None:
    """The first-party distribution that serves an sdk of a backend, or None."""
    return FIRST_PARTY.get(f"{backend}:{sdk}") or FIRST_PARTY.get(sdk)


LIMITS: dict[str, str] = dict.fromkeys(("redis", "rediss", "unix"), "pipelex-limits-redis")
"""The distribution that shares limits at the addresses of each scheme."""

COMMAND_LINE = "pipelex-cli"
"""The distribution that brings the command `pipelex`."""
