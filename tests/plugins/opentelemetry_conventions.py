"""What the conventions for generative AI say, v1.41.1 (commit ead83b9b): names, types, units and buckets.

A table made from docs/gen-ai/gen-ai-spans.md and docs/gen-ai/gen-ai-metrics.md of open-telemetry/semantic-conventions.
"""

from __future__ import annotations

SPAN: dict[str, type | tuple[type, type]] = {
    "gen_ai.operation.name": str,
    "gen_ai.provider.name": str,
    "gen_ai.conversation.id": str,
    "gen_ai.output.type": str,
    "gen_ai.request.choice.count": int,
    "gen_ai.request.frequency_penalty": float,
    "gen_ai.request.max_tokens": int,
    "gen_ai.request.model": str,
    "gen_ai.request.presence_penalty": float,
    "gen_ai.request.seed": int,
    "gen_ai.request.stop_sequences": (tuple, str),
    "gen_ai.embeddings.dimension.count": int,
    "gen_ai.request.stream": bool,
    "gen_ai.request.temperature": float,
    "gen_ai.request.top_k": float,
    "gen_ai.request.top_p": float,
    "gen_ai.response.finish_reasons": (tuple, str),
    "gen_ai.response.id": str,
    "gen_ai.response.model": str,
    "gen_ai.response.time_to_first_chunk": float,
    "gen_ai.usage.cache_creation.input_tokens": int,
    "gen_ai.usage.cache_read.input_tokens": int,
    "gen_ai.usage.input_tokens": int,
    "gen_ai.usage.output_tokens": int,
    "gen_ai.usage.reasoning.output_tokens": int,
    "gen_ai.input.messages": str,
    "gen_ai.output.messages": str,
    "gen_ai.system_instructions": str,
    "gen_ai.tool.definitions": str,
    "gen_ai.tool.name": str,
    "gen_ai.tool.call.id": str,
    "gen_ai.tool.type": str,
    "gen_ai.tool.description": str,
    "error.type": str,
    "http.response.status_code": int,
    "server.address": str,
    "server.port": int,
}
"""Attributes of a span and their types; those of content are JSON in a string, which the conventions allow on spans."""

OURS: dict[str, type | tuple[type, type]] = {
    "pipelex.attempt": int,
    "pipelex.attempts": int,
    "pipelex.backend": str,
    "pipelex.cache": str,
    "pipelex.cost.amount": float,
    "pipelex.cost.currency": str,
    "pipelex.handle": str,
    "pipelex.model": str,
    "pipelex.operation": str,
    "pipelex.outcome": str,
    "pipelex.usage.images": int,
    "pipelex.usage.pages": int,
}

REQUIRED = ("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model")
CONTENT = ("gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions", "gen_ai.tool.definitions")
OPERATIONS = ("chat", "generate_content", "text_completion", "embeddings", "retrieval")
PROVIDERS = (
    "anthropic",
    "aws.bedrock",
    "azure.ai.inference",
    "azure.ai.openai",
    "cohere",
    "deepseek",
    "gcp.gemini",
    "gcp.gen_ai",
    "gcp.vertex_ai",
    "groq",
    "ibm.watsonx.ai",
    "mistral_ai",
    "openai",
    "perplexity",
    "x_ai",
)

SECONDS = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92]
TOKENS = [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864]
METRICS: dict[str, tuple[str, list[float]]] = {
    "gen_ai.client.token.usage": ("{token}", [float(bound) for bound in TOKENS]),
    "gen_ai.client.operation.duration": ("s", SECONDS),
    "gen_ai.client.operation.time_to_first_chunk": ("s", SECONDS),
    "gen_ai.client.operation.time_per_output_chunk": ("s", SECONDS),
}
METRIC_ATTRIBUTES = {
    "gen_ai.operation.name",
    "gen_ai.provider.name",
    "gen_ai.request.model",
    "gen_ai.response.model",
    "server.address",
    "server.port",
}
"""Those of every metric; the duration has `error.type` besides, the tokens `gen_ai.token.type`."""


def breaches(attributes: dict[str, object]) -> list[str]:
    """What is named or typed otherwise than the tables say."""
    found = []
    for name, value in attributes.items():
        wanted = SPAN.get(name) or OURS.get(name)
        if wanted is None:
            found.append(f"{name} is unknown")
        elif isinstance(wanted, tuple):
            if not isinstance(value, wanted[0]) or not all(isinstance(item, wanted[1]) for item in value):  # type: ignore[attr-defined]  # a tuple
                found.append(f"{name} is {value!r}")
        elif type(value) is not wanted:
            found.append(f"{name} is {value!r}")
    return found
