"""What a request of Anthropic's Messages API looks like."""

from __future__ import annotations

from pipelex_rules.shapes import BOOLEAN, OBJECT, TEXT, choice, either, integer, listing, number, obj, tagged, text
from pipelex_rules.sources import Source
from pipelex_rules.wires import anthropic_blocks_shapes
from pipelex_rules.wires.anthropic_hosted_shapes import CACHE_CONTROL, CALLERS, TOOLS

SDK = Source("anthropic@2.14.0 types/message_create_params.py", "2026-11-30")
REFERENCE = Source("https://platform.claude.com/docs/en/api/messages/create", "2026-08-22")
_TOOL_NAME = text(1, 128, pattern=r"[a-zA-Z0-9_-]+", source=SDK)
_CUSTOM = obj(
    "name input_schema",
    closed=True,
    type=TEXT,
    name=_TOOL_NAME,
    description=TEXT,
    input_schema=OBJECT,
    cache_control=CACHE_CONTROL,
    strict=BOOLEAN,
    defer_loading=BOOLEAN,
    eager_input_streaming=BOOLEAN,
    input_examples=listing(OBJECT),
    allowed_callers=CALLERS,
)
TOOL = tagged(
    shapes={"custom": _CUSTOM, **TOOLS},
    open=True,
    default="custom",
)
THINKING = tagged(
    shapes={
        "enabled": obj(
            "budget_tokens",
            type=TEXT,
            budget_tokens=integer(1_024),
            display=choice("summarized omitted full"),
            closed=True,
        ),
        "disabled": obj(type=TEXT, closed=True),
        "adaptive": obj(type=TEXT, display=choice("summarized omitted full"), closed=True),
        "between_tools": obj(),
    },
    source=Source("anthropic@2.14.0 types/thinking_config_enabled_param.py", "2026-11-30"),
)
_PARALLEL = BOOLEAN
TOOL_CHOICE = tagged(
    shapes={
        "auto": obj(type=TEXT, disable_parallel_tool_use=_PARALLEL, closed=True),
        "any": obj(type=TEXT, disable_parallel_tool_use=_PARALLEL, closed=True),
        "tool": obj("name", type=TEXT, name=TEXT, disable_parallel_tool_use=_PARALLEL, closed=True),
        "none": obj(type=TEXT, closed=True),
    },
    source=SDK,
)
_FORMAT = tagged(shapes={"json_schema": obj("schema", type=TEXT, schema=OBJECT, closed=True)}, source=SDK)
OUTPUT_CONFIG = obj(
    closed=True,
    effort=choice(
        "low medium high xhigh max", source=Source("anthropic@2.14.0 types/output_config_param.py", "2026-11-30")
    ),
    format=_FORMAT,
    task_budget=OBJECT,
)
_BETA = dict.fromkeys(("context_management", "diagnostics", "billing_policy", "compaction", "thread"), OBJECT) | {
    "fallback_credit_token": text(1, 2_048, source=REFERENCE),
    "user_profile_id": TEXT,
    "workspace_id": TEXT,
    "betas": listing(TEXT),
}
COUNTED = obj(
    "messages",
    closed=True,
    fields=_BETA,
    messages=listing(anthropic_blocks_shapes.MESSAGE, at_least=1, at_most=100_000),
    model=text(1, 256),
    anthropic_version=TEXT,
    cache_control=CACHE_CONTROL,
    mcp_servers=listing(OBJECT, at_most=20),
    output_config=OUTPUT_CONFIG,
    output_format=_FORMAT,
    speed=choice("fast standard"),
    system=either(TEXT, listing(anthropic_blocks_shapes.TEXT_BLOCK)),
    thinking=THINKING,
    tool_choice=TOOL_CHOICE,
    tools=listing(TOOL),
)
BODY = COUNTED.having(
    required="max_tokens",
    max_tokens=integer(1),
    container=either(TEXT, OBJECT),
    fallbacks=listing(OBJECT),
    inference_geo=TEXT,
    metadata=obj(user_id=text(0, 512, source=REFERENCE), closed=True),
    service_tier=choice("auto standard_only", source=SDK),
    stop_sequences=listing(TEXT, at_most=8_191),
    stream=BOOLEAN,
    temperature=number(0, 1),
    top_k=integer(0),
    top_p=number(0, 1),
)
