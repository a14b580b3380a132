"""Good requests of each API, into which fragments are put."""

from __future__ import annotations

from typing import Any

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"a": {"type": "string"}},
    "required": ["a"],
    "additionalProperties": False,
}
MODELS: dict[tuple[str, str], tuple[str, ...]] = {
    ("openai", "chat"): ("gpt-4.1", "gpt-5.1", "gpt-4o-audio-preview", "o3"),
    ("openai", "responses"): ("gpt-4.1", "gpt-5.1", "gpt-5", "gpt-5.6-sol"),
    ("openai", "images"): ("gpt-image-2", "gpt-image-1.5", "dall-e-3"),
    ("openai", "images/edits"): ("gpt-image-2", "gpt-image-1.5"),
    ("openai", "embeddings"): ("text-embedding-3-small",),
    ("openai", "audio/speech"): ("gpt-4o-mini-tts", "tts-1"),
    ("openai", "audio/transcriptions"): ("gpt-4o-transcribe", "whisper-1", "gpt-4o-transcribe-diarize"),
    ("anthropic", "messages"): ("claude-sonnet-4-5", "claude-opus-4-6", "claude-opus-4-8", "claude-opus-5"),
    ("anthropic", "count_tokens"): ("claude-sonnet-4-5",),
    ("anthropic", "rawPredict"): ("claude-sonnet-4-5",),
    ("google", "generateContent"): ("gemini-3-flash", "gemini-2.5-flash", "gemini-2.5-pro"),
    ("google", "embedContent"): ("gemini-embedding-001",),
    ("google", "embeddings"): ("gemini-embedding-001",),
    ("mistral", "chat"): ("mistral-small-latest",),
    ("mistral", "ocr"): ("mistral-ocr-latest",),
    ("mistral", "embeddings"): ("mistral-embed",),
    ("mistral", "audio/transcriptions"): ("voxtral-mini-latest",),
    ("mistral", "audio/speech"): ("voxtral-mini-tts-3",),
    ("mistral", "moderations"): ("mistral-moderation-latest",),
    ("openai", "moderations"): ("omni-moderation-latest",),
    ("compatible", "rerank"): ("rerank-v3.5",),
    ("google", "predict"): ("text-embedding-005", "gemini-embedding-001"),
    ("groq", "audio/transcriptions"): ("whisper-large-v3",),
    ("groq", "audio/speech"): ("canopylabs/orpheus-v1-english",),
    ("xai", "stt"): ("grok-voice-transcribe-2.0",),
    ("xai", "tts"): ("grok-tts",),
    ("bedrock", "converse"): (
        "anthropic.claude-sonnet-4-5-20250929-v1:0",
        "amazon.nova-pro-v1:0",
        "meta.llama3-3-70b-instruct-v1:0",
    ),
    ("bedrock", "invoke"): ("stability.stable-image-core-v1:1", "amazon.titan-embed-text-v2:0"),
    ("groq", "chat"): ("llama-3.3-70b-versatile", "openai/gpt-oss-120b", "qwen/qwen3-32b"),
    ("xai", "chat"): ("grok-4.3", "grok-3", "grok-4.6"),
    ("xai", "responses"): ("grok-4.3", "grok-4.6"),
    ("xai", "images"): ("grok-imagine-image",),
    ("deepseek", "chat"): ("deepseek-v4-flash", "deepseek-reasoner"),
    ("openrouter", "chat"): ("openai/gpt-4.1", "openai/gpt-5.1"),
    ("ollama", "chat"): ("qwen3", "llama3.2"),
    ("vllm", "chat"): ("qwen",),
    ("llamacpp", "chat"): ("qwen",),
    ("fal", "queue"): ("fal-ai/flux/dev", "fal-ai/any"),
    ("google", "rank"): ("semantic-ranker-default@latest",),
    ("google", "countTokens"): ("gemini-3-flash",),
    ("openai", "input_tokens"): ("gpt-4.1",),
}
"""Models for the rest of a request, the one tried first at the left."""

