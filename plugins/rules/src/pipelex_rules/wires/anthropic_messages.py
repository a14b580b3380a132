"""Anthropic's Messages API: `POST /v1/messages` and `/v1/messages/count_tokens`; the same on Vertex AI."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_rules import forms
from pipelex_rules.rule import rule
from pipelex_rules.schemas import claude as dialect
from pipelex_rules.schemas.others import object_root_rule
from pipelex_rules.shapes import ANY, OBJECT, listing, obj, text
from pipelex_rules.sources import Source, client
from pipelex_rules.values import dig, encoded_size, records, sequence, size_of, string, strings
from pipelex_rules.wire import Wire
from pipelex_rules.wires import anthropic_blocks as blocks
from pipelex_rules.wires import anthropic_models as models
from pipelex_rules.wires.anthropic_messages_shapes import BODY, COUNTED, SDK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from pipelex_rules.rule import Findings, Request

OLD_USER_ID = 256
SPECIFICATION = Source(
    "github:laszukdawid/anthropic-openapi-spec hosted_spec.json@40cee51 (Anthropic's published specification)",
    "2024-11-08",
)
ERRORS = Source("https://platform.claude.com/docs/en/api/errors", "2026-11-30")
MEGABYTES, STRICT_TOOLS = 32, 20


def strict_schemas(requested: Request) -> Iterator[tuple[str, Any]]:
    """Find the schemas of structured output and of strict tools."""
    for name in ("output_config", "output_format"):
        wanted = dig(requested.get(name), "format") if name == "output_config" else requested.get(name)
        if dig(wanted, "schema") is not None:
            yield f"{name}.format.schema" if name == "output_config" else "output_format.schema", dig(wanted, "schema")
    for index, tool in records(requested.get("tools")):
        if tool.get("strict") is True and tool.get("input_schema") is not None:
            yield f"tools[{index}].input_schema", tool["input_schema"]


def tool_schemas(requested: Request) -> Iterator[tuple[str, Any]]:
    """Find the schemas of a request's tools."""
    for index, tool in records(requested.get("tools")):
        if tool.get("input_schema") is not None:
            yield f"tools[{index}].input_schema", tool["input_schema"]


def _typed_root(requested: Request) -> Findings:
    for place, schema in tool_schemas(requested):
        if isinstance(schema, dict) and "type" not in schema:
            yield f"{place}.type", "Field required"


@rule(Source("https://platform.claude.com/docs/en/build-with-claude/prompt-caching", "2026-08"))
def cache_breakpoints(requested: Request) -> Findings:
    """At most 4 blocks with cache_control in tools, system and messages together."""
    count = sum(1 for _ in blocks.cached(requested))
    if count > 4:
        yield "", f"a maximum of 4 blocks with cache_control may be provided. Found {count}"


@rule(Source("https://platform.claude.com/docs/en/build-with-claude/prompt-caching#mixing-different-ttls", "2026-08"))
def longer_cache_first(requested: Request) -> Findings:
    """A breakpoint of one hour precedes those of five minutes."""
    short = False
    for place, control in blocks.cached(requested):
        if control.get("ttl") == "1h":
            if short:
                yield place, "a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block"
        else:
            short = True


@rule(SDK)
def tool_names_are_unique(requested: Request) -> Findings:
    """Tool names are unique."""
    seen: set[str] = set()
    for index, tool in records(requested.get("tools")):
        name = string(tool.get("name"))
        if name and name in seen:
            yield f"tools[{index}].name", "tool names must be unique"
        seen.add(name)


@rule(SDK)
def tool_choice_has_tools(requested: Request) -> Findings:
    """tool_choice needs tools, and a named one is among them."""
    wanted = dig(requested.get("tool_choice"), "type")
    tools = sequence(requested.get("tools"))
    if wanted in ("any", "tool", "auto") and "tools" not in (
        requested.body if isinstance(requested.body, dict) else {}
    ):
        yield "tool_choice", "tool_choice may only be specified while providing tools"
    name = dig(requested.get("tool_choice"), "name")
    if wanted == "tool" and tools and name not in [dig(tool, "name") for tool in tools]:
        yield "tool_choice.name", f"tool '{str(name)[:80]}' not found in provided tools"


@rule(Source("https://platform.claude.com/docs/en/agents-and-tools/tool-use/web-search-tool", "2026-08"))
def one_list_of_domains(requested: Request) -> Findings:
    """A tool of the web has allowed_domains or blocked_domains, not both."""
    for index, tool in records(requested.get("tools")):
        if tool.get("allowed_domains") and tool.get("blocked_domains"):
            yield f"tools[{index}].blocked_domains", "allowed_domains and blocked_domains exclude each other"


@rule(dialect.COMPLEXITY)
def strict_tool_count(requested: Request) -> Findings:
    """At most 20 tools with strict true."""
    count = sum(1 for _, tool in records(requested.get("tools")) if tool.get("strict") is True)
    if count > STRICT_TOOLS:
        yield "tools", f"{count} strict tools exceed the limit of {STRICT_TOOLS}"


