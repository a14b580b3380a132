"""Gemini's rules."""

from __future__ import annotations

from typing import Any

from pipelex_rules import Size
from tests.rules.examples.base import Example


def _inline(size: int) -> dict[str, Any]:
    part = {"inlineData": {"mimeType": "image/png", "data": Size(size)}}
    return {"contents": [{"role": "user", "parts": [part, {"text": "a"}]}]}


GOOGLE: list[Example] = [
    Example(
        rule="google.generateContent.function-names-are-unique",
        good={"tools": [{"functionDeclarations": [{"name": "f"}, {"name": "g"}]}]},
        bad={"tools": [{"functionDeclarations": [{"name": "f"}, {"name": "f"}]}]},
    ),
    Example(rule="google.generateContent.inline-bytes", good=_inline(10), bad=_inline(140 * 1024 * 1024)),
    Example(
        rule="google.generateContent.thinking-of-old-models",
        bad={"generationConfig": {"thinkingConfig": {"thinkingBudget": 100}}},
        model="gemini-2.0-flash",
    ),
    Example(rule="google.predict.texts-of-predict", bad={"instances": [{"content": "a"}] * 251}),
    Example(
        rule="google.predict.texts-of-predict", bad={"instances": [{"content": "a"}] * 2}, model="gemini-embedding-001"
    ),
    Example(
        rule="google.predict.titles-of-documents",
        good={"instances": [{"content": "a", "title": "b", "task_type": "RETRIEVAL_DOCUMENT"}]},
        bad={"instances": [{"content": "a", "title": "b", "task_type": "RETRIEVAL_QUERY"}]},
    ),
    Example(
        rule="google.batch.inline-bytes",
        bad={
            "batch": {
                "inputConfig": {
                    "requests": {
                        "requests": [{"request": {"contents": [{"parts": [{"text": "a" * (21 * 1024 * 1024)}]}]}}]
                    }
                }
            }
        },
    ),
    Example(
        rule="google.batchEmbeddings.inline-bytes",
        bad={
            "batch": {
                "inputConfig": {
                    "requests": {
                        "requests": [{"request": {"content": {"parts": [{"text": "a" * (21 * 1024 * 1024)}]}}}]
                    }
                }
            }
        },
    ),
]
