"""OpenAI's Responses API: `POST /v1/responses`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_rules import forms
from pipelex_rules.families import openai as family
from pipelex_rules.rule import rule
from pipelex_rules.schemas.openai_strict import strict_rules
from pipelex_rules.schemas.others import object_root_rule
from pipelex_rules.shapes import ANY, BOOLEAN, OBJECT, TEXT, choice, either, integer, listing, number, obj, tagged, text
from pipelex_rules.sources import Source, client, thread
from pipelex_rules.values import dig, records, string
from pipelex_rules.wire import Wire
from pipelex_rules.wires import openai_responses_hosted as hosted
from pipelex_rules.wires import openai_responses_items as items
from pipelex_rules.wires import openai_responses_items_shapes
from pipelex_rules.wires.openai_chat_models import ALWAYS_REFUSED, DEFAULTS
from pipelex_rules.wires.openai_chat_shapes import CACHE_KEY, CACHE_OPTIONS, EFFORTS, METADATA, MODERATION, NAME

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from pipelex_rules.rule import Findings, Request

SPECIFICATION = Source("github:openai/openai-openapi openapi.json@f85dbe2", "2026-08-21")
SDK = Source("openai@3.57.0 types/responses/response_create_params.py", "2026-11-30")
PROFILES = client("github:pydantic/pydantic-ai@4fda3898 profiles/openai.py (tried at the live API)", "2026-07")
INCLUDES = (
    "file_search_call.results web_search_call.results web_search_call.action.sources message.input_image.image_url"
    " computer_call_output.output.image_url code_interpreter_call.outputs reasoning.encrypted_content message.output_text.logprobs"
)
FORMAT = tagged(
    shapes={
        "text": obj(),
        "json_object": obj(),
        "json_schema": obj(
            "name schema", name=text(1, 64, pattern=NAME), schema=OBJECT, description=TEXT, strict=BOOLEAN
        ),
    }
)
_CHOICES = {name: obj() for name in hosted.TOOLS}
TOOL_CHOICE = either(
    choice("none auto required"),
    tagged(
        shapes={
            **_CHOICES,
            "function": obj("name", name=TEXT),
            "custom": obj("name", name=TEXT),
            "mcp": obj("server_label", server_label=TEXT),
            "allowed_tools": obj("mode tools", mode=choice("auto required"), tools=listing(OBJECT, at_least=1)),
        }
    ),
)
REASONING = obj(
    closed=True,
    effort=choice(EFFORTS, source=Source("openai@3.57.0 types/shared/reasoning_effort.py", "2026-11-30")),
    summary=choice("auto concise detailed"),
    generate_summary=choice("auto concise detailed"),
    context=choice("auto current_turn all_turns"),
    mode=TEXT,
)
BODY = obj(
    closed=True,
    access_programs=OBJECT,
    background=BOOLEAN,
    background_options=OBJECT,
    context_management=listing(obj("type", type=choice("compaction"), compact_threshold=integer(1_000)), at_least=1),
    conversation=either(TEXT, obj("id", id=TEXT)),
    image=OBJECT,
    include=listing(choice(INCLUDES, source=SDK)),
    input=either(TEXT, listing(openai_responses_items_shapes.ITEM)),
    instructions=TEXT,
    max_output_tokens=integer(16),
    max_tool_calls=integer(1),
    metadata=METADATA,
    model=text(1),
    moderation=MODERATION,
    multi_agent=ANY,
    parallel_tool_calls=BOOLEAN,
    previous_response_id=TEXT,
    prompt=obj("id", id=TEXT, variables=OBJECT, version=TEXT),
    prompt_cache_key=CACHE_KEY,
    prompt_cache_options=CACHE_OPTIONS,
    prompt_cache_retention=choice("in_memory in-memory 24h"),
    reasoning=REASONING,
    safety_identifier=text(0, 128, source=SDK),
    service_tier=choice("auto default flex scale priority fast", source=SDK),
    store=BOOLEAN,
    stream=BOOLEAN,
    stream_options=obj(include_obfuscation=BOOLEAN, closed=True),
    temperature=number(0, 2),
    text=obj(format=FORMAT, verbosity=choice("low medium high"), closed=True),
    tool_choice=TOOL_CHOICE,
    tools=listing(tagged(shapes=hosted.TOOLS), at_most=128),
    top_logprobs=integer(0, 20),
    top_p=number(0, 1),
    truncation=choice("auto disabled"),
    user=TEXT,
)


def strict_schemas(request: Request) -> Iterator[tuple[str, Any]]:
    """Find the schemas of a request that are in strict mode."""
    wanted = dig(request.get("text"), "format")
    if dig(wanted, "strict") is True and dig(wanted, "schema") is not None:
        yield "text.format.schema", dig(wanted, "schema")
    for index, tool in records(request.get("tools")):
        if tool.get("strict") is True and tool.get("parameters") is not None:
            yield f"tools[{index}].parameters", tool["parameters"]


def tool_schemas(request: Request) -> Iterator[tuple[str, Any]]:
    """Find the schemas of a request's functions."""
    for index, tool in records(request.get("tools")):
        if tool.get("type") == "function" and tool.get("parameters") is not None:
            yield f"tools[{index}].parameters", tool["parameters"]


