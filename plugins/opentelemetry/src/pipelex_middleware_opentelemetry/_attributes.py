"""What a request and its answer are in attributes: the conventions' names, and ours below `pipelex.`.

The conventions: https://github.com/open-telemetry/semantic-conventions/blob/v1.41.1/docs/gen-ai/gen-ai-spans.md
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pipelex_core.requests import ExtractRequest, ImageRequest, ObjectRequest, TextRequest
from pipelex_core.results import EmbeddingAnswer

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelex_core.calls import Call
    from pipelex_core.results import Cost, Usage
    from pipelex_core.specs import ModelSpec

Attributes = dict[str, Any]

_PROVIDER_OF_BACKEND = {
    "anthropic": "anthropic",
    "azure_openai": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "cohere": "cohere",
    "deepseek": "deepseek",
    "google": "gcp.gemini",
    "groq": "groq",
    "mistral": "mistral_ai",
    "openai": "openai",
    "perplexity": "perplexity",
    "vertexai": "gcp.vertex_ai",
    "watsonx": "ibm.watsonx.ai",
    "xai": "x_ai",
}
_PROVIDER_OF_SDK = {
    "anthropic": "anthropic",
    "azure_openai": "azure.ai.openai",
    "azure_openai_responses": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "bedrock_aioboto3": "aws.bedrock",
    "bedrock_anthropic": "aws.bedrock",
    "bedrock_boto3": "aws.bedrock",
    "google": "gcp.gemini",
    "mistral": "mistral_ai",
    "vertexai": "gcp.vertex_ai",
}
"""SDKs that speak to one provider; those of OpenAI speak to anyone's models."""

IN_PROCESS = frozenset({"llamacpp", "pypdfium2"})
"""SDKs whose models run in this process."""

_PORTS = {"http": 80, "https": 443}


def provider_name(spec: ModelSpec) -> str:
    """The provider as the conventions call it; the backend's own name where they do not know it."""
    return _PROVIDER_OF_BACKEND.get(spec.backend) or _PROVIDER_OF_SDK.get(spec.sdk) or spec.backend


def operation_name(call: Call, provider: str) -> str:
    """What is done, as the conventions call it; what they have no word for has the name of its capability."""
    name = (call.kind.telemetry if call.kind else "") or call.capability
    return "generate_content" if name == "chat" and provider.startswith("gcp.") else name


def common_attributes(call: Call) -> Attributes:
    """What spans and metrics share: the operation, the model, and where it is."""
    spec = call.request.spec
    provider = provider_name(spec)
    attributes: Attributes = {
        "gen_ai.operation.name": operation_name(call, provider),
        "gen_ai.provider.name": provider,
        "gen_ai.request.model": spec.model_id,
    }
    if call.endpoint:
        split = urlsplit(call.endpoint)
        if split.hostname:
            attributes["server.address"] = split.hostname
            attributes["server.port"] = _port(split.port, split.scheme)
    return attributes


_OUTPUTS = {"transcribe": "text", "speak": "speech", "rerank": "json", "moderate": "json"}
"""Capability -> what its answers are, in the words of `gen_ai.output.type`."""


def request_attributes(call: Call) -> Attributes:
    """What else a request says."""
    request, spec = call.request, call.request.spec
    attributes: Attributes = {
        "pipelex.handle": call.handle,
        "pipelex.model": spec.name,
        "pipelex.backend": spec.backend,
        "pipelex.attempt": call.attempt,
    }
    if call.operation in {"stream_text", "stream_object", "stream_speech"}:
        attributes["gen_ai.request.stream"] = True
    if isinstance(request, TextRequest):
        attributes["gen_ai.output.type"] = "json" if isinstance(request, ObjectRequest) else "text"
        attributes |= {
            "gen_ai.request.choice.count": None if request.n == 1 else request.n,
            "gen_ai.request.max_tokens": request.max_tokens,
            "gen_ai.request.seed": request.seed,
            "gen_ai.request.stop_sequences": request.stop or None,
            "gen_ai.request.temperature": _double(request.temperature),
            "gen_ai.request.top_p": _double(request.top_p),
        }
    elif isinstance(request, ImageRequest):
        attributes["gen_ai.output.type"] = "image"
        attributes["gen_ai.request.seed"] = request.seed
        attributes["gen_ai.request.choice.count"] = None if request.number == 1 else request.number
    elif isinstance(request, ExtractRequest):
        attributes["gen_ai.output.type"] = "text"
    elif call.capability in _OUTPUTS:
        attributes["gen_ai.output.type"] = _OUTPUTS[call.capability]
    return {name: value for name, value in attributes.items() if value is not None}


def answer_attributes(answer: Any, redact: Callable[[str], str]) -> Attributes:
    """What an answer says; what the provider wrote is redacted."""
    attributes = usage_attributes(answer.usage)
    if isinstance(answer, EmbeddingAnswer):  # the conventions' span of embeddings has no output tokens
        attributes.pop("gen_ai.usage.output_tokens", None)
        attributes["gen_ai.embeddings.dimension.count"] = answer.vectors.dimensions
    finish_reason = getattr(answer, "finish_reason", None)
    if finish_reason is not None:
        attributes["gen_ai.response.finish_reasons"] = (finish_reason,)
    for name, places in (("id", ("id", "response_id")), ("model", ("model", "model_version"))):
        found = _found(answer.raw, places)
        if found is not None:
            attributes[f"gen_ai.response.{name}"] = redact(found)
    return attributes


def usage_attributes(usage: Usage | None) -> Attributes:
    """Tokens; the totals include the parts, as the conventions want them."""
    if usage is None:
        return {}
    counts = {
        "gen_ai.usage.input_tokens": usage.input_tokens,
        "gen_ai.usage.output_tokens": usage.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": usage.cached_tokens,
        "gen_ai.usage.cache_creation.input_tokens": usage.cache_write_tokens,
        "gen_ai.usage.reasoning.output_tokens": usage.reasoning_tokens,
        "pipelex.usage.images": usage.images,
        "pipelex.usage.pages": usage.pages,
        "pipelex.usage.seconds": usage.seconds,
        "pipelex.usage.characters": usage.characters,
    }
    return {name: count for name, count in counts.items() if count is not None}


def cost_attributes(cost: Cost | None) -> Attributes:
    """Money; nothing where it is unknown."""
    if cost is None:
        return {}
    return {"pipelex.cost.amount": float(cost.amount), "pipelex.cost.currency": cost.currency}


def error_attributes(error: BaseException) -> Attributes:
    """Which error it was: never its text, which may repeat what was asked, or a key."""
    attributes: Attributes = {"error.type": type(error).__name__}
    status = getattr(error, "status", None)
    if isinstance(status, int):
        attributes["http.response.status_code"] = status
    return attributes


def _double(value: float | None) -> float | None:
    return None if value is None else float(value)


def _port(port: int | None, scheme: str) -> int:
    return port if port is not None else _PORTS.get(scheme, 443)


def _found(raw: Any, places: tuple[str, ...]) -> str | None:
    """The first text that an SDK's answer has in one of these places."""
    for place in places:
        value = raw.get(place) if isinstance(raw, dict) else getattr(raw, place, None)
        if isinstance(value, str) and value:
            return value
    return None
