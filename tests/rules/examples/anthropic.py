"""Anthropic's rules."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from tests.rules.examples.base import STRICT, Example, claude_format, user


def _pdf(count: int) -> dict[str, Any]:
    data = b64encode(b"%PDF-1.4\n" + b"<< /Type /Page >>\n" * count).decode()
    source = {"type": "base64", "media_type": "application/pdf", "data": data}
    return {"messages": [user({"type": "document", "source": source}, {"type": "text", "text": "a"})]}


def _image(count: int) -> dict[str, Any]:
    source = {"type": "base64", "media_type": "image/png", "data": "A" * count}
    return {"messages": [user({"type": "image", "source": source}, {"type": "text", "text": "a"})]}


_CACHED = {"type": "text", "text": "a"}
_USE = {"type": "tool_use", "id": "t1", "name": "f", "input": {}}
_RESULT = {"type": "tool_result", "tool_use_id": "t1", "content": "1"}
_CLAUDE_TOOLS = [{"name": "f", "input_schema": {"type": "object", "properties": {}}}]
_THINKING = {"thinking": {"type": "enabled", "budget_tokens": 2_000}}
ANTHROPIC: list[Example] = [
    Example(
        rule="anthropic.messages.longer-cache-first",
        good={
            "messages": [
                user(
                    {**_CACHED, "cache_control": {"type": "ephemeral", "ttl": "1h"}},
                    {**_CACHED, "cache_control": {"type": "ephemeral"}},
                )
            ]
        },
        bad={
            "messages": [
                user(
                    {**_CACHED, "cache_control": {"type": "ephemeral"}},
                    {**_CACHED, "cache_control": {"type": "ephemeral", "ttl": "1h"}},
                )
            ]
        },
    ),
    Example(
        rule="anthropic.messages.citations-without-a-schema",
        good=claude_format(STRICT),
        bad={
            **claude_format(STRICT),
            "messages": [
                user(
                    {
                        "type": "document",
                        "source": {"type": "text", "media_type": "text/plain", "data": "a"},
                        "citations": {"enabled": True},
                    },
                    _CACHED,
                )
            ],
        },
    ),
    Example(
        rule="anthropic.messages.tool-schema-type",
        good={"tools": _CLAUDE_TOOLS},
        bad={"tools": [{"name": "f", "input_schema": {"properties": {}}}]},
    ),
    Example(
        rule="anthropic.messages.results-are-unique",
        good={
            "tools": _CLAUDE_TOOLS,
            "messages": [user(_CACHED), {"role": "assistant", "content": [_USE]}, user(_RESULT)],
        },
        bad={
            "tools": _CLAUDE_TOOLS,
            "messages": [user(_CACHED), {"role": "assistant", "content": [_USE]}, user(_RESULT, _RESULT)],
        },
    ),
    Example(
        rule="anthropic.messages.blocks-of-their-role",
        bad={"tools": _CLAUDE_TOOLS, "messages": [user(_CACHED, _USE)]},
    ),
    Example(
        rule="anthropic.messages.thoughts-come-first",
        good={
            **_THINKING,
            "tools": _CLAUDE_TOOLS,
            "messages": [
                user(_CACHED),
                {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}, _USE]},
                user(_RESULT),
            ],
        },
        bad={
            **_THINKING,
            "tools": _CLAUDE_TOOLS,
            "messages": [
                user(_CACHED),
                {"role": "assistant", "content": [_USE, {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}]},
                user(_RESULT),
            ],
        },
    ),
    Example(
        rule="anthropic.messages.top-p-with-thinking",
        good={**_THINKING, "top_p": 0.97},
        bad={**_THINKING, "top_p": 0.5},
    ),
    Example(rule="anthropic.messages.pdf-pages", good=_pdf(600), bad=_pdf(601)),
    Example(rule="anthropic.messages.thinking-of-old-models", bad=_THINKING, model="claude-3-5-sonnet-20241022"),
    Example(
        rule="anthropic.messages.prefill-with-thinking",
        good=_THINKING,
        bad={**_THINKING, "messages": [user(_CACHED), {"role": "assistant", "content": "So"}]},
    ),
    Example(
        rule="anthropic.rawPredict.sampling-of-the-version",
        good={"temperature": 0.5},
        bad={"temperature": 0.5, "anthropic_version": "2026-10-21"},
    ),
    Example(rule="anthropic.rawPredict.vertex-image-bytes", good=_image(4_000_000), bad=_image(6_000_000)),
    Example(
        rule="anthropic.rawPredict.vertex-request-bytes",
        bad={"messages": [user({"type": "text", "text": "a" * (31 * 1024 * 1024)})]},
    ),
    Example(
        rule="anthropic.rawPredict.no-files-of-the-api",
        good=_image(10),
        bad={"messages": [user({"type": "image", "source": {"type": "url", "url": "https://x.test/a.png"}})]},
    ),
    Example(rule="anthropic.rawPredict.structured-outputs-by-policy", bad=claude_format(STRICT)),
]
