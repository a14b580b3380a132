"""The plugins that belong to this project."""

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
    "vertexai": "pipelex-backend-google",
    "vertexai:openai": "pipelex-backend-google",
}
"""The distribution that serves each sdk of the documentation: what to tell someone who has not installed it."""


def distribution_for(backend: str, sdk: str) -> str | None:
    """The first-party distribution that serves an sdk of a backend, or None."""
    return FIRST_PARTY.get(f"{backend}:{sdk}") or FIRST_PARTY.get(sdk)


LIMITS: dict[str, str] = dict.fromkeys(("redis", "rediss", "unix"), "pipelex-limits-redis")
"""The distribution that shares limits at the addresses of each scheme."""

COMMAND_LINE = "pipelex-cli"
"""The distribution that brings the command `pipelex`."""
