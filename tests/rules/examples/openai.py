"""OpenAI's rules, and Azure's."""

from __future__ import annotations

from typing import Any

from pipelex_rules import Size
from tests.rules.examples.base import FUNCTION, PNG, STRICT, TOOLS, Example, chat_format, user


def _line(name: str) -> dict[str, Any]:
    return {"custom_id": name, "method": "POST", "url": "/v1/chat/completions", "body": {}}


_RESPONSES_TOOLS = [{"type": "function", **FUNCTION}]

OPENAI: list[Example] = [
    Example(
        rule="openai.chat.prediction-alone",
        good={"prediction": {"type": "content", "content": "a"}},
        bad={"prediction": {"type": "content", "content": "a"}, "n": 2},
    ),
    Example(
        rule="openai.chat.audio-output",
        good={"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}},
        bad={"modalities": ["text", "audio"]},
        model="gpt-4o-audio-preview",
    ),
    Example(
        rule="openai.chat.file-has-one-source",
        good={"messages": [user({"type": "file", "file": {"file_id": "file-1"}})]},
        bad={"messages": [user({"type": "file", "file": {"filename": "a.pdf"}})]},
    ),
    Example(
        rule="openai.chat.image-addresses",
        good={"messages": [user({"type": "image_url", "image_url": {"url": PNG}})]},
        bad={"messages": [user({"type": "image_url", "image_url": {"url": "a.png"}})]},
    ),
    Example(
        rule="openai.chat.parallel-calls-of-o-series",
        good={"tools": TOOLS},
        bad={"tools": TOOLS, "parallel_tool_calls": False},
        model="o3",
    ),
    Example(rule="openai.chat.verbosity-of-older-models", good={"verbosity": "medium"}, bad={"verbosity": "low"}),
    Example(rule="openai.chat.schemas-of-older-models", bad=chat_format(STRICT), model="gpt-4-turbo"),
    Example(rule="openai.responses.model-is-needed", bad={"model": None}),
    Example(
        rule="openai.responses.background-is-stored",
        good={"background": True},
        bad={"background": True, "store": False},
    ),
    Example(rule="openai.responses.effort-without-reasoning", bad={"reasoning": {"effort": "low"}}),
    Example(
        rule="openai.responses.encrypted-content-without-reasoning", bad={"include": ["reasoning.encrypted_content"]}
    ),
    Example(
        rule="openai.responses.tool-choice-names-a-tool",
        good={"tools": _RESPONSES_TOOLS, "tool_choice": {"type": "function", "name": "f"}},
        bad={"tools": _RESPONSES_TOOLS, "tool_choice": {"type": "function", "name": "g"}},
    ),
    Example(
        rule="openai.responses.json-mode-without-the-word",
        good={"text": {"format": {"type": "json_object"}}},
        bad={"text": {"format": {"type": "json_object"}}, "input": "Hello."},
    ),
    Example(
        rule="openai.responses.ids-are-unique",
        bad={
            "input": [
                {
                    "type": "message",
                    "id": "msg_1",
                    "role": "assistant",
                    "status": "completed",
                    "content": [{"type": "output_text", "text": text, "annotations": []}],
                }
                for text in ("a", "b")
            ]
        },
    ),
    Example(
        rule="openai.responses.parts-of-their-role",
        good={"input": [user({"type": "input_text", "text": "a"})]},
        bad={"input": [user({"type": "output_text", "text": "a", "annotations": []})]},
    ),
    Example(
        rule="openai.responses.media-has-a-source",
        good={"input": [user({"type": "input_image", "image_url": PNG, "detail": "auto"})]},
        bad={"input": [user({"type": "input_image", "detail": "auto"})]},
    ),
    Example(
        rule="openai.responses.image-types",
        bad={"input": [user({"type": "input_image", "image_url": PNG.replace("png", "tiff"), "detail": "auto"})]},
    ),
    Example(
        rule="openai.responses.image-count",
        bad={
            "input": [user(*[{"type": "input_image", "image_url": "https://x.test/a.png", "detail": "auto"}] * 1_501)]
        },
    ),
    Example(
        rule="openai.responses.tool-schema-root",
        good={"tools": _RESPONSES_TOOLS},
        bad={
            "tools": [{"type": "function", "name": "f", "parameters": {"type": "array", "items": {"type": "string"}}}]
        },
    ),
    Example(rule="openai.images.retired-gpt-image-1", bad={}, model="gpt-image-1"),
    Example(
        rule="openai.images.partial-images-are-streamed",
        good={"partial_images": 1, "stream": True},
        bad={"partial_images": 1, "stream": False},
    ),
    Example(rule="openai.images.one-image-of-dall-e-3", bad={"n": 2}, model="dall-e-3"),
    Example(rule="openai.images/edits.mask-bytes", good={"mask": Size(10)}, bad={"mask": Size(4_000_001 * 2)}),
    Example(rule="openai.images/edits.image-to-edit", bad={"image": None}),
    Example(rule="openai.audio/speech.speech-of-tts-1", bad={"voice": "marin"}, model="tts-1"),
    Example(
        rule="openai.audio/transcriptions.granularities-need-verbose-json",
        good={"file": Size(10), "timestamp_granularities": ["word"], "response_format": "verbose_json"},
        bad={"file": Size(10), "timestamp_granularities": ["word"]},
        model="whisper-1",
    ),
    Example(
        rule="openai.audio/transcriptions.parameters-of-the-speakers-model",
        good={"file": Size(10)},
        bad={"file": Size(10), "prompt": "Names."},
        model="gpt-4o-transcribe-diarize",
    ),
    Example(
        rule="openai.audio/transcriptions.streams-of-whisper",
        good={"file": Size(10)},
        bad={"file": Size(10), "include": ["logprobs"]},
        model="whisper-1",
    ),
    Example(
        rule="openai.audio/transcriptions.audio-bytes", good={"file": Size(10)}, bad={"file": Size(26 * 1024 * 1024)}
    ),
    Example(
        rule="openai.batch.ids-of-a-batch-are-unique",
        good={"input_file": [_line("a"), _line("b")]},
        bad={"input_file": [_line("a"), _line("a")]},
    ),
    Example(
        rule="openai.files.file-bytes",
        good={"purpose": "assistants", "file": Size(10)},
        bad={"purpose": "assistants", "file": Size(513 * 1024 * 1024)},
    ),
    Example(
        rule="azure_openai.chat.data-sources-alone",
        good={"data_sources": [{"type": "azure_search", "parameters": {}}]},
        bad={"data_sources": [{"type": "azure_search", "parameters": {}}], **chat_format(STRICT)},
    ),
]
