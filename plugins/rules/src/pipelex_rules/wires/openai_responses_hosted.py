"""What the tools that OpenAI itself runs look like in the Responses API."""

from __future__ import annotations

from pipelex_rules.shapes import (
    ANY,
    BOOLEAN,
    INTEGER,
    NUMBER,
    OBJECT,
    TEXT,
    choice,
    either,
    integer,
    listing,
    mapping,
    obj,
    tagged,
    text,
)
from pipelex_rules.sources import Source

SPECIFICATION = Source("github:openai/openai-openapi openapi.json@f85dbe2", "2026-08-21")
MOST = 10_485_760
_SIZE = choice("low medium high")
_LOCATION = obj(type=choice("approximate"), country=TEXT, region=TEXT, city=TEXT, timezone=TEXT)
_CALLERS = listing(choice("direct programmatic"), at_least=1)
_COMPARISON = obj("key value", key=TEXT, value=ANY)
_FILTERS = tagged(
    shapes={
        **dict.fromkeys(["eq", "ne", "gt", "gte", "lt", "lte", "in", "nin"], _COMPARISON),
        **dict.fromkeys(("and", "or"), obj("filters", filters=listing(obj("type", type=TEXT)))),
    }
)
_FILE_SEARCH = obj(
    "vector_store_ids",
    vector_store_ids=listing(TEXT, at_least=1),
    max_num_results=integer(1, 50),
    filters=_FILTERS,
    ranking_options=obj(
        ranker=choice("auto default-2024-11-15"),
        score_threshold=NUMBER,
        hybrid_search=obj("embedding_weight text_weight", embedding_weight=NUMBER, text_weight=NUMBER),
    ),
)
_WEB_SEARCH = obj(
    external_web_access=BOOLEAN,
    filters=obj(allowed_domains=listing(TEXT), blocked_domains=listing(TEXT)),
    user_location=_LOCATION,
    search_context_size=_SIZE,
)
_WEB_SEARCH_PREVIEW = obj(
    user_location=_LOCATION, search_context_size=_SIZE, search_content_types=listing(choice("text image"))
)
_COMPUTER_PREVIEW = obj(
    "environment display_width display_height",
    environment=choice("windows mac linux ubuntu browser"),
    display_width=INTEGER,
    display_height=INTEGER,
)
_TOOL_FILTER = obj(closed=True, tool_names=listing(TEXT), read_only=BOOLEAN)
_MCP = obj(
    "server_label",
    server_label=text(1),
    server_url=TEXT,
    connector_id=choice(
        "connector_dropbox connector_gmail connector_googlecalendar connector_googledrive connector_microsoftteams"
        " connector_outlookcalendar connector_outlookemail connector_sharepoint"
    ),
    tunnel_id=text(pattern="tunnel_[a-z0-9]{32}"),
    authorization=TEXT,
    server_description=TEXT,
    headers=mapping(TEXT),
    allowed_tools=either(listing(TEXT), _TOOL_FILTER),
    allowed_callers=_CALLERS,
    require_approval=either(choice("always never"), obj(always=_TOOL_FILTER, never=_TOOL_FILTER)),
    defer_loading=BOOLEAN,
)
_SECRET = obj("domain name value", domain=text(1), name=text(1), value=text(1, MOST))
_NETWORK = tagged(
    shapes={
        "disabled": obj(),
        "allowlist": obj(
            "allowed_domains",
            allowed_domains=listing(TEXT, at_least=1),
            domain_secrets=listing(_SECRET, at_least=1),
        ),
    }
)
_MEMORY = choice("1g 4g 16g 64g")
_CONTAINER = tagged(
    shapes={"auto": obj(file_ids=listing(TEXT, at_most=50), memory_limit=_MEMORY, network_policy=_NETWORK)}
)
_SOURCE = obj("type media_type data", type=choice("base64"), media_type=choice("application/zip"), data=text(1))
_SKILL = tagged(
    shapes={
        "skill_reference": obj("skill_id", skill_id=text(1, 64), version=TEXT),
        "inline": obj("name description source", name=TEXT, description=TEXT, source=_SOURCE),
    }
)
_LOCAL_SKILL = obj("name description path", name=TEXT, description=TEXT, path=TEXT)
ENVIRONMENT = tagged(
    shapes={
        "container_auto": obj(
            file_ids=listing(TEXT, at_most=50),
            memory_limit=_MEMORY,
            network_policy=_NETWORK,
            skills=listing(_SKILL, at_most=200),
        ),
        "local": obj(skills=listing(_LOCAL_SKILL, at_most=200)),
        "container_reference": obj("container_id", container_id=TEXT),
    }
)
_IMAGE_GENERATION = obj(
    model=TEXT,
    quality=choice("low medium high auto"),
    size=TEXT,
    output_format=choice("png webp jpeg"),
    output_compression=integer(0, 100),
    moderation=choice("auto low"),
    background=choice("transparent opaque auto"),
    input_fidelity=choice("high low"),
    input_image_mask=obj(image_url=TEXT, file_id=TEXT),
    partial_images=integer(0, 3),
    action=choice("generate edit auto"),
)
_GRAMMAR = obj("syntax definition", syntax=choice("lark regex"), definition=TEXT)
FUNCTION = obj(
    "name",
    type=TEXT,
    name=text(1, 128, pattern="[a-zA-Z0-9_-]+"),
    description=TEXT,
    parameters=OBJECT,
    output_schema=OBJECT,
    strict=BOOLEAN,
    defer_loading=BOOLEAN,
    allowed_callers=_CALLERS,
)
CUSTOM = obj(
    "name",
    name=text(1, 128, pattern="[a-zA-Z0-9_-]+"),
    description=TEXT,
    format=tagged(shapes={"text": obj(), "grammar": _GRAMMAR}),
    defer_loading=BOOLEAN,
    allowed_callers=_CALLERS,
)
TOOLS = {
    "function": FUNCTION,
    "file_search": _FILE_SEARCH,
    "computer": obj(),
    "computer_use": obj(),
    "computer_use_preview": _COMPUTER_PREVIEW,
    "web_search": _WEB_SEARCH,
    "web_search_2025_08_26": _WEB_SEARCH,
    "web_search_preview": _WEB_SEARCH_PREVIEW,
    "web_search_preview_2025_03_11": _WEB_SEARCH_PREVIEW,
    "mcp": _MCP,
    "code_interpreter": obj("container", container=either(TEXT, _CONTAINER), allowed_callers=_CALLERS),
    "image_generation": _IMAGE_GENERATION,
    "local_shell": obj(),
    "shell": obj(environment=ENVIRONMENT, allowed_callers=_CALLERS),
    "custom": CUSTOM,
    "namespace": obj(
        "name description tools",
        name=text(1),
        description=text(1),
        tools=listing(tagged(shapes={"function": FUNCTION, "custom": CUSTOM}), at_least=1),
    ),
    "tool_search": obj(execution=choice("server client"), description=TEXT, parameters=OBJECT),
    "apply_patch": obj(allowed_callers=_CALLERS),
    "programmatic_tool_calling": obj(),
}
"""The tools by type; what calls of them look like in a history is in `openai_responses_items_shapes`."""