@rule(SDK)
def two_histories(request: Request) -> Findings:
    """previous_response_id excludes conversation."""
    if request.has("previous_response_id") and request.has("conversation"):
        yield "previous_response_id", "mutually exclusive parameters: 'conversation' and 'previous_response_id'"


@rule(client("github:pydantic/pydantic-ai@4fda3898 models/openai.py", "2026-08-23"), code="missing_required_parameter")
def input_is_needed(request: Request) -> Findings:
    """A request has input, a prompt, a conversation or a previous response."""
    others = ("previous_response_id", "prompt", "conversation")
    if not request.get("input") and not any(request.has(name) for name in others):
        yield "input", "one of 'input' or 'previous_response_id' or 'prompt' or 'conversation' must be provided"


@rule(SPECIFICATION, code="missing_required_parameter")
def model_is_needed(request: Request) -> Findings:
    """A request names its model, unless a prompt does."""
    if not request.has("model") and not request.has("prompt"):
        yield "model", "required field 'model' is missing"


@rule(SPECIFICATION)
def stream_options_without_stream(request: Request) -> Findings:
    """stream_options only with stream true."""
    if request.has("stream_options") and request.get("stream") is not True:
        yield "stream_options", "the 'stream_options' parameter is only allowed when 'stream' is enabled"


@rule(SPECIFICATION)
def background_is_stored(request: Request) -> Findings:
    """A response in the background is stored."""
    if request.get("background") is True and request.get("store") is False:
        yield "background", "background mode requires 'store' to be true"


@rule(PROFILES, code="unsupported_parameter")
def sampling_while_reasoning(request: Request) -> Findings:
    """A model that reasons refuses sampling parameters."""
    if not family.reasons(request.model, dig(request.get("reasoning"), "effort")):
        return
    for name, default in DEFAULTS.items():
        if request.has(name) and request.get(name) != default:
            yield name, f"unsupported parameter: '{name}' is not supported with this model"
    for name in ALWAYS_REFUSED:
        if request.has(name) and request.get(name) != 0:
            yield name, f"unsupported parameter: '{name}' is not supported with this model"


@rule(Source("https://platform.openai.com/docs/guides/reasoning", "2026-08"), code="unsupported_value")
def effort_levels(request: Request) -> Findings:
    """A model takes its own levels of effort only."""
    levels, wanted = family.efforts(request.model), dig(request.get("reasoning"), "effort")
    if levels is not None and wanted in family.EFFORTS and wanted not in levels:
        supported = ", ".join(f"'{level}'" for level in levels)
        yield (
            "reasoning.effort",
            f"unsupported value: '{wanted}' is not supported with this model. Supported values are: {supported}",
        )