_CHAT = {"messages": [{"role": "user", "content": "Answer as JSON."}]}
BODIES: dict[str, dict[str, Any]] = {
    "chat": _CHAT,
    "foundry": _CHAT,
    "input_tokens": {"input": [{"role": "user", "content": "a"}]},
    "countTokens": {"contents": [{"role": "user", "parts": [{"text": "a"}]}]},
    "responses": {"input": [{"role": "user", "content": "Answer as JSON."}]},
    "images": {"prompt": "a cat"},
    "images/edits": {"prompt": "a cat", "image": "AAAA"},
    "images/variations": {"image": "AAAA"},
    "embeddings": {"input": "a"},
    "audio/speech": {"input": "a", "voice": "alloy"},
    "audio/transcriptions": {},
    "stt": {"url": "https://x.test/a.mp3"},
    "tts": {"text": "a", "language": "auto"},
    "batch": {},
    "files": {},
    "messages": {"max_tokens": 4_000, "messages": [{"role": "user", "content": "a"}]},
    "count_tokens": {"messages": [{"role": "user", "content": "a"}]},
    "rawPredict": {
        "max_tokens": 4_000,
        "messages": [{"role": "user", "content": "a"}],
        "anthropic_version": "vertex-2023-10-16",
    },
    "generateContent": {"contents": [{"role": "user", "parts": [{"text": "a"}]}]},
    "embedContent": {"content": {"parts": [{"text": "a"}]}},
    "batchEmbeddings": {
        "batch": {
            "displayName": "a",
            "inputConfig": {"requests": {"requests": [{"request": {"content": {"parts": [{"text": "a"}]}}}]}},
        },
    },
    "ocr": {"document": {"type": "document_url", "document_url": "https://x.test/a.pdf"}},
    "converse": {"messages": [{"role": "user", "content": [{"text": "a"}]}]},
    "invoke": {"prompt": "a cat", "inputText": "a"},
    "queue": {"prompt": "a cat"},
    "moderations": {"input": ["a"]},
    "rerank": {"query": "a", "documents": ["a", "b"]},
    "predict": {"instances": [{"content": "a"}]},
}
OF_PROVIDER: dict[tuple[str, str], dict[str, Any]] = {
    ("anthropic", "batch"): {"requests": [{"custom_id": "a", "params": {}}]},
    ("google", "embeddings"): {"requests": [{"content": {"parts": [{"text": "a"}]}}]},
    ("xai", "images"): {"prompt": "a cat"},
    ("xai", "images/edits"): {"prompt": "a cat", "image": {"url": "https://x.test/a.png"}},
    ("google", "rank"): {"query": "a", "records": [{"id": "1", "content": "a"}]},
    ("google", "batch"): {
        "batch": {
            "displayName": "a",
            "inputConfig": {
                "requests": {
                    "requests": [
                        {"request": {"contents": [{"parts": [{"text": "a"}]}]}, "metadata": {"key": "a"}},
                    ],
                },
            },
        },
    },
    ("bedrock", "batch"): {
        "jobName": "a-job",
        "modelId": "amazon.nova-pro-v1:0",
        "roleArn": "arn:aws:iam::123456789012:role/batches",
        "inputDataConfig": {"s3InputDataConfig": {"s3Uri": "s3://bucket/in.jsonl"}},
        "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": "s3://bucket/out/"}},
    },
    ("groq", "batch"): {
        "completion_window": "24h",
        "endpoint": "/v1/chat/completions",
        "input_file_id": "file_1",
    },
    ("groq", "audio/transcriptions"): {"url": "https://x.test/a.mp3"},
    ("mistral", "audio/transcriptions"): {"file_url": "https://x.test/a.mp3"},
    ("mistral", "audio/speech"): {"input": "a"},
}
PATH_MODEL = frozenset(
    {
        "generateContent",
        "countTokens",
        "converse",
        "invoke",
        "embedContent",
        "queue",
        "batch",
        "files",
        "rawPredict",
        "predict",
        "tts",
    }
)
"""APIs whose model is not in the body."""


def body_of(provider: str, api: str, model: str) -> dict[str, Any]:
    """Make a good request."""
    body = dict(OF_PROVIDER.get((provider, api), BODIES.get(api, {})))
    return body if api in PATH_MODEL or (provider, api) == ("google", "embeddings") else {"model": model, **body}


FORMATS: dict[str, dict[str, Any]] = {
    "chat": {
        "response_format": {"type": "json_schema", "json_schema": {"name": "r", "strict": True, "schema": SCHEMA}}
    },
    "responses": {"text": {"format": {"type": "json_schema", "name": "r", "strict": True, "schema": SCHEMA}}},
    "messages": {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
    "generateContent": {
        "generationConfig": {"responseMimeType": "application/json"},
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
    },
    "converse": {
        "outputConfig": {
            "textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"name": "r", "schema": "{}"}}}
        }
    },
    "files": {"expires_after": {"anchor": "created_at", "seconds": 3_600}},
    "batch": {"output_expires_after": {"anchor": "created_at", "seconds": 3_600}},
    "ocr": {"document_annotation_format": {"type": "json_schema", "json_schema": {"name": "r", "schema": SCHEMA}}},
}
"""What structured output looks like in each API, for fragments that are a part of it."""

_FUNCTION = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
TOOLS: dict[str, list[dict[str, Any]]] = {
    "chat": [_FUNCTION],
    "foundry": [_FUNCTION],
    "responses": [{"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}],
    "messages": [{"name": "f", "input_schema": {"type": "object", "properties": {}}}],
    "count_tokens": [{"name": "f", "input_schema": {"type": "object", "properties": {}}}],
    "generateContent": [{"functionDeclarations": [{"name": "f"}]}],
    "converse": [{"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object"}}}}],
}
"""A tool `f` in each API."""
