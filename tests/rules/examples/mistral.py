"""Mistral's rules."""

from __future__ import annotations

from tests.rules.examples.base import STRICT, TOOLS, Example, chat_format

_MISTRAL_CALL = {"role": "assistant", "content": "", "tool_calls": [{"id": "abcdefgh1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}  # fmt: skip
MISTRAL: list[Example] = [
    Example(
        rule="mistral.chat.results-name-their-call",
        good={
            "tools": TOOLS,
            "messages": [
                {"role": "user", "content": "a"},
                _MISTRAL_CALL,
                {"role": "tool", "tool_call_id": "abcdefgh1", "content": "1"},
            ],
        },
        bad={
            "tools": TOOLS,
            "messages": [
                {"role": "user", "content": "a"},
                _MISTRAL_CALL,
                {"role": "tool", "tool_call_id": "abcdefgh2", "content": "1"},
            ],
        },
    ),
    Example(
        rule="mistral.chat.tool-choice-has-tools",
        good={"tools": TOOLS, "tool_choice": "any"},
        bad={"tool_choice": "any"},
    ),
    Example(
        rule="mistral.chat.schema-of-its-format",
        good=chat_format(STRICT),
        bad={"response_format": {"type": "json_schema"}},
    ),
    Example(rule="mistral.ocr.prompt-has-its-format", bad={"document_annotation_prompt": "Names."}),
    Example(
        rule="mistral.ocr.annotation-has-its-schema",
        good={"document_annotation_format": {"type": "json_schema", "json_schema": {"name": "r", "schema": STRICT}}},
        bad={"document_annotation_format": {"type": "json_schema"}},
    ),
    Example(
        rule="mistral.batch.files-or-requests",
        good={
            "model": "m",
            "endpoint": "/v1/chat/completions",
            "input_files": ["3fa85f64-5717-4562-b3fc-2c963f66afa6"],
        },
        bad={
            "model": "m",
            "endpoint": "/v1/chat/completions",
            "input_files": ["3fa85f64-5717-4562-b3fc-2c963f66afa6"],
            "requests": [{"custom_id": "a", "body": {}}],
        },
    ),
    Example(
        rule="mistral.batch.model-or-agent",
        good={
            "model": "m",
            "endpoint": "/v1/chat/completions",
            "input_files": ["3fa85f64-5717-4562-b3fc-2c963f66afa6"],
        },
        bad={
            "model": "m",
            "agent_id": "a",
            "endpoint": "/v1/chat/completions",
            "input_files": ["3fa85f64-5717-4562-b3fc-2c963f66afa6"],
        },
    ),
    Example(
        rule="mistral.audio/speech.history-without-reference",
        good={"voice_id": "a", "conversation_history": [{}]},
        bad={"conversation_history": [{}]},
    ),
    Example(
        rule="mistral.audio/speech.one-speaker",
        good={"voice_id": "a"},
        bad={"voice_id": "a", "ref_audio": "AAAA"},
    ),
    Example(rule="mistral.audio/speech.finite-expressiveness", good={"expressiveness": 1}, bad={"expressiveness": 0.5}),
    Example(rule="mistral.audio/transcriptions.one-source-of-sound", bad={"file_id": "a"}),
    Example(
        rule="mistral.audio/transcriptions.references-need-speakers",
        good={"speaker_references": {"Ada": "AAAA"}, "diarize": True},
        bad={"speaker_references": {"Ada": "AAAA"}},
    ),
    Example(
        rule="mistral.audio/transcriptions.language-without-timestamps",
        good={"timestamp_granularities": ["segment"]},
        bad={"timestamp_granularities": ["segment"], "language": "en"},
    ),
]