@rule(client("litellm@1.110.2 llms/anthropic/chat/transformation.py", "2026-11-30"))
def blank_stop_sequences(requested: Request) -> Findings:
    """A stop sequence is not blank."""
    for index, item in enumerate(strings(sequence(requested.get("stop_sequences")))):
        if not item.strip():
            yield f"stop_sequences[{index}]", "each stop sequence must contain non-whitespace"


@rule(client("anthropic@2.14.0 lib/_parse/_transform.py", "2026-11-30"))
def two_output_formats(requested: Request) -> Findings:
    """output_format and output_config.format exclude each other."""
    if requested.has("output_format") and dig(requested.get("output_config"), "format") is not None:
        yield "output_format", "output_format is deprecated: use output_config.format alone"


@rule(ERRORS, status=413, type="request_too_large")
def request_bytes(requested: Request) -> Findings:
    """A request has at most 32 MB."""
    size = requested.size if requested.size is not None else encoded_size(requested.body)
    if size > MEGABYTES * 1024 * 1024:
        yield "", "request exceeds the maximum size"


@rule(Source("https://platform.claude.com/docs/en/build-with-claude/citations", "2026-01"))
def citations_without_a_schema(requested: Request) -> Findings:
    """Structured output excludes citations."""
    if dig(requested.get("output_config"), "format") is None:
        return
    for place, block in blocks.all_blocks(requested):
        if dig(block, "citations", "enabled") is True:
            yield f"{place}.citations", "citations are not supported with output_config.format"


@rule(SPECIFICATION.assumed())
def long_user_ids(request: Request) -> Findings:
    """metadata.user_id had at most 256 characters in an older specification; today's has 512."""
    if size_of(dig(request.get("metadata"), "user_id")) > OLD_USER_ID:
        yield "metadata.user_id", f"has more than {OLD_USER_ID} characters"


SHARED = (
    cache_breakpoints,
    longer_cache_first,
    tool_names_are_unique,
    tool_choice_has_tools,
    one_list_of_domains,
    strict_tool_count,
    blank_stop_sequences,
    two_output_formats,
    request_bytes,
    citations_without_a_schema,
    rule(SPECIFICATION)(_typed_root).but(name="tool-schema-type", words="A tool's schema says its type."),
    object_root_rule("tool-schema-root", SPECIFICATION, tool_schemas),
    long_user_ids,
    *blocks.RULES,
    *models.RULES,
    *dialect.strict_rules(strict_schemas),
)
MESSAGES = Wire(
    provider="anthropic", api="messages", shape=BODY, rules=SHARED, form=forms.anthropic, source=SPECIFICATION
)
# Counting does not look at what the model refuses: recorded traffic anthropic-count_tokens-319b43ce was answered.
_COUNTED_RULES = tuple(each for each in SHARED if each not in models.RULES)
COUNT_TOKENS = Wire(
    provider="anthropic",
    api="count_tokens",
    shape=COUNTED.having(required="model"),
    rules=_COUNTED_RULES,
    form=forms.anthropic,
    source=SPECIFICATION,
)

FILE_BYTES = 500 * 1024 * 1024


@rule(ERRORS, status=413, type="request_too_large")
def file_bytes(requested: Request) -> Findings:
    """A file has at most 500 MB."""
    if size_of(requested.get("file")) > FILE_BYTES:
        yield "file", "the file has more than 500 MB"


FILES = Wire(
    provider="anthropic", api="files", shape=obj(file=ANY), rules=(file_bytes,), form=forms.anthropic, source=ERRORS
)

_REQUEST = obj("custom_id params", custom_id=text(1, 64, pattern=r"[a-zA-Z0-9_-]{1,64}"), params=OBJECT)
BATCH_REQUESTS, BATCH_MEGABYTES = 100_000, 256


@rule(
    Source("https://platform.claude.com/docs/en/build-with-claude/batch-processing", "2026-05-13"),
    status=413,
    type="request_too_large",
)
def batch_limits(requested: Request) -> Findings:
    """A batch has at most 100,000 requests and 256 MB."""
    if len(sequence(requested.get("requests"))) > BATCH_REQUESTS:
        yield "requests", f"more than {BATCH_REQUESTS} requests"
    if (requested.size or 0) > BATCH_MEGABYTES * 1024 * 1024:
        yield "", f"more than {BATCH_MEGABYTES} MB"


@rule(Source("anthropic@2.14.0 types/messages/batch_create_params.py", "2026-11-30"))
def batch_ids_are_unique(requested: Request) -> Findings:
    """custom_id is unique in its batch."""
    seen: set[str] = set()
    for index, request in records(requested.get("requests")):
        name = string(request.get("custom_id"))
        if name in seen:
            yield f"requests[{index}].custom_id", f"the custom_id '{name[:70]}' is not unique"
        seen.add(name)


BATCH = Wire(
    provider="anthropic",
    api="batch",
    shape=obj("requests", requests=listing(_REQUEST, at_least=1), closed=True),
    rules=(batch_limits, batch_ids_are_unique),
    form=forms.anthropic,
    source=SPECIFICATION,
)
