"""The providers of `provider/model` and `provider:model` strings, and the backends that they are here."""

from __future__ import annotations

from attrs import field, frozen


@frozen
class Provider:
    """One provider as other tools name it.

    Attributes:
        backend: The backend here.
        sdk: Its sdk, where no plugin ships the backend.
        endpoint: Its address, likewise.
        variable: The variable of its key; empty where it needs none.
    """

    backend: str
    variable: str = ""
    sdk: str | None = field(default=None, kw_only=True)
    endpoint: str | None = field(default=None, kw_only=True)


def _compatible(name: str, endpoint: str) -> Provider:
    """A provider that speaks OpenAI's chat protocol at an address of its own."""
    return Provider(name, f"{name.upper()}_API_KEY", sdk="openai", endpoint=endpoint)


PROVIDERS: dict[str, Provider] = {
    "anthropic": Provider("anthropic", "ANTHROPIC_API_KEY"),
    "azure": Provider("azure_openai", "AZURE_API_KEY"),
    "azure_openai": Provider("azure_openai", "AZURE_API_KEY"),
    "azure_text": Provider("azure_openai", "AZURE_API_KEY"),
    "bedrock": Provider("bedrock"),
    "bedrock_converse": Provider("bedrock"),
    "deepseek": Provider("deepseek", "DEEPSEEK_API_KEY"),
    "fal_ai": Provider("fal", "FAL_API_KEY"),
    "gemini": Provider("google", "GOOGLE_API_KEY"),
    "google": Provider("google", "GOOGLE_API_KEY"),
    "google_genai": Provider("google", "GOOGLE_API_KEY"),
    "google_vertexai": Provider("vertexai"),
    "groq": Provider("groq", "GROQ_API_KEY"),
    "mistral": Provider("mistral", "MISTRAL_API_KEY"),
    "mistralai": Provider("mistral", "MISTRAL_API_KEY"),
    "ollama": Provider("ollama"),
    "ollama_chat": Provider("ollama"),
    "openai": Provider("openai", "OPENAI_API_KEY"),
    "openrouter": Provider("openrouter", "OPENROUTER_API_KEY"),
    "perplexity": Provider("perplexity", "PERPLEXITY_API_KEY"),
    "text-completion-openai": Provider("openai", "OPENAI_API_KEY"),
    "vertex_ai": Provider("vertexai"),
    "vertex_ai_beta": Provider("vertexai"),
    "xai": Provider("xai", "XAI_API_KEY"),
    "cerebras": _compatible("cerebras", "https://api.cerebras.ai/v1"),
    "deepinfra": _compatible("deepinfra", "https://api.deepinfra.com/v1/openai"),
    "fireworks": _compatible("fireworks_ai", "https://api.fireworks.ai/inference/v1"),
    "fireworks_ai": _compatible("fireworks_ai", "https://api.fireworks.ai/inference/v1"),
    "moonshot": _compatible("moonshot", "https://api.moonshot.ai/v1"),
    "nvidia_nim": _compatible("nvidia_nim", "https://integrate.api.nvidia.com/v1"),
    "sambanova": _compatible("sambanova", "https://api.sambanova.ai/v1"),
    "together": _compatible("together_ai", "https://api.together.xyz/v1"),
    "together_ai": _compatible("together_ai", "https://api.together.xyz/v1"),
}
"""The names of LiteLLM (https://docs.litellm.ai/docs/providers) and of LangChain's `init_chat_model`
(https://python.langchain.com/docs/integrations/chat/)."""

SPEAK_OPENAI = frozenset(
    {"hosted_vllm", "vllm", "openai_like", "custom_openai", "litellm_proxy", "lm_studio", "llamafile", "xinference"}
)
"""Providers that are whatever server of OpenAI's protocol an address names."""
