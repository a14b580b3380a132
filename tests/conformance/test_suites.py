"""First-party plugins go through the kit that third-party authors inherit; `poe certify` keeps the certificates."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from pipelex_core.specs import BackendConfig, ModelType, Secret
from pipelex_testing import (
    AnthropicMessages,
    BedrockConverse,
    Capability,
    Conformance,
    FalQueue,
    Gemini,
    Mistral,
    OpenAIChat,
    OpenAIResponses,
)
from tests.servers.bedrock import clean_aws

__all__ = ["clean_aws"]

# By default one API of each kind: chat, messages, binary streams, a queue. `poe certify` runs all.

CHAT: frozenset[Capability] = frozenset(
    {"text", "stream", "object", "object stream", "tools", "image in", "PDF in", "thinking"}
)

SOUND: frozenset[Capability] = frozenset({"transcription", "speech", "speech stream"})


class TestOpenAI(Conformance):
    """Chat completions and images, at OpenAI."""

    sdk = "openai"
    wire = OpenAIChat("openai")
    claims: ClassVar = CHAT | SOUND | {"image out", "image edits", "embeddings", "audio in", "moderation"}
    model_ids: ClassVar = {
        ModelType.IMG_GEN: "gpt-image-1.5",
        ModelType.TRANSCRIBER: "whisper-1",
        ModelType.MODERATOR: "omni-moderation-latest",
    }
    listener_id = "gpt-audio"
    sdk_modules = ("openai",)


@pytest.mark.slow
class TestCompatible(TestOpenAI):
    """Chat completions at an endpoint that no table knows; it has a voice, which a request for speech must name."""

    backend = "my_gateway"
    claims: ClassVar = TestOpenAI.claims | {"rerank"}
    options: ClassVar = {"voices": ["alloy"]}


@pytest.mark.slow
class TestAzureOpenAI(TestOpenAI):
    """Chat completions of a deployment."""

    sdk = "azure_openai"
    backend = "azure_openai"
    claims: ClassVar = TestOpenAI.claims - {"moderation"}
    options: ClassVar = {"api_version": "2024-10-21"}


@pytest.mark.slow
class TestOpenAIResponses(Conformance):
    """The Responses API, at OpenAI."""

    sdk = "openai_responses"
    backend = "openai"
    wire = OpenAIResponses()
    claims: ClassVar = CHAT
    sdk_modules = ("openai",)


@pytest.mark.slow
class TestAzureResponses(TestOpenAIResponses):
    """The Responses API of a resource."""

    sdk = "azure_openai_responses"
    backend = "azure_openai"


class TestAnthropic(Conformance):
    """The Messages API."""

    sdk = "anthropic"
    wire = AnthropicMessages()
    claims: ClassVar = CHAT
    sdk_modules = ("anthropic",)


@pytest.mark.slow
class TestMistral(Conformance):
    """Chat, OCR, vectors, sound and moderation."""

    sdk = "mistral"
    wire = Mistral()
    claims: ClassVar = CHAT | SOUND | {"OCR", "embeddings", "audio in", "moderation"}
    formats = ("wav",)
    sdk_modules = ("mistralai",)


@pytest.mark.slow
class TestGoogle(Conformance):
    """AI Studio, with a key."""

    sdk = "google"
    wire = Gemini()
    claims: ClassVar = CHAT | SOUND | {"image out", "image edits", "embeddings", "audio in"}
    formats = ("pcm",)
    model_ids: ClassVar = {
        ModelType.LLM: "gemini-2.5-flash",
        ModelType.IMG_GEN: "gemini-2.5-flash-image",
        ModelType.TRANSCRIBER: "gemini-2.5-flash",
        ModelType.SPEAKER: "gemini-2.5-flash-preview-tts",
        ModelType.EMBEDDING: "text-embedding-005",
    }
    model_options: ClassVar = {"thinking": "budget"}
    sdk_modules = ("google.genai",)


@pytest.mark.slow
class TestVertex(TestGoogle):
    """Vertex AI, with a key of its express mode."""

    sdk = "vertexai"
    backend = "vertexai"
    variables: ClassVar = {"GCP_PROJECT_ID": "my-project", "GCP_LOCATION": "europe-west4"}


@pytest.mark.usefixtures("clean_aws")
class TestBedrock(Conformance):
    """A Claude on Bedrock, so that thinking is shown."""

    sdk = "bedrock"
    wire = BedrockConverse()
    claims: ClassVar = CHAT | {"image out", "embeddings", "rerank"}
    model_ids: ClassVar = {
        ModelType.EMBEDDING: "cohere.embed-v4:0",
        ModelType.RERANKER: "cohere.rerank-v3-5:0",
        ModelType.LLM: "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        ModelType.IMG_GEN: "stability.stable-image-core-v1:1",
    }
    model_options: ClassVar = {"reasoning": "budget"}
    options: ClassVar[dict[str, Any]] = {"aws_region": "us-east-1", "aws_access_key_id": "AKIDTEST"}
    sdk_modules = ("boto3", "botocore")

    def config(self, endpoint: str, key: str | None = None) -> BackendConfig:
        secret = Secret("conformance-key" if key is None else key)
        return BackendConfig(
            name="bedrock", endpoint=endpoint, options={**self.options, "aws_secret_access_key": secret}
        )


# Engines in this process: there is no server, and what needs one is absent.


class TestInternal(Conformance):
    """The text of PDFs."""

    sdk = "pypdfium2"
    backend = "internal"
    wire = None
    takes_key = False
    claims: ClassVar = frozenset({"OCR"})
    model_ids: ClassVar = {ModelType.TEXT_EXTRACTOR: "extract-text"}
    sdk_modules = ("pypdfium2",)


@pytest.mark.slow
class TestRapidOcr(Conformance):
    """Scans and PDFs."""

    sdk = "rapidocr"
    wire = None
    takes_key = False
    claims: ClassVar = frozenset({"OCR"})
    model_ids: ClassVar = {ModelType.TEXT_EXTRACTOR: "pp-ocrv6-small"}
    sdk_modules = ("rapidocr", "onnxruntime", "cv2")


@pytest.mark.slow
class TestLlamaCpp(Conformance):
    """The models of the catalogue: a chat, objects by a grammar, vectors."""

    sdk = "llamacpp"
    wire = None
    takes_key = False
    claims: ClassVar = frozenset({"text", "stream", "object", "object stream", "embeddings", "rerank"})
    model_ids: ClassVar = {
        ModelType.LLM: "smollm2",
        ModelType.EMBEDDING: "all-minilm-l6-v2",
        ModelType.RERANKER: "all-minilm-l6-v2",
    }
    options: ClassVar = {"n_ctx": 2048, "n_predict": 64}
    sdk_modules = ("xllamacpp",)


@pytest.mark.slow
class TestWhisper(Conformance):
    """What is said in a recording."""

    sdk = "whisper"
    wire = None
    takes_key = False
    claims: ClassVar = frozenset({"transcription"})
    model_ids: ClassVar = {ModelType.TRANSCRIBER: "whisper-tiny.en"}
    sdk_modules = ("ctranslate2", "tokenizers", "numpy", "soundfile")


@pytest.mark.slow
class TestKokoro(Conformance):
    """English texts, read aloud."""

    sdk = "kokoro"
    wire = None
    takes_key = False
    claims: ClassVar = frozenset({"speech", "speech stream"})
    model_ids: ClassVar = {ModelType.SPEAKER: "kokoro-82m"}
    formats = ("wav", "pcm")
    sdk_modules = ("onnxruntime", "numpy")


class TestFal(Conformance):
    """Images and sound, as jobs of a queue."""

    sdk = "fal"
    wire = FalQueue()
    claims: ClassVar = frozenset({"image out", "image edits", "transcription", "speech"})
    model_ids: ClassVar = {
        ModelType.IMG_GEN: "fal-ai/flux/dev",
        ModelType.TRANSCRIBER: "fal-ai/whisper",
        ModelType.SPEAKER: "fal-ai/kokoro/american-english",
    }
    editor_id = "fal-ai/flux-pro/kontext"
    formats = ("wav",)
    sdk_modules = ("fal_client",)
