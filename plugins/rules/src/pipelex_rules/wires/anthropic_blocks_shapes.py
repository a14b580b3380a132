"""What the messages and blocks of Anthropic look like."""

from __future__ import annotations

from pipelex_rules.shapes import BOOLEAN, OBJECT, TEXT, choice, either, listing, obj, tagged, text
from pipelex_rules.sources import Source, client
from pipelex_rules.wires.anthropic_hosted_shapes import BLOCKS, CACHE_CONTROL, CITATION

SPECIFICATION = Source(
    "github:laszukdawid/anthropic-openapi-spec hosted_spec.json@40cee51 (Anthropic's published specification)",
    "2024-11-08",
)
SDK = Source("anthropic@2.14.0 types/content_block_param.py", "2026-11-30")
VISION = Source("https://platform.claude.com/docs/en/build-with-claude/vision", "2026-11-30")
TOOL_ID = text(1, pattern=r"[a-zA-Z0-9_-]+")
_CACHED = {"type": TEXT, "cache_control": CACHE_CONTROL}
_TEXT = obj("text", closed=True, fields=_CACHED, text=text(1), citations=listing(CITATION))
TEXT_BLOCK = tagged(shapes={"text": _TEXT})
_IMAGE_SOURCE = tagged(
    shapes={
        "base64": obj(
            "media_type data",
            type=TEXT,
            media_type=choice("image/jpeg image/png image/gif image/webp", source=VISION),
            data=text(1),
            closed=True,
        ),
        "url": obj("url", type=TEXT, url=text(1), closed=True),
        "file": obj("file_id", type=TEXT, file_id=text(1), closed=True),
    }
)
_IMAGE = obj("source", closed=True, fields=_CACHED, source=_IMAGE_SOURCE, transformations=OBJECT)
_DOCUMENT_SOURCE = tagged(
    shapes={
        "base64": obj("media_type data", type=TEXT, media_type=choice("application/pdf"), data=text(1), closed=True),
        "text": obj("media_type data", type=TEXT, media_type=choice("text/plain"), data=text(1), closed=True),
        "content": obj(
            "content", type=TEXT, content=either(TEXT, listing(tagged(shapes={"text": _TEXT, "image": _IMAGE})))
        ),
        "url": obj("url", type=TEXT, url=text(1), closed=True),
        "file": obj("file_id", type=TEXT, file_id=text(1), closed=True),
    }
)
_DOCUMENT = obj(
    "source",
    closed=True,
    fields=_CACHED,
    source=_DOCUMENT_SOURCE,
    title=text(0, 500),
    context=text(0),
    citations=obj(enabled=BOOLEAN),
)
_SEARCH_RESULT = obj(
    "source title content",
    fields=_CACHED,
    source=text(1),
    title=text(1),
    content=listing(TEXT_BLOCK, at_least=1),
    citations=obj(enabled=BOOLEAN),
)
_RESULT_BLOCK = tagged(
    shapes={
        "text": _TEXT,
        "image": _IMAGE,
        "document": _DOCUMENT,
        "search_result": _SEARCH_RESULT,
        "tool_reference": BLOCKS["tool_reference"],
        "browser_state": OBJECT,
    }
)
_SERVER = ("mcp_tool_use", "mcp_tool_result", "compaction", "tool_addition", "tool_removal")
_RESULT = obj(
    "tool_use_id",
    closed=True,
    fields=_CACHED,
    tool_use_id=TOOL_ID,
    content=either(
        TEXT,
        listing(
            _RESULT_BLOCK,
            source=client("github:pydantic/pydantic-ai@4fda3898 models/anthropic.py", "2026-08-23"),
            at_least=1,
        ),
    ),
    is_error=BOOLEAN,
)
_USE = obj("id name input", fields=_CACHED, id=TOOL_ID, name=text(1, 200), input=OBJECT, caller=OBJECT)
_BLOCKS = {
    **dict.fromkeys(_SERVER, OBJECT),
    **BLOCKS,
    "search_result": _SEARCH_RESULT,
    "text": _TEXT,
    "image": _IMAGE,
    "document": _DOCUMENT,
    "tool_use": _USE,
    "tool_result": _RESULT,
    "thinking": obj("thinking signature", type=TEXT, thinking=TEXT, signature=TEXT, closed=True),
    "redacted_thinking": obj("data", type=TEXT, data=TEXT, closed=True),
}
BLOCK = tagged(shapes=_BLOCKS, source=SDK)
_CONTENT = either(text(0), listing(BLOCK))
MESSAGE = tagged(
    "role",
    shapes={role: obj("content", role=TEXT, content=_CONTENT, closed=True) for role in ("user", "assistant", "system")},
    source=SPECIFICATION,
)