@rule(Source("https://platform.openai.com/docs/guides/reasoning", "2026-08"), code="unsupported_parameter")
def effort_without_reasoning(request: Request) -> Findings:
    """Models that do not reason refuse reasoning.effort."""
    if dig(request.get("reasoning"), "effort") is not None and family.base_id(request.model).startswith(
        ("gpt-4", "gpt-3.5", "chatgpt-4o")
    ):
        yield "reasoning.effort", "unsupported parameter: 'reasoning.effort' is not supported with this model"


@rule(
    thread("https://community.openai.com/t/encrypted-content-is-not-supported-with-this-model/1287645", "2025-06"),
    code="invalid_request_error",
)
def encrypted_content_without_reasoning(request: Request) -> Findings:
    """Models that do not reason have no encrypted reasoning to include."""
    included = request.get("include")
    if (
        isinstance(included, list)
        and "reasoning.encrypted_content" in included
        and family.base_id(request.model).startswith(("gpt-4", "gpt-3.5"))
    ):
        yield "include", "encrypted content is not supported with this model"


@rule(SPECIFICATION)
def tool_choice_names_a_tool(request: Request) -> Findings:
    """A named tool_choice is one of the tools."""
    wanted = request.get("tool_choice")
    names = {string(tool.get("name")) for _, tool in records(request.get("tools"))}
    if (
        dig(wanted, "type") in ("function", "custom")
        and isinstance(dig(wanted, "name"), str)
        and dig(wanted, "name") not in names
    ):
        yield "tool_choice", f"tool choice '{string(dig(wanted, 'name'))[:80]}' not found in 'tools' parameter"


@rule(SPECIFICATION)
def json_mode_without_the_word(request: Request) -> Findings:
    """With text.format json_object the input holds the word json."""
    if (
        dig(request.get("text"), "format", "type") != "json_object"
        or request.has("prompt")
        or request.has("previous_response_id")
    ):
        return
    if "json" not in (items.all_text(request) + string(request.get("instructions"))).lower():
        yield (
            "input",
            "response input messages must contain the word 'json' in some form to use 'text.format' of type 'json_object'",
        )


@rule(SPECIFICATION)
def mcp_servers_have_a_place(request: Request) -> Findings:
    """An MCP server is named by one of server_url, connector_id and tunnel_id."""
    for index, tool in records(request.get("tools")):
        named = [name for name in ("server_url", "connector_id", "tunnel_id") if tool.get(name) is not None]
        if tool.get("type") == "mcp" and len(named) != 1:
            yield f"tools[{index}]", "exactly one of 'server_url', 'connector_id' and 'tunnel_id' must be provided"


RULES = (
    two_histories,
    mcp_servers_have_a_place,
    input_is_needed,
    model_is_needed,
    stream_options_without_stream,
    background_is_stored,
    sampling_while_reasoning,
    effort_levels,
    effort_without_reasoning,
    encrypted_content_without_reasoning,
    tool_choice_names_a_tool,
    json_mode_without_the_word,
    *items.RULES,
    *strict_rules(strict_schemas),
    object_root_rule(
        "tool-schema-root", thread("https://github.com/clay-good/OpenLore/issues/52", "2026-04-03"), tool_schemas
    ),
)

RESPONSES = Wire(provider="openai", api="responses", shape=BODY, rules=RULES, form=forms.openai, source=SPECIFICATION)
_COUNTED = (
    "conversation input instructions model parallel_tool_calls personality previous_response_id reasoning text tool_choice"
    " tools truncation"
)
_FIELDS = {**BODY.fields, "personality": TEXT}
INPUT_TOKENS = Wire(
    provider="openai",
    api="input_tokens",
    shape=obj(closed=True, fields={name: _FIELDS[name] for name in _COUNTED.split()}),
    rules=(two_histories, mcp_servers_have_a_place, effort_levels, tool_choice_names_a_tool, *items.RULES),
    form=forms.openai,
    source=Source("openai@3.57.0 types/responses/input_token_count_params.py", "2026-11-30"),
)
