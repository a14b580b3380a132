"""The recorded requests, each with the wire that it was sent to."""

from __future__ import annotations

import datetime as dt
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator

WIRE = Path(os.environ.get("PIPELEX_WIRE", Path(__file__).parents[2].parent / "shared" / "wire"))
FILES = {
    "anthropic__count_tokens": ("anthropic", "count_tokens"),
    "anthropic__messages": ("anthropic", "messages"),
    "azure_openai__chat": ("azure_openai", "chat"),
    "azure_openai__chat_foundry": ("azure_openai", "foundry"),
    "azure_openai__responses": ("azure_openai", "responses"),
    "bedrock__converse": ("bedrock", "converse"),
    "bedrock__converse_stream": ("bedrock", "converse"),
    "deepseek__chat": ("deepseek", "chat"),
    "deepseek__responses": ("deepseek", "responses"),
    "fal__queue": ("fal", "queue"),
    "fal__run": ("fal", "queue"),
    "gemini__generate_content": ("google", "generateContent"),
    "gemini__openai_compat": ("compatible", "chat"),
    "groq__chat": ("groq", "chat"),
    "mistral__chat": ("mistral", "chat"),
    "mistral__ocr": ("mistral", "ocr"),
    "ollama__chat": ("ollama", "chat"),
    "openai__chat": ("openai", "chat"),
    "openai__images": ("openai", "images"),
    "openai__images_edits": ("openai", "images/edits"),
    "openai__responses": ("openai", "responses"),
    "openrouter__chat": ("openrouter", "chat"),
    "openrouter__responses": ("openrouter", "responses"),
    "other_compat__chat": ("compatible", "chat"),
    "perplexity__chat": ("compatible", "chat"),
    "vertex__anthropic": ("anthropic", "rawPredict"),
    "vertex__generate_content": ("google", "generateContent"),
    "xai__chat": ("xai", "chat"),
    "xai__images": ("xai", "images"),
    "xai__images_edits": ("xai", "images/edits"),
    "xai__responses": ("xai", "responses"),
}


@frozen(kw_only=True)
class Recorded:
    """A request, and what its provider answered."""

    id: str
    provider: str
    api: str
    model: str
    body: Any
    status: int
    recorded: bool
    altered: Any
    on: dt.date | None


def recorded_requests() -> Iterator[Recorded]:
    """Read every recorded request that has a JSON body; a file's name without an entry above is an error."""
    for path in sorted((WIRE / "records").glob("*.jsonl")):
        if path.stem == "openai__errors_misc":
            continue  # its request has no body
        provider, api = FILES[path.stem]
        for line in path.read_text(encoding="utf-8").split("\n"):
            if not line:
                continue
            record = json.loads(line)
            request = record["request"]
            if not isinstance(request.get("body"), dict) or request.get("method") != "POST":
                continue
            path_model = unquote(request.get("path") or "").partition("/models/")[2].partition(":")[0]
            if provider == "bedrock":
                path_model = unquote(request["path"]).split("/", 2)[2].rpartition("/converse")[0]
            if provider == "fal":
                path_model = request["path"].lstrip("/")
            body_model = request["body"].get("model")
            yield Recorded(
                id=record["id"],
                provider=provider,
                api=api,
                model=body_model or path_model or record.get("model") or "",
                body=request["body"],
                status=record["response"]["status"],
                recorded=request.get("recorded", True),
                altered=request.get("altered"),
                on=dt.date.fromisoformat(record["recorded_at"]) if record.get("recorded_at") else None,
            )
