"""What the tools that Anthropic defines, and the blocks of their calls, look like."""

from __future__ import annotations

from pipelex_rules.shapes import ANY, BOOLEAN, OBJECT, TEXT, choice, either, integer, listing, obj, tagged, text
from pipelex_rules.sources import Source

SDK = Source("anthropic@2.14.0 types/tool_union_param.py", "2026-11-30")
CACHE_CONTROL = obj(
    "type",
    type=choice("ephemeral"),
    ttl=choice("5m 1h"),
    closed=True,
    origin=Source("anthropic@2.14.0 types/cache_control_ephemeral_param.py", "2026-11-30"),
)
CALLERS = listing(choice("direct code_execution_20250825 code_execution_20260120 code_execution_20260521"))
_CALLER = tagged(
    shapes={
        "direct": obj(),
        "code_execution_20250825": obj("tool_id", tool_id=TEXT),
        "code_execution_20260120": obj("tool_id", tool_id=TEXT),
    },
    open=True,
)
_TOOL = {
    "type": TEXT,
    "allowed_callers": CALLERS,
    "cache_control": CACHE_CONTROL,
    "defer_loading": BOOLEAN,
    "strict": BOOLEAN,
}
_DOMAINS = listing(text(1))
_LOCATION = obj("type", type=choice("approximate"), city=TEXT, country=TEXT, region=TEXT, timezone=TEXT)
_WEB_SEARCH = obj(
    "name",
    fields=_TOOL,
    name=choice("web_search"),
    max_uses=integer(1),
    allowed_domains=_DOMAINS,
    blocked_domains=_DOMAINS,
    user_location=_LOCATION,
    origin=Source("https://platform.claude.com/docs/en/agents-and-tools/tool-use/web-search-tool", "2026-08"),
)
_WEB_FETCH = obj(
    "name",
    fields=_TOOL,
    name=choice("web_fetch"),
    max_uses=integer(1),
    max_content_tokens=integer(1),
    allowed_domains=_DOMAINS,
    blocked_domains=_DOMAINS,
    citations=obj(enabled=BOOLEAN),
    origin=Source("anthropic@2.14.0 types/web_fetch_tool_20250910_param.py", "2026-11-30"),
)
_EXAMPLES = {**_TOOL, "input_examples": listing(OBJECT)}
_CODE = obj("name", fields=_TOOL, name=choice("code_execution"))
_EDITOR = obj("name", fields=_EXAMPLES, name=choice("str_replace_based_edit_tool"), max_characters=integer(1))
TOOLS = {
    **{f"web_search_{day}": _WEB_SEARCH for day in ("20250305", "20260209", "20260318")},
    **{f"web_fetch_{day}": _WEB_FETCH for day in ("20250910", "20260209", "20260309", "20260318")},
    **{f"code_execution_{day}": _CODE for day in ("20250522", "20250825", "20260120", "20260521")},
    "bash_20250124": obj("name", fields=_EXAMPLES, name=choice("bash")),
    "memory_20250818": obj("name", fields=_EXAMPLES, name=choice("memory")),
    "text_editor_20250124": obj("name", fields=_EXAMPLES, name=choice("str_replace_editor")),
    "text_editor_20250429": _EDITOR,
    "text_editor_20250728": _EDITOR,
    **{
        name: obj("name", fields=_TOOL, name=choice("tool_search_tool_bm25"))
        for name in ("tool_search_tool_bm25_20251119", "tool_search_tool_bm25")
    },
    **{
        name: obj("name", fields=_TOOL, name=choice("tool_search_tool_regex"))
        for name in ("tool_search_tool_regex_20251119", "tool_search_tool_regex")
    },
}
"""Tools by type; newer types are taken as they are."""

_INDEX = integer(0)
_DOCUMENT_AT = {"cited_text": TEXT, "document_index": _INDEX, "document_title": TEXT}
CITATION = tagged(
    shapes={
        "char_location": obj(
            "cited_text document_index start_char_index end_char_index",
            fields=_DOCUMENT_AT,
            start_char_index=_INDEX,
            end_char_index=_INDEX,
        ),
        "page_location": obj(
            "cited_text document_index start_page_number end_page_number",
            fields=_DOCUMENT_AT,
            start_page_number=integer(1),
            end_page_number=integer(1),
        ),
        "content_block_location": obj(
            "cited_text document_index start_block_index end_block_index",
            fields=_DOCUMENT_AT,
            start_block_index=_INDEX,
            end_block_index=_INDEX,
        ),
        "search_result_location": obj(
            "cited_text search_result_index source start_block_index end_block_index",
            cited_text=TEXT,
            search_result_index=_INDEX,
            source=TEXT,
            start_block_index=_INDEX,
            end_block_index=_INDEX,
        ),
        "web_search_result_location": obj(
            "cited_text encrypted_index url", cited_text=TEXT, encrypted_index=TEXT, url=text(1, 2_048)
        ),
    },
    source=Source("anthropic@2.14.0 types/text_citation_param.py", "2026-11-30"),
)
_SERVER_NAMES = choice(
    "web_search web_fetch code_execution bash_code_execution text_editor_code_execution tool_search_tool_regex"
    " tool_search_tool_bm25 advisor"
)
_SEARCH_RESULTS = either(
    listing(
        obj(
            "type url title encrypted_content",
            type=choice("web_search_result"),
            url=TEXT,
            title=TEXT,
            encrypted_content=TEXT,
        )
    ),
    obj("type error_code", type=choice("web_search_tool_result_error"), error_code=TEXT),
)
_RESULT = {"cache_control": CACHE_CONTROL, "caller": _CALLER}


BLOCKS = {
    "server_tool_use": obj(
        "id name input",
        fields=_RESULT,
        id=text(pattern=r"srvtoolu_[a-zA-Z0-9_]+"),
        name=_SERVER_NAMES,
        input=OBJECT,
    ),
    "web_search_tool_result": obj("tool_use_id content", fields=_RESULT, tool_use_id=TEXT, content=_SEARCH_RESULTS),
    **{
        name: obj("tool_use_id content", fields=_RESULT, tool_use_id=TEXT, content=ANY)
        for name in (
            "web_fetch_tool_result",
            "code_execution_tool_result",
            "bash_code_execution_tool_result",
            "text_editor_code_execution_tool_result",
            "tool_search_tool_result",
        )
    },
    "container_upload": obj("file_id", file_id=TEXT, cache_control=CACHE_CONTROL),
    "tool_reference": obj("tool_name", tool_name=text(1, 256), cache_control=CACHE_CONTROL),
}
"""Blocks of calls that Anthropic answered itself, and of their results."""
